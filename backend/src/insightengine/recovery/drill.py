"""Drills: a whole procedure on a scratch copy, each step timed, written down for an auditor.

A drill that fails is a result, not a fault: its report says at which step and why.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from insightengine.core.errors import InsightError
from insightengine.core.lsn import Lsn
from insightengine.recovery.drill_failover import rehearse_failover
from insightengine.recovery.drill_report import (
    REPORTS,
    DrillReport,
    StageResult,
    Subject,
    as_markdown,
)
from insightengine.recovery.house import House, Loss, Outcome
from insightengine.recovery.plan import RestorePlan
from insightengine.recovery.procedures import PROCEDURES, DrillKind
from insightengine.recovery.restore import (
    MEASURED_RESTORE,
    RATE,
    begin_anew,
    extract_into,
    plan_restore,
    replay,
)
from insightengine.recovery.scratch import Scratch, running
from insightengine.recovery.verify import examine

_READY_LIMIT_S = 120.0


class Rehearsal:
    """Runs the steps of one procedure and remembers how each went."""

    def __init__(self, house: House, operation: str, kind: DrillKind) -> None:
        self.procedure = PROCEDURES[kind]
        self.stages: list[StageResult] = []
        self.at_end = ExitStack()
        self._house, self._operation = house, operation

    @contextmanager
    def stage(self, key: str) -> Iterator[None]:
        """Times the block as that step. What it raises is remembered, and raised."""
        stage, at = self.procedure.stage(key), self._house.now()
        self._house.journal.note(self._operation, stage.title, {}, at)
        began, failure = time.monotonic(), None
        try:
            yield
        except Exception as error:
            failure = error.message if isinstance(error, InsightError) else repr(error)
            raise
        finally:
            seconds = round(time.monotonic() - began, 3)
            self.stages.append(StageResult(key, stage.title, stage.counts, at, seconds, failure))


def drill(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """`request` has `kind`, and by choice `to` and `key`. Begins anew after a kill."""
    kind = DrillKind(request["kind"])
    run = Rehearsal(house, operation, kind)
    began = house.now()
    _sweep(house)
    folder = house.folders.work / operation
    run.at_end.callback(shutil.rmtree, folder, ignore_errors=True)
    begin_anew(house, folder)
    outcome = Outcome({})
    try:
        outcome = _REHEARSALS[kind](house, operation, request, run, folder)
    except Exception as error:
        text = error.message if isinstance(error, InsightError) else repr(error)
        outcome = Outcome({}, (text,))
    finally:
        with run.stage("remove"):
            run.at_end.close()
    report = _reported(house, operation, request, run, began, outcome)
    return _kept(house, report)


def _sweep(house: House) -> None:
    """What drills left that were killed; a drill is alone in its lane with verifications."""
    for left in house.folders.work.glob("*-drill-*"):
        shutil.rmtree(left, ignore_errors=True)


def _restore(
    house: House, operation: str, request: Mapping[str, Any], run: Rehearsal, folder: Path
) -> Outcome:
    with run.stage("choose"):
        plan = plan_restore(house, str(request.get("to") or "latest"))
    with run.stage("extract"):
        extract_into(house, operation, plan, folder / "cluster")
    with run.stage("replay"):
        state = replay(house, operation, plan.target, folder)
    findings: list[str] = []
    figures = _figures(plan, state.lsn, run)
    house.catalogue.set_fact(RATE, _rate(plan, run))
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    log = folder / "server.log"
    scratch = Scratch(house.programs, folder / "cluster", log, environment, {}, keeps_data=True)
    with ExitStack() as stack:
        with run.stage("start"):
            server = stack.enter_context(running(scratch))
            server.wait_until_promoted(_READY_LIMIT_S)
            with server.connect() as connection:
                connection.create_restore_point("insight drill")
        with run.stage("examine"):
            findings += examine(house, server, None, figures)
    return Outcome(figures, tuple(findings))


def _figures(plan: RestorePlan, lsn: Lsn, run: Rehearsal) -> dict[str, float | int | str]:
    return {
        "backup": " + ".join(backup.id for backup in plan.chain),
        "standing of the backup": plan.standing.value,
        "restored to": f"{plan.target.text} ({lsn})",
        "bytes of files": sum(backup.plain_bytes for backup in plan.chain),
        "bytes of write-ahead log": plan.wal_bytes if plan.wal_bytes is not None else "unknown",
        "bytes a second": round(_rate(plan, run)),
    }


def _rate(plan: RestorePlan, run: Rehearsal) -> float:
    seconds = sum(stage.seconds for stage in run.stages)
    return sum(backup.plain_bytes for backup in plan.chain) / max(seconds, 0.001)


def _failover(
    house: House, operation: str, request: Mapping[str, Any], run: Rehearsal, folder: Path
) -> Outcome:
    del request
    return rehearse_failover(house, operation, run.stage, folder)


def _lose_host(
    house: House, operation: str, request: Mapping[str, Any], run: Rehearsal, folder: Path
) -> Outcome:
    del operation
    key = Path(str(request["key"])) if request.get("key") else None
    to = str(request.get("to") or "latest")
    return house.lose_host(Loss(folder, to, key, run.stage, run.at_end))


_Rehearse = Callable[[House, str, Mapping[str, Any], Rehearsal, Path], Outcome]
_REHEARSALS: Mapping[DrillKind, _Rehearse] = {
    DrillKind.RESTORE: _restore,
    DrillKind.FAILOVER: _failover,
    DrillKind.LOSE_HOST: _lose_host,
}


def _reported(
    house: House,
    operation: str,
    request: Mapping[str, Any],
    run: Rehearsal,
    began: datetime,
    outcome: Outcome,
) -> DrillReport:
    backups = house.backups()
    return DrillReport(
        id=operation,
        kind=run.procedure.kind,
        asked_by=house.journal.get(operation).asked_by,
        subject=Subject(
            house.configuration.application,
            os.uname().nodename,
            version("insightengine"),
            backups[-1].server_version if backups else "unknown",
            backups[-1].cluster if backups else "unknown",
        ),
        started_at=began,
        ended_at=house.now(),
        stages=tuple(run.stages),
        rto_target_s=house.configuration.objectives.rto_s,
        figures=outcome.figures,
        findings=outcome.findings,
        remarks=outcome.remarks,
    )


def _kept(house: House, report: DrillReport) -> dict[str, Any]:
    """Both forms of the report; the measured time is what the objectives go by from now on."""
    folder = house.folders.reports
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    document, page = folder / f"{report.id}.json", folder / f"{report.id}.md"
    document.write_bytes(REPORTS.dump_json(report, indent=2))
    page.write_text(as_markdown(report), encoding="utf-8")
    result = {
        "kind": report.kind.value,
        "passed": report.passed,
        "verdict": report.verdict,
        "rto_s": report.rto_s,
        "findings": list(report.findings),
        "stages": {stage.key: stage.seconds for stage in report.stages},
        "report": str(page),
        "document": str(document),
    }
    fact = {**result, "at": report.ended_at.isoformat(), "operation": report.id}
    house.catalogue.set_fact(f"drill {report.kind}", fact)
    if report.rto_s is not None and report.kind is DrillKind.RESTORE:
        house.catalogue.set_fact(MEASURED_RESTORE, fact)
    return result
