"""Operations: one of a lane at a time, noted by steps, taken over when their owner is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from insightengine.core.errors import ConflictError, LimitExceededError, NotFoundError
from insightengine.recovery.catalogue import open_database
from insightengine.recovery.journal import (
    SCHEDULE,
    Journal,
    OperationKind,
    OperationState,
    Owner,
    Progress,
    ask_patiently,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CLAIM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from insightengine.recovery.catalogue import open_database
from insightengine.recovery.journal import Journal
journal = Journal(open_database(Path(sys.argv[1])))
journal.claim(sys.argv[2], datetime.now(UTC))
journal.note(sys.argv[2], "streamed", {"chunks": 3}, datetime.now(UTC))
print("claimed", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    database = open_database(tmp_path)
    yield Journal(database)
    database.close()


def test_a_second_operation_of_a_lane_is_refused_with_who_has_it(journal: Journal) -> None:
    first = journal.ask(OperationKind.BACKUP, {"kind": "full"}, "ada", NOW)
    for kind in (OperationKind.BACKUP, OperationKind.RESTORE, OperationKind.PRUNE):
        with pytest.raises(ConflictError) as raised:
            journal.ask(kind, {}, "bob", NOW)
        assert raised.value.context["operation"] == first.id


def test_what_a_person_asks_for_goes_before_what_the_schedule_has_not_begun(
    journal: Journal,
) -> None:
    due = journal.ask(OperationKind.PRUNE, {}, SCHEDULE, NOW)
    with pytest.raises(ConflictError):
        journal.ask(OperationKind.BACKUP, {}, SCHEDULE, NOW)
    asked = journal.ask(OperationKind.RESTORE, {}, "ada", NOW)
    assert journal.get(due.id).state is OperationState.CANCELLED
    assert [one.id for one in journal.under_way()] == [asked.id]


def test_somebody_waits_until_what_was_asked_for_is_begun(journal: Journal) -> None:
    assert not journal.has_asked()
    asked = journal.ask(OperationKind.RESTORE, {}, "ada", NOW)
    assert journal.has_asked()
    journal.claim(asked.id, NOW)
    assert not journal.has_asked()


def test_what_the_schedule_has_begun_is_not_taken_from_it(journal: Journal) -> None:
    due = journal.ask(OperationKind.PRUNE, {}, SCHEDULE, NOW)
    journal.claim(due.id, NOW)
    with pytest.raises(ConflictError, match=due.id):
        journal.ask(OperationKind.RESTORE, {}, "ada", NOW)


def test_a_person_waits_for_a_pruning_that_the_schedule_has_begun(journal: Journal) -> None:
    due = journal.ask(OperationKind.PRUNE, {}, SCHEDULE, NOW)
    journal.claim(due.id, NOW)
    ending = threading.Timer(0.3, journal.end, (due.id, OperationState.DONE, NOW))
    ending.start()
    asked = ask_patiently(journal, OperationKind.RESTORE, {}, "ada", lambda: NOW)
    ending.join()
    assert journal.get(due.id).state is OperationState.DONE
    assert [one.id for one in journal.under_way()] == [asked.id]


@pytest.mark.parametrize(
    ("kind", "by"), [(OperationKind.BACKUP, SCHEDULE), (OperationKind.PRUNE, "bob")]
)
def test_a_person_waits_for_nothing_that_takes_long_or_that_somebody_asked_for(
    journal: Journal, kind: OperationKind, by: str
) -> None:
    first = journal.ask(kind, {}, by, NOW)
    journal.claim(first.id, NOW)
    begun = time.monotonic()
    with pytest.raises(ConflictError, match=first.id):
        ask_patiently(journal, OperationKind.RESTORE, {}, "ada", lambda: NOW, patience_s=60)
    assert time.monotonic() - begun < 10


def test_the_patience_with_a_pruning_ends(journal: Journal) -> None:
    due = journal.ask(OperationKind.PRUNE, {}, SCHEDULE, NOW)
    journal.claim(due.id, NOW)
    with pytest.raises(ConflictError, match=due.id):
        ask_patiently(journal, OperationKind.RESTORE, {}, "ada", lambda: NOW, patience_s=0.2)


def test_operations_of_other_lanes_run_beside_it(journal: Journal) -> None:
    journal.ask(OperationKind.BACKUP, {}, "ada", NOW)
    journal.ask(OperationKind.DRILL, {}, "ada", NOW)
    assert len(journal.under_way()) == 2


def test_nothing_that_a_person_asks_for_waits_for_telemetry_that_is_stored(
    journal: Journal,
) -> None:
    storing = journal.ask(OperationKind.TELEMETRY, {"backup": "b"}, SCHEDULE, NOW)
    journal.claim(storing.id, NOW)
    for kind in OperationKind:
        if kind is not OperationKind.TELEMETRY:
            journal.cancel(journal.ask(kind, {}, "ada", NOW).id, NOW)
    with pytest.raises(ConflictError):
        journal.ask(OperationKind.TELEMETRY, {"backup": "c"}, SCHEDULE, NOW)


def test_an_operation_that_is_over_makes_room(journal: Journal) -> None:
    first = journal.ask(OperationKind.BACKUP, {}, "ada", NOW)
    journal.claim(first.id, NOW)
    journal.end(first.id, OperationState.FAILED, NOW, error="the disk is full", hint="free space")
    second = journal.ask(OperationKind.BACKUP, {}, "ada", NOW + timedelta(seconds=1))
    assert journal.get(first.id).error == "the disk is full"
    assert second.state is OperationState.ASKED


def test_a_living_owner_keeps_its_operation(journal: Journal) -> None:
    asked = journal.ask(OperationKind.BACKUP, {}, "ada", NOW)
    claimed = journal.claim(asked.id, NOW)
    assert claimed.owner == Owner.myself()
    assert not claimed.is_orphan
    with pytest.raises(ConflictError, match=str(os.getpid())):
        journal.claim(asked.id, NOW)


def test_an_operation_whose_owner_was_killed_is_taken_over_where_it_was(
    journal: Journal, tmp_path: Path
) -> None:
    asked = journal.ask(OperationKind.BACKUP, {"kind": "full"}, "ada", NOW)
    with subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(tmp_path), asked.id],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "claimed\n"
        assert not journal.get(asked.id).is_orphan
        other.send_signal(signal.SIGKILL)
    assert journal.get(asked.id).is_orphan
    again = journal.claim(asked.id, NOW)
    assert again.attempts == 2
    assert journal.noted(asked.id) == {"streamed": {"chunks": 3}}


def test_a_pid_that_was_given_to_another_process_is_not_the_owner() -> None:
    mine = Owner.myself()
    assert mine.is_alive()
    assert not Owner(mine.pid, mine.ticks + 1).is_alive()


def test_progress_tells_what_is_left(journal: Journal) -> None:
    asked = journal.ask(OperationKind.BACKUP, {}, "ada", NOW)
    journal.progress(asked.id, Progress("reading", 250, 1000, 50.0))
    found = journal.get(asked.id).progress
    assert found is not None
    assert found.left_s == 15.0
    assert Progress("reading", 250).left_s is None


def test_a_full_disk_is_told_but_for_progress_which_ends_nothing(tmp_path: Path) -> None:
    with closing(open_database(tmp_path)) as database:
        journal = Journal(database)
        asked = journal.ask(OperationKind.BACKUP, {}, "ada", NOW)
        ((pages,),) = database.rows("PRAGMA page_count")
        database.rows(f"PRAGMA max_page_count = {pages}")
        journal.progress(asked.id, Progress("x" * 20_000))
        assert journal.get(asked.id).progress is None
        with pytest.raises(LimitExceededError, match="the disk is full") as raised:
            journal.note(asked.id, "streamed", {"chunks": "x" * 20_000}, NOW)
        assert raised.value.code == "disk_full"
        journal.progress(asked.id, Progress("reading"))
        assert journal.get(asked.id).progress == Progress("reading")


def test_what_nobody_has_begun_can_be_cancelled(journal: Journal) -> None:
    asked = journal.ask(OperationKind.BACKUP, {}, "ada", NOW)
    assert journal.cancel(asked.id, NOW)
    assert not journal.cancel(asked.id, NOW)
    with pytest.raises(ConflictError, match="cancelled"):
        journal.claim(asked.id, NOW)


@contextmanager
def claimed_elsewhere(journal: Journal, folder: Path, kind: OperationKind) -> Iterator[str]:
    """The id of an operation that another process carries out."""
    asked = journal.ask(kind, {}, "ada", NOW)
    command = [sys.executable, "-c", CLAIM, str(folder), asked.id]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"claimed\n"
        yield asked.id
        process.kill()


def test_what_runs_is_taken_back_with_its_process(journal: Journal, tmp_path: Path) -> None:
    with claimed_elsewhere(journal, tmp_path, OperationKind.BACKUP) as running:
        owner = journal.get(running).owner
        assert journal.take_back(running, NOW).state is OperationState.CANCELLED
        assert owner is not None
        deadline = time.monotonic() + 10
        while owner.is_alive():
            assert time.monotonic() < deadline
            time.sleep(0.01)
    journal.end(running, OperationState.DONE, NOW)
    assert journal.get(running).state is OperationState.CANCELLED, "it had been over"
    journal.ask(OperationKind.RESTORE, {}, "ada", NOW)


def test_a_restore_that_has_begun_is_not_taken_back(journal: Journal, tmp_path: Path) -> None:
    with claimed_elsewhere(journal, tmp_path, OperationKind.RESTORE) as running:
        with pytest.raises(ConflictError, match="it is running"):
            journal.take_back(running, NOW)
        with pytest.raises(ConflictError) as refused:
            journal.ask(OperationKind.BACKUP, {}, "ada", NOW)
        assert "cancel" not in str(refused.value.hint)


def test_an_unknown_operation_is_not_found(journal: Journal) -> None:
    with pytest.raises(NotFoundError):
        journal.get("nothing")


def test_the_newest_is_the_one_that_was_asked_for_last_whatever_the_clock_said(
    tmp_path: Path,
) -> None:
    journal = Journal(open_database(tmp_path))
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    first = journal.ask(OperationKind.BACKUP, {}, "test", late)
    journal.end(first.id, OperationState.FAILED, late)
    second = journal.ask(OperationKind.BACKUP, {}, "test", early)
    assert [one.id for one in journal.recent(2)] == [second.id, first.id]
