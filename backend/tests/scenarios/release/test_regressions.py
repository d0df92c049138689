"""Small regressions, as large as they have to be noticed: by the gates, on real requests."""

from __future__ import annotations

import pytest

from tests.scenarios.release.ground import Ground
from tests.scenarios.release.load import load_on
from tests.scenarios.release.test_release import assert_taken_back

pytestmark = pytest.mark.timeout(170)


def test_two_percent_more_errors_are_taken_back(serving: Ground) -> None:
    with load_on(serving.port, senders=8, pause_s=0) as load:
        load.await_answers(2500)
        operation = serving.deploy(version="2", error_ratio=0.02)
    assert_taken_back(serving, operation, "gate_failed")
    assert "the growth is between" in operation.summary
    assert {f.split()[-1] for f in load.failures} == {"500"}, "the switch itself cost none"


def test_a_p95_that_grows_by_half_is_taken_back(serving: Ground) -> None:
    slow = serving.deploy(quick=True, version="1", latency_ms=60)
    assert slow.state == "done", serving.story(slow)
    with load_on(serving.port, senders=8, pause_s=0) as load:
        load.await_answers(600)
        operation = serving.deploy(version="2", latency_ms=90)
    assert_taken_back(serving, operation, "gate_failed")
    assert "times the previous release's" in operation.summary
    assert load.failures == []
