"""What the backups process starts, and what it asks for by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from insightengine.core.lsn import Lsn
from insightengine.recovery.house import House
from insightengine.recovery.journal import SCHEDULE, OperationKind, OperationState
from insightengine.worker.backups import Worker
from tests.unit.recovery.backups import backup
from tests.unit.recovery.houses import house, store


class Watched(Worker):
    """Notes what would be started instead of starting it."""

    def __init__(self, of: House) -> None:
        super().__init__(of)
        self.started: list[str] = []
        self.timeline, self.flushed = 1, Lsn(0)

    def _start(self, operation_id: str) -> None:
        self.started.append(operation_id)

    def tick(self) -> list[OperationKind]:
        """What is under way afterwards."""
        self._operate()
        return [one.kind for one in self.house.journal.under_way()]


@pytest.fixture
def worker(tmp_path: Path) -> Watched:
    return Watched(house(tmp_path, repositories=1))


def asked(worker: Watched, kind: OperationKind, **request: object) -> str:
    return worker.house.journal.ask(kind, request, SCHEDULE, worker.house.now()).id


def test_a_backup_that_is_due_does_not_wait_for_telemetry(worker: Watched) -> None:
    asked(worker, OperationKind.TELEMETRY, backup="b")
    assert worker.tick() == [OperationKind.TELEMETRY, OperationKind.BACKUP]


def test_pruning_that_is_due_waits_for_telemetry(worker: Watched) -> None:
    of, now = worker.house, worker.house.now()
    made = backup(1, keys=of.keyring.recipients[0])
    store(of, replace(made, started_at=now, ended_at=now), of.repositories[0])
    storing = asked(worker, OperationKind.TELEMETRY, backup="b")
    assert worker.tick() == [OperationKind.TELEMETRY]
    worker.house.journal.end(storing, OperationState.DONE, worker.house.now())
    assert worker.tick() == [OperationKind.PRUNE]


def test_telemetry_is_not_begun_while_a_pruning_is_under_way(worker: Watched) -> None:
    pruning = asked(worker, OperationKind.PRUNE)
    storing = asked(worker, OperationKind.TELEMETRY, backup="b")
    worker.tick()
    assert worker.started == [pruning]
    worker.house.journal.end(pruning, OperationState.DONE, worker.house.now())
    worker.tick()
    assert worker.started == [pruning, storing]
