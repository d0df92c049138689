"""A platform whose console is released, and what its people and its journal see of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.scenarios.console import Console
from tests.scenarios.platform import Platform, eventually, throwaway_platform


@contextmanager
def whole_platform() -> Iterator[Platform]:
    """Only the platform, without an application."""
    with throwaway_platform() as found:
        found.insight("up", "--detach")
        eventually(found.is_whole, 60, "the platform is whole")
        yield found


@contextmanager
def somebody(platform: Platform) -> Iterator[Console]:
    """Who logs in once, before anything is released."""
    with Console(platform) as found:
        assert found.set_up(platform.setup_link()).status_code == 200
        yield found


def deploy(platform: Platform, folder: Path, expected: int = 0) -> str:
    """The release that serves afterwards."""
    done = platform.insight("deploy", "--unit", "console", "--from", str(folder), check=False)
    assert done.returncode == expected, done.stderr
    return serving(platform)


def serving(platform: Platform) -> str:
    listed = json.loads(platform.insight("releases", "--unit", "console", "--json").stdout)
    (release,) = [one["id"] for one in listed["releases"] if one["state"] == "serving"]
    return str(release)


def seen(platform: Platform) -> tuple[str, str, str, str]:
    """The version in the page, the one in the API, and the release that each says it is."""
    page = httpx.get(f"{platform.console}/monitoring/", timeout=5)
    api = httpx.get(f"{platform.console}/api/health/live", timeout=5)
    version = page.text.partition("<p>")[2].partition("</p>")[0]
    return (
        version,
        api.json().get("v", ""),
        page.headers["x-insight-release"],
        api.headers["x-insight-release"],
    )


def apis(platform: Platform) -> dict[str, str]:
    """The processes of the API, with the release of each."""
    return {
        one["name"]: one["labels"]["release"]
        for one in platform.processes()
        if one["labels"]["service"] == "api"
    }


def assert_still_logged_in(console: Console) -> None:
    """In the session that was begun before the release."""
    session = console.get("/auth/session")
    assert session.status_code == 200, session.text
    assert session.json()["csrf_token"] == console.headers["X-CSRF-Token"]
