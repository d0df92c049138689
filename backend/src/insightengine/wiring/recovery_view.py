"""Everything that the console shows of recovery, and what it may ask for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from insightengine.core.errors import ConflictError, NotFoundError, UnavailableError
from insightengine.core.lsn import Lsn
from insightengine.recovery.house import RECEIVER, House
from insightengine.recovery.journal import Operation, OperationKind, ask_patiently
from insightengine.recovery.models import Backup, Standing
from insightengine.recovery.objectives import objectives_now
from insightengine.recovery.procedures import DrillKind
from insightengine.recovery.repository import Repository
from insightengine.recovery.restore import plan_restore
from insightengine.recovery.timeline import Position, WalSpan, gaps, wal_spans, windows
from insightengine.recovery.undoing import replaced_clusters
from insightengine.runtimes.local.records import alive_records
from insightengine.runtimes.local.supplied.postgres import REPLICA
from insightengine.wiring.environment import PlatformContext
from insightengine.wiring.recovery import house_of
from insightengine.wiring.recovery_verbs import (
    backup_table,
    repository_table,
    restore_plan_table,
)

_MOST_OPERATIONS = 30


@contextmanager
def opened(context: PlatformContext) -> Iterator[House]:
    """Raises UnavailableError before the first start is over."""
    house = house_of(context)
    try:
        yield house
    finally:
        house.close()


def overview(context: PlatformContext) -> dict[str, Any]:
    with opened(context) as house:
        spans = {r.name: _spans(house, r) for r in house.repositories}
        standings = house.standings()
        usable = [b for b in house.backups() if standings[b.id] is not Standing.DAMAGED]
        every = [span for found in spans.values() for span in found]
        return {
            "now": house.now(),
            "objectives": objectives_now(house).as_json(),
            "repositories": [
                {
                    **table,
                    "spans": [_span(span) for span in spans[table["repository"]]],
                    "gaps": [_span(span) for span in gaps(spans[table["repository"]])],
                }
                for table in repository_table(house)
            ],
            "windows": windows(usable, every),
            "backups": _backups(house),
            "points": [
                {"name": p.name, "at": p.at, "timeline": p.timeline, "lsn": str(p.lsn)}
                for p in house.catalogue.points()
            ],
            "replication": _replication(house),
            "operations": [shown(one) for one in house.journal.recent(_MOST_OPERATIONS)],
            "replaced_clusters": [path.name for path in replaced_clusters(house)],
        }


def _spans(house: House, repository: Repository) -> tuple[WalSpan, ...]:
    shipped = house.catalogue.fact(f"shipped {repository.name}")
    server = house.catalogue.fact("server")
    return wal_spans(
        house.catalogue.coverage(repository.name),
        Position(int(shipped["timeline"]), Lsn.parse(shipped["lsn"])) if shipped else None,
        Lsn.parse(server["lsn"]) if server else None,
        house.catalogue.reached_at,
        house.now(),
    )


def _span(span: WalSpan) -> dict[str, Any]:
    return {
        "timeline": span.timeline,
        "start": str(span.start),
        "end": str(span.end),
        "from_at": span.from_at,
        "until_at": span.until_at,
    }


def _backups(house: House) -> list[dict[str, Any]]:
    """With the newest check of each."""
    checks = house.catalogue.checks()
    ends = {backup.id: backup.ended_at for backup in house.backups()}
    return [
        {
            **table,
            "ended_at": ends[table["id"]],
            "last_check": _check(checks.get(table["id"], ())),
        }
        for table in backup_table(house)
    ]


def _check(checks: Sequence[Any]) -> dict[str, Any] | None:
    if not checks:
        return None
    newest = checks[-1]
    return {
        "kind": newest.kind.value,
        "at": newest.at,
        "passed": newest.passed,
        "seconds": newest.seconds,
        "findings": list(newest.findings),
    }


def _replication(house: House) -> dict[str, Any]:
    """Who receives the write-ahead log, and how many bytes each is behind the server."""
    try:
        with house.server() as server:
            state, receivers = server.state(), server.receivers()
    except UnavailableError as error:
        return {"problem": error.message, "server_lsn": None, "timeline": None, "receivers": []}
    return {
        "problem": None,
        "server_lsn": str(state.lsn),
        "timeline": state.timeline,
        "receivers": [
            {
                "name": one.name,
                "role": _role(one.name),
                "state": one.state,
                "is_synchronous": one.is_synchronous,
                "lag_bytes": max(0, state.lsn - one.flush_lsn) if one.flush_lsn else None,
            }
            for one in receivers
        ],
    }


def _role(name: str) -> str:
    return {RECEIVER: "backups", REPLICA: "replica"}.get(name, "other")


def shown(operation: Operation) -> dict[str, Any]:
    """An operation as it is shown; `request` holds no secrets by its nature."""
    progress = operation.progress
    return {
        "id": operation.id,
        "kind": operation.kind.value,
        "state": operation.state.value,
        "request": dict(operation.request),
        "asked_by": operation.asked_by,
        "asked_at": operation.asked_at,
        "started_at": operation.started_at,
        "ended_at": operation.ended_at,
        "step": operation.step,
        "progress": {
            "text": progress.text,
            "done_bytes": progress.done_bytes,
            "total_bytes": progress.total_bytes,
            "bytes_per_s": progress.bytes_per_s,
            "left_s": progress.left_s,
        }
        if progress
        else None,
        "result": dict(operation.result),
        "error": operation.error,
        "hint": operation.hint,
        "can_be_taken_back": operation.can_be_taken_back,
    }


def planned(context: PlatformContext, target: str) -> dict[str, Any]:
    """The plan of a restore with `id`, by which it is asked for, and what it replaces and loses."""
    with opened(context) as house:
        return _planned(house, target)


def _planned(house: House, target: str) -> dict[str, Any]:
    plan = plan_restore(house, target)
    table = restore_plan_table(house, target)
    server = house.catalogue.fact("server")
    back_to, since = plan.target.lsn, plan.target.at
    if back_to is None and since is not None:
        later = house.catalogue.moments(since)
        back_to = later[0].lsn if later else None
    if since is None and back_to is not None:
        since = house.catalogue.reached_at(plan.target.timeline or plan.backup.timeline, back_to)
    words = "|".join([target, plan.target.kind, *table["chain"], str(plan.target.timeline)])
    return {
        **table,
        "id": hashlib.sha256(words.encode()).hexdigest()[:16],
        "lost_since": since,
        "lost_bytes": _lost_bytes(back_to, server),
        "databases": [{"name": one.name, "bytes": one.bytes} for one in plan.backup.databases],
    }


def _lost_bytes(back_to: Lsn | None, server: Mapping[str, str] | None) -> int | None:
    if back_to is None or server is None:
        return None
    return max(0, Lsn.parse(server["lsn"]) - back_to)


def ask_restore(
    context: PlatformContext, target: str, plan_id: str, asked_by: str
) -> dict[str, Any]:
    """Raises ConflictError when the plan is no longer the one that was shown."""
    with opened(context) as house:
        plan = _planned(house, target)
        if plan["id"] != plan_id:
            raise ConflictError(
                f"the plan to restore to {target} is now {plan['id']} (from {plan['backup']}), "
                f"not {plan_id}; nothing was done",
                code="plan_changed",
                hint=f"look at it again: insight restore --plan --to {target}",
            )
        return _ask(context, house, OperationKind.RESTORE, {"to": target}, asked_by)


def ask_backup(context: PlatformContext, asked_by: str, *, full: bool) -> dict[str, Any]:
    with opened(context) as house:
        request = {"kind": "full" if full else "incremental", "reason": f"asked by {asked_by}"}
        return _ask(context, house, OperationKind.BACKUP, request, asked_by)


def ask_verification(
    context: PlatformContext, backup: str | None, asked_by: str, *, restore: bool
) -> dict[str, Any]:
    """Of the newest backup when none is named. Raises NotFoundError when there is none."""
    with opened(context) as house:
        wanted = _require_backup(house.backups(), backup)
        request = {"backup": wanted.id, "restore": restore}
        return _ask(context, house, OperationKind.VERIFY, request, asked_by)


def ask_drill(
    context: PlatformContext, kind: DrillKind, target: str, asked_by: str
) -> dict[str, Any]:
    """Raises NotFoundError or InvalidInputError for a moment that no backup leads to."""
    with opened(context) as house:
        plan_restore(house, target)
        request = {"kind": kind.value, "to": target}
        return _ask(context, house, OperationKind.DRILL, request, asked_by)


def _require_backup(backups: Sequence[Backup], wanted: str | None) -> Backup:
    found = [one for one in backups if wanted in (None, one.id)]
    if not found:
        raise NotFoundError(
            f"there is no backup {wanted or 'yet'}", hint="insight backup create makes one"
        )
    return found[-1]


def _ask(
    context: PlatformContext,
    house: House,
    kind: OperationKind,
    request: Mapping[str, Any],
    asked_by: str,
) -> dict[str, Any]:
    """The supervised worker takes it up; the API itself never carries anything out."""
    if "backups" not in alive_records(context.state.run):
        raise UnavailableError(
            f"the process that carries out a {kind.value} does not run; nothing was asked for",
            code="no_worker",
            hint="insight status; insight logs backups",
        )
    return shown(ask_patiently(house.journal, kind, request, asked_by, house.now))


def find_operation(context: PlatformContext, operation: str) -> dict[str, Any]:
    with opened(context) as house:
        return _with_steps(house, operation)


def _with_steps(house: House, operation: str) -> dict[str, Any]:
    found = house.journal.get(operation)
    steps = house.journal.step_times(operation)
    return {**shown(found), "steps": [{"step": step, "at": at} for step, at in steps]}


def follow(house: House, operation: str) -> Iterator[dict[str, Any] | None]:
    """What is known of it, each time that it changed; None while it did not."""
    before: dict[str, Any] | None = None
    while True:
        found = _with_steps(house, operation)
        yield found if found != before else None
        before = found


def cancel_operation(context: PlatformContext, operation: str) -> dict[str, Any]:
    """Raises ConflictError for one that is over or may not be left half done."""
    with opened(context) as house:
        return shown(house.journal.take_back(operation, house.now()))
