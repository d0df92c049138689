"""What a report of a drill proves, and that runbook and drill are one procedure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from insightengine.recovery.drill_report import (
    REPORTS,
    DrillReport,
    StageResult,
    Subject,
    as_markdown,
)
from insightengine.recovery.procedures import PROCEDURES, DrillKind, runbooks_page
from tests.unit.recovery.backups import NOW


def report(kind: DrillKind = DrillKind.RESTORE) -> DrillReport:
    """Every step took a second."""
    stages = tuple(
        StageResult(stage.key, stage.title, stage.counts, NOW + timedelta(seconds=number), 1.0)
        for number, stage in enumerate(PROCEDURES[kind].stages)
    )
    subject = Subject("shop | outlet", "host", "1", "18.6", "42")
    end = NOW + timedelta(seconds=len(stages))
    return DrillReport("20260615T120000-drill-1", kind, "anna", subject, NOW, end, stages, 60.0)


@pytest.mark.parametrize("kind", DrillKind)
def test_the_recovery_time_is_that_of_the_steps_that_count(kind: DrillKind) -> None:
    counting = [stage for stage in PROCEDURES[kind].stages if stage.counts]
    assert report(kind).rto_s == len(counting) > 0


def test_a_step_that_was_not_run_fails_the_drill() -> None:
    cut = replace(report(), stages=report().stages[:3])
    assert (cut.passed, cut.rto_s, cut.verdict) == (False, None, "FAILED")
    assert "not run" in as_markdown(cut)


def test_a_finding_fails_the_drill_though_every_step_ran() -> None:
    assert not replace(report(), findings=("products has 3 rows, not 4",)).passed


def test_slower_than_the_objective_passes_and_says_so() -> None:
    assert replace(report(), rto_target_s=2.0).verdict == "PASSED, but slower than the objective"


def test_the_page_tells_verdict_steps_and_conditions() -> None:
    text = as_markdown(replace(report(), remarks=("on one machine",), figures={"bytes": 7}))
    assert "**PASSED**" in text
    assert "shop \\| outlet on host" in text
    assert (
        "| 4. Start the server from that folder and commit a transaction | 12:00:03 | 1.00 |"
        in text
    )
    assert "- on one machine" in text
    assert "| bytes | 7 |" in text


def test_the_document_reads_back_as_what_was_written() -> None:
    assert REPORTS.validate_json(REPORTS.dump_json(report())) == report()


@pytest.mark.parametrize("kind", DrillKind)
def test_every_step_of_a_drill_stands_in_the_runbook(kind: DrillKind) -> None:
    page = runbooks_page()
    assert f"`insight drill {kind}`" in page
    assert all(stage.title in page for stage in PROCEDURES[kind].stages)


def test_a_step_that_is_in_no_procedure_cannot_be_run() -> None:
    with pytest.raises(KeyError):
        PROCEDURES[DrillKind.FAILOVER].stage("pray")
