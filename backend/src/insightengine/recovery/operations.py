"""Runs one journalled operation in the calling process, from wherever it was left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from insightengine.core.errors import InsightError
from insightengine.recovery.catchup import catch_up
from insightengine.recovery.drill import drill
from insightengine.recovery.export import export
from insightengine.recovery.failover import failover
from insightengine.recovery.house import House
from insightengine.recovery.journal import Operation, OperationKind, OperationState
from insightengine.recovery.keeping import keep_records
from insightengine.recovery.partial import restore_part
from insightengine.recovery.restore import restore
from insightengine.recovery.returning import restore_records
from insightengine.recovery.service import prune, take_backup, verify_objects
from insightengine.recovery.verify import verify_by_restore

Verb = Callable[[House, str, Mapping[str, Any]], dict[str, Any]]
MOST_ATTEMPTS = 3
ELSEWHERE = "elsewhere"  # in a request: another process than the worker carries it out
_log = structlog.get_logger("recovery")


def _verify(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    if request.get("restore"):
        return verify_by_restore(house, operation, request)
    wanted = str(request.get("backup") or house.backups()[-1].id)
    backup = next(one for one in house.backups() if one.id == wanted)
    checks = [verify_objects(house, backup, repository) for repository in house.holding(wanted)]
    findings = [finding for check in checks for finding in check.findings]
    return {"backup": wanted, "passed": bool(checks) and not findings, "findings": findings}


def _restore(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    if request.get("telemetry"):
        return restore_records(house, operation, request)
    verb = restore_part if request.get("database") else restore
    return verb(house, operation, request)


_VERBS: Mapping[OperationKind, Verb] = {
    OperationKind.BACKUP: take_backup,
    OperationKind.VERIFY: _verify,
    OperationKind.PRUNE: prune,
    OperationKind.RESTORE: _restore,
    OperationKind.EXPORT: export,
    OperationKind.FAILOVER: failover,
    OperationKind.DRILL: drill,
    OperationKind.SYNC: catch_up,
    OperationKind.TELEMETRY: keep_records,
}


def run_operation(house: House, operation_id: str) -> Operation:
    """Claims the operation, carries it out, notes the outcome. Raises what ended it, too."""
    operation = house.journal.claim(operation_id, house.now())
    try:
        result = _VERBS[operation.kind](house, operation.id, operation.request)
    except InsightError as error:
        _log.warning(error.message, operation=operation.id, code=error.code)
        house.journal.end(
            operation.id,
            OperationState.FAILED,
            house.now(),
            error=error.message,
            hint=error.hint,
        )
        raise
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        house.journal.end(operation.id, OperationState.FAILED, house.now(), error=message)
        raise
    house.journal.end(operation.id, OperationState.DONE, house.now(), result=result)
    _log.info("operation done", operation=operation.id, kind=operation.kind.value)
    return house.journal.get(operation.id)
