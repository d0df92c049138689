"""What recovery measures of itself, and when an objective is not met."""

from __future__ import annotations

from insightengine.core.lsn import Lsn
from insightengine.recovery.measure import Flow, Measurement, measurements
from insightengine.recovery.models import Standing
from insightengine.recovery.objectives import ObjectivesNow
from insightengine.wiring.recovery_health import complaint
from tests.unit.recovery.backups import NOW, backup

MADE = backup(0.5)
MET = ObjectivesNow(0.5, 5.0, 10.0, 60.0, True, MADE.id, "measured by a drill", 20.0)


def measured(objectives: ObjectivesNow, flow: Flow | None = None) -> dict[str, float]:
    found = measurements(objectives, flow or Flow(), [MADE], {MADE.id: Standing.RESTORED}, NOW)
    return {label(one): one.value for one in found}


def label(one: Measurement) -> str:
    return " ".join([one.name.removeprefix("insight.recovery."), *one.attributes.values()])


def test_objectives_age_and_lags_are_measured() -> None:
    flow = Flow(Lsn(1000), Lsn(900), 64, 128, {"s3://b": Lsn(400)}, 7)
    found = measured(MET, flow)
    assert found["rpo"] == 0.5
    assert (found["rto"], found["rto.estimate"]) == (10.0, 20.0)
    assert found["backup.age"] == 43_200
    assert found["backups restored"] == 1
    assert (found["receiver.lag"], found["repository.lag s3://b"]) == (100, 600)
    assert (found["slot.kept"], found["spool.size"], found["replica.lag"]) == (64, 128, 7)


def test_what_is_unknown_is_no_zero_but_a_breach() -> None:
    found = measured(ObjectivesNow(None, 5.0, None, None, False, None, "no proven backup"))
    assert "rpo" not in found
    assert "receiver.lag" not in found
    assert found["breached rpo"] == 1


def test_the_worse_of_measured_and_estimated_is_held_against_the_target() -> None:
    grown = ObjectivesNow(0.5, 5.0, 10.0, 60.0, True, MADE.id, "measured", 90.0)
    assert measured(grown)["breached rto"] == 1
    assert complaint(grown.as_json()) == "RTO is 90 s, allowed are 60 s (measured)"


def test_nothing_is_complained_of_while_all_is_met() -> None:
    assert complaint(MET.as_json()) is None


def test_an_unknown_rpo_is_complained_of() -> None:
    lost = ObjectivesNow(None, 5.0, None, None, False, None, "no proven backup")
    assert complaint(lost.as_json()) == "RPO is unknown, allowed are 5 s (no proven backup)"
