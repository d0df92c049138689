"""The console and its API are released by the engine that they show, while people use them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.scenarios.console import Console
from tests.scenarios.platform import Platform, eventually
from tests.scenarios.release.colleagues import at_work
from tests.scenarios.release.consoles import (
    apis,
    assert_still_logged_in,
    deploy,
    seen,
    serving,
    somebody,
    whole_platform,
)
from tests.scenarios.release.versions import make_version, rewrite

pytestmark = pytest.mark.timeout(300)
_SERVER = "backend/src/insightengine/api/server.py"


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with whole_platform() as found:
        yield found


@pytest.fixture(scope="module")
def console(platform: Platform) -> Iterator[Console]:
    with somebody(platform) as found:
        yield found


def test_the_console_is_released_and_rolled_back_while_people_work_with_it(
    platform: Platform, console: Console
) -> None:
    one, two = (make_version(platform.folder / name, name) for name in ("one", "two"))
    first = deploy(platform, one)
    assert seen(platform) == ("one", "one", first, first)
    with at_work(platform, console) as work:
        second = deploy(platform, two)
        work.await_more(5)
        assert seen(platform) == ("two", "two", second, second)
        opened_before = httpx.get(f"{platform.console}/_next/static/one.js", timeout=5)
        assert opened_before.status_code == 200, "a page of before the switch loads its script"
        assert sorted(apis(platform).values()) == sorted([first, second])
        platform.insight("rollback", "--unit", "console")
        work.await_more(5)
        assert seen(platform) == ("one", "one", first, first)
    assert work.failures == [], f"of {work.count} requests"
    assert work.count > 60
    for kind, releases in work.answers.items():
        assert set(releases) == {first, second}, kind
    assert_still_logged_in(console)


def test_a_version_that_does_not_start_leaves_the_old_one_serving(
    platform: Platform, console: Console
) -> None:
    before = serving(platform)
    broken = make_version(platform.folder / "broken", "broken")
    rewrite(
        broken / _SERVER,
        "def main() -> None:\n",
        'def main() -> None:\n    raise SystemExit("no")\n',
    )
    with at_work(platform, console) as work:
        assert deploy(platform, broken, expected=8) == before
        work.await_more(2)
    assert work.failures == [], f"of {work.count} requests"
    assert {release for releases in work.answers.values() for release in releases} == {before}
    assert set(apis(platform).values()) == {before}
    assert console.get("/auth/session").status_code == 200


def test_what_served_last_comes_up_again_in_its_colour(platform: Platform) -> None:
    """In production nothing but a release changes the version, whatever the checkout holds."""
    released = deploy(platform, make_version(platform.folder / "three", "three"))
    platform.insight("release", "retire", "--unit", "console")
    running = apis(platform)
    assert list(running.values()) == [released]
    platform.insight("down")
    (platform.folder / ".env").write_text("INSIGHT_ENVIRONMENT=production\n")
    platform.insight("up", "--detach")
    eventually(platform.is_whole, 60, "the platform is whole again")
    assert apis(platform) == running
    assert seen(platform) == ("three", "three", released, released)


def test_a_console_that_was_not_built_is_refused(platform: Platform) -> None:
    unbuilt = make_version(platform.folder / "unbuilt", "unbuilt")
    (unbuilt / "frontend/out/index.html").unlink()
    before = serving(platform)
    done = platform.insight("deploy", "--unit", "console", "--from", str(unbuilt), check=False)
    assert done.returncode == 3
    assert "npm run build" in done.stderr
    assert serving(platform) == before
