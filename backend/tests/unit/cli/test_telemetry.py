"""What `insight telemetry retention` prints of a report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from insightengine.cli import telemetry

TODAY = datetime.now(UTC).date()


def day(age: int) -> str:
    return (TODAY - timedelta(days=age)).isoformat()


def report(cold: Mapping[str, object] | None) -> dict[str, Any]:
    removals = [
        {
            "signal": "logs",
            "service": None,
            "day": day(age),
            "removed_on": day(age - 15),
            "cold_on": day(age - 3) if cold else None,
        }
        for age in (5, 2, 0)
    ]
    return {
        "signals": {"logs": 14, "traces": 2},
        "services": [],
        "removals": removals,
        "cold": cold,
        "stored_bytes": 2_000_000_000,
        "most_bytes": None,
        "next": [],
        "next_bytes": 0,
        "next_rows": 0,
    }


def shown(capsys: pytest.CaptureFixture[str], cold: Mapping[str, object] | None) -> list[str]:
    telemetry._show_retention(report(cold), is_foreseen=False)
    return capsys.readouterr().out.splitlines()


def test_retention_tells_after_how_many_days_records_go_cold_and_when_the_next_ones_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cold = {"policy": "tiers", "days": {"logs": 3, "traces": 3}, "stored_bytes": 1_500_000_000}
    _, logs, traces, *rest = shown(capsys, cold)
    assert logs.split() == [
        "logs",
        "all",
        "others",
        "14",
        "days",
        "3",
        "days",
        day(-1),
        day(5),
        day(-10),
    ]
    assert traces.split() == ["traces", "all", "others", "2", "days", "never"]
    assert "cold tier: volume cold of the storage policy tiers, 1.50 GB there" in rest


def test_retention_says_plainly_that_a_store_has_no_cold_tier(
    capsys: pytest.CaptureFixture[str],
) -> None:
    head, logs, *rest = shown(capsys, None)
    assert "cold" not in head
    assert logs.split() == ["logs", "all", "others", "14", "days", day(5), day(-10)]
    assert "cold tier: none, records stay where they are until they are removed" in rest
