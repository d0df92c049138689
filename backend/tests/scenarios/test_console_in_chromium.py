"""The console in a real Chromium, on a platform with the shop and its visitors."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from shop.payments import BREAKING_CARD
from tests.scenarios.huge_trace import send_huge_trace
from tests.scenarios.platform import REPOSITORY, Platform, eventually, throwaway_platform

FRONTEND = REPOSITORY / "frontend"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    given = os.environ.get("CHROMIUM")
    found = (shutil.which(name) for name in ([given] if given else NAMES))
    return next((path for path in found if path), None)


@dataclass(frozen=True)
class Browser:
    """Runs the scenarios of `frontend/e2e`. The session of one is that of the next."""

    chromium: str
    platform: Platform
    session_file: Path

    def run(self, scenario: str, **given: str) -> None:
        done = subprocess.run(
            ["node", "e2e/run.mjs", scenario],
            cwd=FRONTEND,
            env={
                **os.environ,
                "CHROMIUM": self.chromium,
                "CONSOLE": self.platform.console,
                "SESSION_FILE": str(self.session_file),
                **given,
            },
            text=True,
            capture_output=True,
            timeout=150,
            check=False,
        )
        assert done.returncode == 0, f"{scenario} failed:\n{done.stdout}{done.stderr}"

    def log_in_first(self) -> None:
        """By the printed link; nothing the second time."""
        if not self.session_file.exists():
            self.run("firstLogIn", SETUP_LINK=self.platform.setup_link())


@pytest.fixture(scope="module")
def chromium_path() -> str:
    """Without Chromium the tests are left out; `INSIGHT_REQUIRE_BROWSER=1` makes that a failure."""
    path = chromium()
    if path is None:
        reason = f"no Chromium: none of {', '.join(NAMES)} is on the PATH, and CHROMIUM is not set"
        if os.environ.get("INSIGHT_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{reason}; INSIGHT_REQUIRE_BROWSER=1 asks for it", pytrace=False)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="module")
def platform(chromium_path: str) -> Iterator[Platform]:
    """With the console as its sources are now. Its own, as the printed set-up link works once."""
    build = subprocess.run(
        ["bash", "-c", ". bin/lib.sh; install_node; build_console"],
        cwd=REPOSITORY,
        text=True,
        capture_output=True,
        check=False,
    )
    assert build.returncode == 0, build.stderr
    with throwaway_platform() as platform:
        platform.insight("demo", "--detach")
        eventually(platform.is_whole, 60, "the platform with the shop is whole")
        yield platform


@pytest.fixture(scope="module")
def newcomer(
    chromium_path: str, platform: Platform, tmp_path_factory: pytest.TempPathFactory
) -> Browser:
    session_file = tmp_path_factory.mktemp("browser") / "session.json"
    return Browser(chromium_path, platform, session_file)


@pytest.fixture(scope="module")
def browser(newcomer: Browser) -> Browser:
    """Somebody who used the set-up link, and has logged in with the password since."""
    newcomer.log_in_first()
    newcomer.run("secondLogIn")
    return newcomer


@pytest.fixture(scope="module")
def failed_orders(platform: Platform) -> int:
    """So many check-outs fail at once, each in the payment service behind the shop."""
    count = 12
    with httpx.Client(base_url=platform.shop, timeout=20) as visitor:
        visitor.post("/basket/lines", data={"slug": _some_product(visitor), "quantity": "1"})
        for _ in range(count):
            answer = visitor.post(
                "/checkout", data={"email": "spike@example.org", "card": BREAKING_CARD}
            )
            assert answer.status_code == 502
    failed = (
        "SELECT count() AS n FROM spans WHERE StatusCode = 'error' AND SpanName = 'POST /checkout'"
    )
    eventually(lambda: int(platform.sql(failed)[0]["n"]) >= count, 30, "the failures are stored")
    return count


def _some_product(visitor: httpx.Client) -> str:
    return str(visitor.get("/api/products").json()[0]["slug"])


def test_the_setup_link_leads_to_a_request_count_that_rises(newcomer: Browser) -> None:
    newcomer.log_in_first()


@pytest.mark.usefixtures("failed_orders")
def test_a_click_on_an_error_spike_opens_the_failing_trace_with_its_lines(browser: Browser) -> None:
    browser.run("errorSpike")


@pytest.mark.usefixtures("failed_orders")
def test_the_console_is_worked_with_the_keyboard_alone(browser: Browser) -> None:
    browser.run("keyboardOnly")


@pytest.mark.usefixtures("failed_orders")
def test_logs_are_searched_with_completion_fields_and_saved_views(browser: Browser) -> None:
    browser.run("searchLogs")


@pytest.mark.usefixtures("failed_orders")
def test_traces_are_narrowed_by_the_fields_of_their_spans(browser: Browser) -> None:
    browser.run("traceFields")


@pytest.mark.usefixtures("failed_orders")
def test_exceptions_metrics_hosts_and_sql_have_pages(browser: Browser) -> None:
    browser.run("otherPages")


def test_records_of_a_person_are_counted_confirmed_and_deleted(
    browser: Browser, platform: Platform
) -> None:
    lines = 7
    _say_of_person(platform.otlp, "person-7", lines)
    said = "SELECT count() AS n FROM logs WHERE LogAttributes['user.id'] = 'person-7'"
    eventually(lambda: int(platform.sql(said)[0]["n"]) == lines, 30, "the lines are stored")
    browser.run("deletion", PERSON="person-7", LINES=str(lines))
    assert int(platform.sql(said)[0]["n"]) == 0


def _say_of_person(otlp: str, person: str, lines: int) -> None:
    now_ns = time.time_ns()
    records = [
        {
            "timeUnixNano": str(now_ns - number * 1_000_000),
            "body": {"stringValue": f"order {number} was placed"},
            "attributes": [{"key": "user.id", "value": {"stringValue": person}}],
        }
        for number in range(lines)
    ]
    service = [{"key": "service.name", "value": {"stringValue": "orders"}}]
    sent = {
        "resourceLogs": [
            {"resource": {"attributes": service}, "scopeLogs": [{"logRecords": records}]}
        ]
    }
    answer = httpx.post(f"{otlp}/v1/logs", json=sent, timeout=20)
    assert answer.status_code == 200, answer.text


def test_a_trace_of_ten_thousand_spans_a_hundred_deep_is_usable(
    browser: Browser, platform: Platform
) -> None:
    trace_id = send_huge_trace(platform.otlp)
    stored = f"SELECT count() AS n FROM spans WHERE TraceId = '{trace_id}'"
    eventually(lambda: int(platform.sql(stored)[0]["n"]) == 10_000, 60, "its spans are stored")
    browser.run("hugeTrace", TRACE_ID=trace_id)


@pytest.mark.usefixtures("failed_orders")
@pytest.mark.parametrize(("width", "theme"), [(380, "dark"), (1440, "light")])
def test_no_page_complains_and_every_page_is_accessible(
    browser: Browser, width: int, theme: str
) -> None:
    browser.run("everyPage", WIDTH=str(width), THEME=theme)


def test_a_release_is_explained_and_the_application_closed_by_its_name(browser: Browser) -> None:
    browser.run("releases")


def test_a_backup_is_taken_and_a_restore_is_planned_and_confirmed(browser: Browser) -> None:
    browser.run("recovery")


def test_new_log_lines_do_not_move_what_is_read(browser: Browser) -> None:
    browser.run("steadyLogs")


def test_a_console_that_is_cut_off_says_so_and_recovers(browser: Browser) -> None:
    browser.run("cutOff")
