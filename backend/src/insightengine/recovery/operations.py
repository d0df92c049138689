"""Runs one journalled operation in the calling process, from wherever it was left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, assert_never

import structlog

from insightengine.core.errors import InsightError
from insightengine.recovery.house import House
from insightengine.recovery.journal import Operation, OperationKind, OperationState

Verb = Callable[[House, str, Mapping[str, Any]], dict[str, Any]]
MOST_ATTEMPTS = 3
ELSEWHERE = "elsewhere"  # in a request: another process than the worker carries it out
_log = structlog.get_logger("recovery")


def _verify(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    from insightengine.recovery.service import verify_objects
    from insightengine.recovery.verify import verify_by_restore

    if request.get("restore"):
        return verify_by_restore(house, operation, request)
    wanted = str(request.get("backup") or house.backups()[-1].id)
    backup = next(one for one in house.backups() if one.id == wanted)
    checks = [verify_objects(house, backup, repository) for repository in house.holding(wanted)]
    findings = [finding for check in checks for finding in check.findings]
    return {"backup": wanted, "passed": bool(checks) and not findings, "findings": findings}


def _restore(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    if request.get("telemetry"):
        from insightengine.recovery.returning import restore_records

        return restore_records(house, operation, request)
    if request.get("undo"):
        from insightengine.recovery.undoing import put_back

        return put_back(house, operation, request)
    if request.get("database"):
        from insightengine.recovery.partial import restore_part

        return restore_part(house, operation, request)
    from insightengine.recovery.restore import restore

    return restore(house, operation, request)


def _verb(kind: OperationKind) -> Verb:
    """What is imported is imported for this verb alone: a restore would wait for the others."""
    match kind:
        case OperationKind.BACKUP:
            from insightengine.recovery.service import take_backup

            return take_backup
        case OperationKind.VERIFY:
            return _verify
        case OperationKind.PRUNE:
            from insightengine.recovery.service import prune

            return prune
        case OperationKind.RESTORE:
            return _restore
        case OperationKind.EXPORT:
            from insightengine.recovery.export import export

            return export
        case OperationKind.FAILOVER:
            from insightengine.recovery.failover import failover

            return failover
        case OperationKind.DRILL:
            from insightengine.recovery.drill import drill

            return drill
        case OperationKind.SYNC:
            from insightengine.recovery.catchup import catch_up

            return catch_up
        case OperationKind.TELEMETRY:
            from insightengine.recovery.keeping import keep_records

            return keep_records
    assert_never(kind)


def run_operation(house: House, operation_id: str) -> Operation:
    """Claims the operation, carries it out, notes the outcome. Raises what ended it, too."""
    operation = house.journal.claim(operation_id, house.now())
    try:
        result = _verb(operation.kind)(house, operation.id, operation.request)
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
