"""The journal on a real file: who may act, what is kept, what happens to the killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from insightengine.core.errors import ConflictError, NotFoundError, UnavailableError
from insightengine.stores.journal.holder import is_dead, own_name
from insightengine.stores.journal.port import (
    Agreed,
    Asked,
    Lease,
    LeaseLostError,
    Phase,
    StoredRelease,
    UnitState,
)
from insightengine.stores.journal.sqlite import SqliteJournal

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DEPLOY = Asked("shop", "deploy", "ada", "new checkout", {"env": "staging"})


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    opened = SqliteJournal(tmp_path / "releases/journal.sqlite")
    yield opened
    opened.close()


def taken(journal: SqliteJournal, ttl_s: float = 60) -> Lease:
    lease = journal.take("shop", ttl_s)
    assert lease is not None
    return lease


def test_what_was_asked_is_found_again(journal: SqliteJournal) -> None:
    asked = journal.ask(DEPLOY, NOW)
    assert journal.operation(asked.id) == asked
    assert (asked.state, asked.asked_by, asked.parameters) == ("queued", "ada", {"env": "staging"})
    assert journal.active("shop") == [asked]
    assert journal.active("another") == []


def test_a_second_one_is_refused_and_told_who_is_first(journal: SqliteJournal) -> None:
    first = journal.ask(DEPLOY, NOW)
    with pytest.raises(ConflictError) as caught:
        journal.ask(replace(DEPLOY, by="bob"), NOW)
    assert caught.value.code == "release_in_progress"
    assert (
        f"operation {first.id} (deploy, queued) is under way since 12:00:00 UTC, asked by ada"
        in (caught.value.message)
    )
    journal.ask(replace(DEPLOY, unit="another"), NOW)


def test_of_many_that_ask_at_once_one_succeeds(journal: SqliteJournal) -> None:
    outcomes: list[str] = []

    def ask() -> None:
        try:
            journal.ask(DEPLOY, NOW)
            outcomes.append("asked")
        except ConflictError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["asked", *["release_in_progress"] * 7]


def test_one_that_is_over_makes_room(journal: SqliteJournal) -> None:
    first = journal.ask(DEPLOY, NOW)
    done = replace(first, state="done", ended_at=NOW, summary="it serves", release="aaaa")
    journal.update(taken(journal), done)
    assert journal.operation(first.id) == done
    second = journal.ask(DEPLOY, NOW)
    assert [one.id for one in journal.operations("shop", None, 10)] == [second.id, first.id]
    assert [one.id for one in journal.operations("shop", second.id, 10)] == [first.id]


def test_operations_of_all_units_but_one_are_listed(journal: SqliteJournal) -> None:
    own = journal.ask(DEPLOY, NOW)
    journal.ask(replace(DEPLOY, unit="console"), NOW)
    found = journal.operations(None, None, 10, besides="console")
    assert [one.id for one in found] == [own.id]


def test_cancelling_names_the_first_who_did(journal: SqliteJournal) -> None:
    asked = journal.ask(DEPLOY, NOW)
    assert journal.cancel(asked.id, "bob").cancelled_by == "bob"
    assert journal.cancel(asked.id, "eve").cancelled_by == "bob"
    journal.update(taken(journal), replace(asked, state="cancelled"))
    with pytest.raises(ConflictError, match="is over: cancelled"):
        journal.cancel(asked.id, "bob")


def test_an_update_does_not_forget_who_cancelled_meanwhile(journal: SqliteJournal) -> None:
    asked = journal.ask(DEPLOY, NOW)
    journal.cancel(asked.id, "bob")
    journal.update(taken(journal), replace(asked, state="running"))
    assert journal.operation(asked.id).cancelled_by == "bob"


def test_entries_come_in_the_order_they_were_written(journal: SqliteJournal) -> None:
    operation, lease = journal.ask(DEPLOY, NOW).id, taken(journal)
    first = journal.note(lease, operation, "start", Phase.INTENT, {}, NOW)
    second = journal.note(lease, operation, "start", Phase.DONE, {"ms": 5}, NOW)
    assert journal.entries(operation) == [first, second]
    assert journal.entries(operation, after=first.seq) == [second]
    assert second.detail == {"ms": 5}


def test_a_lease_is_one_process_only(journal: SqliteJournal) -> None:
    taken(journal)
    assert journal.take("shop", 60) is None
    assert journal.take("another", 60) is not None


def test_a_lease_that_is_given_back_or_expires_is_free(journal: SqliteJournal) -> None:
    journal.give_back(taken(journal))
    taken(journal, ttl_s=-1)
    taken(journal)


def test_whoever_lost_the_lease_writes_nothing_more(journal: SqliteJournal) -> None:
    operation = journal.ask(DEPLOY, NOW)
    late = taken(journal, ttl_s=-1)
    now = taken(journal)
    for write in (
        lambda: journal.note(late, operation.id, "switch", Phase.INTENT, {}, NOW),
        lambda: journal.update(late, replace(operation, state="done")),
        lambda: journal.renew(late, 60),
    ):
        with pytest.raises(LeaseLostError):
            write()
    assert journal.entries(operation.id) == []
    journal.give_back(late)
    assert journal.take("shop", 60) is None, "a lost lease frees nothing"
    journal.renew(now, 60)


def test_the_lease_of_a_killed_process_is_free_at_once(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from insightengine.stores.journal.sqlite import SqliteJournal\n"
        "print(SqliteJournal(Path(sys.argv[1])).take('shop', 3600), flush=True); time.sleep(60)"
    )
    path = tmp_path / "releases/journal.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert "epoch=1" in holder.stdout.readline()
        assert journal.take("shop", 60) is None
        holder.send_signal(signal.SIGKILL)
    assert taken(journal).epoch == 2


def test_only_the_certainly_dead_are_dead() -> None:
    own = own_name()
    boot, pid, ticks = own.split()
    assert not is_dead(own)
    assert is_dead(f"{boot} {pid} {int(ticks) + 1}"), "the pid was used again"
    assert is_dead(f"another-boot {pid} {ticks}")


def release(id_: str, minutes: int = 0) -> StoredRelease:
    at = NOW + timedelta(minutes=minutes)
    return StoredRelease("shop", id_, {"artefacts": {}}, {"KEY": "s3cret"}, at, "ada")


def test_releases_are_found_by_the_beginning_of_their_id(journal: SqliteJournal) -> None:
    for one in (release("aabb0000"), release("aacc0000", 1), release("ddee0000", 2)):
        journal.keep(one)
    assert journal.release("shop", "dd").id == "ddee0000"
    assert [one.id for one in journal.releases("shop")] == ["ddee0000", "aacc0000", "aabb0000"]
    with pytest.raises(ConflictError, match="aacc0000 or aabb0000"):
        journal.release("shop", "aa")
    with pytest.raises(NotFoundError, match="the latest are ddee0000"):
        journal.release("shop", "ff")
    with pytest.raises(NotFoundError):
        journal.release("shop", "")
    journal.forget("shop", "ddee0000")
    assert len(journal.releases("shop")) == 2


def test_a_release_that_is_known_stays_as_it_was(journal: SqliteJournal) -> None:
    journal.keep(release("aabb0000"))
    journal.keep(replace(release("aabb0000"), message="another"))
    assert journal.release("shop", "aabb0000").message == ""


def test_the_environment_of_a_release_is_not_shown(journal: SqliteJournal) -> None:
    journal.keep(release("aabb0000"))
    assert "s3cret" not in repr(journal.release("shop", "aabb0000"))


def test_who_served_since_when_is_remembered(journal: SqliteJournal) -> None:
    assert journal.unit("shop") == UnitState("shop")
    first = UnitState("shop", "aaaa", NOW)
    journal.remember(first)
    journal.remember(replace(first, warm="0000", warm_until=NOW))
    journal.remember(UnitState("shop", "bbbb", NOW + timedelta(hours=1), "aaaa"))
    assert [name for name, _ in journal.served("shop")] == ["bbbb", "aaaa"]
    assert journal.unit("shop").warm == "aaaa"
    assert [one.unit for one in journal.units()] == ["shop"]


def test_a_release_that_ends_and_somebody_who_closes_undo_nothing_of_each_other(
    journal: SqliteJournal,
) -> None:
    journal.remember(UnitState("shop", "aaaa", NOW))
    before = journal.unit("shop")  # what a release read that goes on
    closed = journal.maintain("shop", "ada", NOW)
    journal.remember(replace(before, serving="bbbb", warm="aaaa"))
    state = journal.unit("shop")
    assert (state.serving, state.warm, state.maintenance_by) == ("bbbb", "aaaa", "ada")
    assert closed.serving == "aaaa"
    opened = journal.maintain("shop", None, None)
    assert (opened.serving, opened.maintenance_by, opened.maintenance_since) == ("bbbb", None, None)
    assert [name for name, _ in journal.served("shop")] == ["bbbb", "aaaa"]


def test_a_unit_that_was_never_released_can_be_closed(journal: SqliteJournal) -> None:
    assert journal.maintain("shop", "ada", NOW).serving is None


def test_approvals_are_kept_with_who_when_and_why(journal: SqliteJournal) -> None:
    operation = journal.ask(DEPLOY, NOW).id
    agreed = Agreed(operation, "abcd", "bob", NOW, "looked at it")
    journal.agree(agreed)
    journal.agree(replace(agreed, why="again"))
    assert journal.agreements(operation) == [agreed]


def test_a_write_of_anybody_is_noticed(journal: SqliteJournal, tmp_path: Path) -> None:
    before = journal.change_counter()
    assert journal.change_counter() == before
    other = SqliteJournal(tmp_path / "releases/journal.sqlite")
    other.ask(DEPLOY, NOW)
    other.close()
    assert journal.change_counter() != before


def test_a_journal_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="cannot be used"):
        SqliteJournal(tmp_path / "file/journal.sqlite")
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"no database" * 1000)
    with pytest.raises(UnavailableError, match="not a database"):
        SqliteJournal(broken)


def test_the_file_is_for_its_owner_only(journal: SqliteJournal, tmp_path: Path) -> None:
    path = tmp_path / "releases/journal.sqlite"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_uid == os.geteuid()


def test_a_second_opening_does_not_cut_the_first_one_off(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    """Closing any descriptor of a file drops all of the process's locks on it: another process
    would take itself for the last one, and remove the write-ahead log that is still read here."""
    path = tmp_path / "releases/journal.sqlite"
    asked = journal.ask(DEPLOY, NOW)
    SqliteJournal(path).close()
    elsewhere = (
        "import sys; from pathlib import Path\n"
        "from insightengine.stores.journal.sqlite import SqliteJournal\n"
        "one = SqliteJournal(Path(sys.argv[1]))\n"
        "one.cancel(int(sys.argv[2]), 'bob'); one.close()"
    )
    subprocess.run([sys.executable, "-c", elsewhere, str(path), str(asked.id)], check=True)
    assert path.with_name("journal.sqlite-wal").exists()
