"""`insight dev --console` in a checkout: a real `next dev` in front of a real platform."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.scenarios.console import PASSWORD
from tests.scenarios.platform import INSIGHT, REPOSITORY, Platform, eventually, throwaway_platform
from tests.scenarios.release.versions import make_version
from tests.terminal import Terminal, at_terminal

pytestmark = pytest.mark.timeout(300)
START_S = 120
_PAGE = """export default function Page() {
  return <p>it says SAID</p>;
}
"""
_BUILT = ("node_modules", ".next", "out", "*.tsbuildinfo")


@pytest.fixture
def platform() -> Iterator[Platform]:
    with throwaway_platform() as found:
        yield found


@pytest.fixture
def checkout(platform: Platform) -> Path:
    """A copy that may be changed, with the sources of the console and its packages."""
    packages = REPOSITORY / "frontend/node_modules"
    if not packages.is_dir() or shutil.which("npm") is None:
        pytest.skip("the console's packages are not installed: bin/up or bin/check does")
    folder = make_version(platform.folder / "checkout", "copied")
    sources = folder / "frontend"
    shutil.copytree(
        REPOSITORY / "frontend", sources, ignore=shutil.ignore_patterns(*_BUILT), dirs_exist_ok=True
    )
    shutil.copytree(packages, sources / "node_modules", symlinks=True, copy_function=_link)
    return folder


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system
        shutil.copy2(source, target, follow_symlinks=False)


def save(checkout: Path, said: str) -> None:
    page = checkout / "frontend/app/saved/page.tsx"
    page.parent.mkdir(exist_ok=True)
    page.write_text(_PAGE.replace("SAID", said))


def shows(address: str, text: str) -> bool:
    answer = httpx.get(address, timeout=60, follow_redirects=True)
    return answer.status_code == 200 and text in answer.text


def await_text(address: str, text: str) -> None:
    eventually(lambda: shows(address, text), 60, f"{address} shows {text!r}")


def next_dev(terminal: Terminal) -> list[psutil.Process]:
    """Its processes, not those of the platform."""
    found = re.search(r"\(pid (\d+)\)", "".join(terminal.lines))
    assert found is not None
    first = psutil.Process(int(found[1]))
    return [first, *first.children(recursive=True)]


def test_the_console_of_a_checkout_is_served_with_the_platforms_api_and_reloads_what_is_saved(
    platform: Platform, checkout: Path
) -> None:
    environment = {**platform.environment(), "PYTHONPATH": f"{checkout}/backend/src"}
    dev = f"http://localhost:{platform.base_port + 12}"
    argv = [INSIGHT, "dev", "--console", "--project", platform.folder]
    with at_terminal(argv, environment) as terminal:
        told = f"the console reloads what you save: {dev}/monitoring/"
        terminal.await_shown(lambda lines: any(told in line for line in lines), START_S)
        assert shows(f"{dev}/monitoring/", "<title>"), "a page of the console"
        assert httpx.get(f"{dev}/api/health/live", timeout=30).status_code == 200

        token = platform.setup_link().rpartition("token=")[2]
        headers = {"Origin": dev, "Sec-Fetch-Site": "same-origin"}
        with httpx.Client(base_url=dev, headers=headers, timeout=30) as browser:
            chosen = {"token": token, "password": PASSWORD}
            answer = browser.post("/api/v1/auth/password-setup", json=chosen)
            assert answer.status_code == 200, answer.text
            assert browser.get("/api/v1/auth/session").json()["user"]["role"] == "administrator"

        for said in ("one thing", "another thing"):
            save(checkout, said)
            await_text(f"{dev}/saved/", f"it says {said}")

        started = next_dev(terminal)
        terminal.type(b"\x03")
        assert terminal.end(30) == 0
    assert any("the platform runs on" in line for line in terminal.lines)
    assert "Traceback" not in "\n".join(terminal.lines)
    psutil.wait_procs(started, timeout=10)
    assert [one.pid for one in started if one.is_running()] == [], "something of `next dev` is left"
    assert platform.is_whole()


def test_a_console_that_cannot_be_served_is_told_and_nothing_of_it_is_left(
    platform: Platform, checkout: Path
) -> None:
    """Its configuration is wrong, so that `next dev` ends by itself."""
    (checkout / "frontend/next.config.ts").write_text("throw new Error('a wrong configuration');\n")
    environment = {**platform.environment(), "PYTHONPATH": f"{checkout}/backend/src"}
    argv = [INSIGHT, "dev", "--console", "--project", platform.folder]
    with at_terminal(argv, environment) as terminal:
        code = terminal.end(START_S)
    said = "\n".join(terminal.lines)
    assert code == 6, said
    assert "a wrong configuration" in said
    assert "error: the console is not served: `next dev` on port" in said
