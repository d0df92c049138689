"""Failures of recovery. INSIGHT_ALL_SCENARIOS=1 runs those, too, that take long."""

from __future__ import annotations

import os

import pytest

from tests.scenarios.recovery.outcomes import OUTCOMES, PAGE, recorded

EVERYTHING = os.environ.get("INSIGHT_ALL_SCENARIOS") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(reason="takes long: INSIGHT_ALL_SCENARIOS=1 runs it")
    for item in items:
        if item.get_closest_marker("slow") and not EVERYTHING:
            item.add_marker(skip)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not OUTCOMES:
        return
    terminalreporter.section("failures of recovery: acknowledged, lost, final state, time")
    for one in OUTCOMES:
        terminalreporter.write_line(one.row)
    if os.environ.get("INSIGHT_RECORD") == "1":
        PAGE.write_text(recorded(PAGE.read_text(encoding="utf-8"), OUTCOMES), encoding="utf-8")
