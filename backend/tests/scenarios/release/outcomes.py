"""What every scenario of releases came to, told at the end of the run."""

from __future__ import annotations

from tests.scenarios.release.ground import Ground
from tests.scenarios.release.load import LOADS

OUTCOMES: list[str] = []


def outcome(test: str, one: Ground) -> str:
    """Final state, failed requests and time of the last operation of a test."""
    last = one.means.journal.operations(None, None, 1)[0]
    took = (
        f"{(last.ended_at - last.asked_at).total_seconds():.1f} s" if last.ended_at else "goes on"
    )
    sent = sum(len(load.latencies_s) for load in LOADS)
    failed = sum(len(load.failures) for load in LOADS)
    requests = f"{failed} of {sent} requests failed" if LOADS else "no load"
    return f"{last.state:<10} {took:>9}  {requests:<34} {test}"
