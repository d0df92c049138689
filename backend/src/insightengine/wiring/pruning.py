"""Pruning with an access key that may delete, which the platform does not keep."""

from __future__ import annotations

from pathlib import Path

from insightengine.core.secrets import Secret
from insightengine.recovery.journal import Operation, OperationKind
from insightengine.recovery.operations import ELSEWHERE, run_operation
from insightengine.wiring.environment import running_context
from insightengine.wiring.recovery import house_of, now


def prune_with(project: Path, access_key: str, secret: Secret, asked_by: str) -> Operation:
    """In this process, journalled as any other. Raises what ended it."""
    house = house_of(running_context(project), credentials=(access_key, secret))
    try:
        asked = house.journal.ask(OperationKind.PRUNE, {ELSEWHERE: True}, asked_by, now())
        return run_operation(house, asked.id)
    finally:
        house.close()
