"""The step after the console's export that gives each page its Content-Security-Policy."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[4] / "frontend" / "scripts" / "csp.mjs"
PAGE = (
    '<!DOCTYPE html><html lang="en"><head><meta charSet="utf-8"/>'
    '<script src="/_next/static/a.js" async=""></script><script>self.x=["a>b"]</script></head>'
    '<body style="margin:0"><script type="application/json">{"no":"code"}</script>'
    "<script>grüße()</script><style>p{}</style></body></html>"
)


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", str(SCRIPT), str(folder)], capture_output=True, text=True, check=False
    )


def policy_of(page: str) -> dict[str, list[str]]:
    content = page.split('<meta http-equiv="Content-Security-Policy" content="')[1].split('"')[0]
    return {words[0]: words[1:] for words in (part.split() for part in content.split("; "))}


def sha256(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_every_page_allows_exactly_its_own_inline_scripts(tmp_path: Path) -> None:
    (tmp_path / "monitoring").mkdir()
    pages = [tmp_path / "index.html", tmp_path / "monitoring" / "index.html"]
    for page in pages:
        page.write_text(PAGE)
    assert run(tmp_path).stdout == "csp: 2 pages have a policy\n"
    for page in pages:
        policy = policy_of(page.read_text())
        assert set(policy["script-src"]) == {
            "'self'",
            sha256('self.x=["a>b"]'),
            sha256("grüße()"),
        }
        assert set(policy["style-src"]) == {"'self'", sha256("p{}")}
        assert policy["default-src"] == policy["base-uri"] == ["'none'"]
        assert policy["connect-src"] == ["'self'"]


def test_the_policy_stands_after_the_charset_and_before_every_script(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text(PAGE)
    run(tmp_path)
    text = page.read_text()
    assert text.index("charSet") < text.index("Content-Security-Policy") < text.index("<script")


def test_running_it_twice_changes_nothing(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text(PAGE)
    run(tmp_path)
    once = page.read_text()
    run(tmp_path)
    assert page.read_text() == once


def test_carriage_returns_are_hashed_as_the_browser_reads_them(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_bytes(b"<html><head></head><script>a\r\nb</script></html>")
    run(tmp_path)
    assert sha256("a\nb") in policy_of(page.read_bytes().decode())["script-src"]


def test_what_the_policy_would_break_fails_the_build(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    for broken, reason in (
        ("<html><head></head><button onclick='x()'></button></html>", "inline event handler"),
        ("<html><body></body></html>", "there is no <head>"),
        ("<script>early()</script><html><head></head></html>", "before <head>"),
    ):
        page.write_text(broken)
        result = run(tmp_path)
        assert result.returncode == 1
        assert reason in result.stderr
        assert page.read_text() == broken


def test_an_export_without_pages_fails_the_build(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.returncode == 1
    assert "was the console exported?" in result.stderr
