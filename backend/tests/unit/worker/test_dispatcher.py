"""What the dispatcher of operations starts, and what it asks for by itself."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from insightengine.core.lsn import Lsn
from insightengine.recovery.house import House
from insightengine.recovery.journal import SCHEDULE, OperationKind, OperationState
from insightengine.recovery.operations import ELSEWHERE
from insightengine.worker.dispatcher import Dispatcher, Primary
from tests.unit.recovery.backups import backup
from tests.unit.recovery.houses import house, store


class Running:
    """Stands for a process that goes on until it is killed."""

    def poll(self) -> int | None:
        return None

    def kill(self) -> None:
        return

    def wait(self) -> int:
        return -9


class Watched:
    """Notes what would be started instead of starting it."""

    def __init__(self, of: House) -> None:
        self.house = of
        self.started: list[str] = []
        self.primary = Primary(timeline=1, flushed=Lsn(0))
        self._dispatcher = Dispatcher(of, self.primary, self._start)

    def _start(self, operation_id: str) -> Running:
        self.started.append(operation_id)
        return Running()

    def tick(self) -> list[OperationKind]:
        """What is under way afterwards."""
        self._dispatcher.dispatch()
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


CLAIM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from insightengine.recovery.catalogue import open_database
from insightengine.recovery.journal import Journal
Journal(open_database(Path(sys.argv[1]))).claim(sys.argv[2], datetime.now(UTC))
"""


def test_a_pruning_with_another_key_whose_process_is_gone_is_over(worker: Watched) -> None:
    """Only that process had the key, so nobody can go on with it."""
    pruning = asked(worker, OperationKind.PRUNE, **{ELSEWHERE: True})
    assert worker.tick() == [OperationKind.PRUNE]
    root = worker.house.folders.root
    subprocess.run([sys.executable, "-c", CLAIM, str(root), pruning], check=True)
    worker.tick()
    assert worker.started == []
    found = worker.house.journal.get(pruning)
    assert (found.state, found.error) == (
        OperationState.FAILED,
        "the process that carried it out is gone",
    )


def test_a_pruning_with_another_key_that_nobody_begins_is_over_after_a_minute(
    worker: Watched,
) -> None:
    journal, now = worker.house.journal, worker.house.now()
    for minutes, state in ((0.5, OperationState.ASKED), (2, OperationState.FAILED)):
        at = now - timedelta(minutes=minutes)
        pruning = journal.ask(OperationKind.PRUNE, {ELSEWHERE: True}, "ada", at)
        worker.tick()
        assert journal.get(pruning.id).state is state
        journal.cancel(pruning.id, now)


@pytest.mark.parametrize("is_wiped", [True, False])
def test_a_backup_gives_way_when_the_data_directory_is_gone(
    worker: Watched, is_wiped: bool
) -> None:
    """It waits for log that nobody writes any more, and a restore would wait for it. A server that
    only is away for a moment goes on writing."""
    cluster = worker.house.folders.cluster
    if not is_wiped:
        cluster.mkdir(parents=True, exist_ok=True)
        (cluster / "PG_VERSION").write_text("18", encoding="ascii")
    waiting = asked(worker, OperationKind.BACKUP)
    worker.tick()
    worker.primary.seen_at = time.monotonic() - 60
    worker.tick()
    state = worker.house.journal.get(waiting).state
    assert (state is OperationState.FAILED) is is_wiped
