"""How telemetry is bundled, named, listed, kept and pruned."""

from __future__ import annotations

import errno
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from insightengine.application.backup import BackupPolicy, Extra, Retention
from insightengine.core.errors import (
    ConflictError,
    InvalidInputError,
    LimitExceededError,
    NotFoundError,
    UnavailableError,
)
from insightengine.core.lsn import Segment
from insightengine.core.secrets import Secret
from insightengine.recovery import names
from insightengine.recovery.catchup import catch_up
from insightengine.recovery.envelope import Envelope
from insightengine.recovery.export import export
from insightengine.recovery.house import House
from insightengine.recovery.journal import OperationKind
from insightengine.recovery.keeping import (
    Pieces,
    ask_for_records,
    fact_of,
    keep_records,
    missing_records,
    records_of,
)
from insightengine.recovery.keys import Keyring, new_identity, new_seal, public_half
from insightengine.recovery.models import Backup
from insightengine.recovery.records import LARGE_BYTES, Part, Shelf, bundle_of, bundled
from insightengine.recovery.repository import Repository
from insightengine.recovery.returning import chosen, restore_records
from insightengine.recovery.service import prune
from tests.unit.recovery.backups import backup
from tests.unit.recovery.houses import FolderRecords, house, store


class DiskUsage(NamedTuple):
    total: int
    used: int
    free: int


def part(name: str, size: int = 1, table: str = "logs", digest: str = "d") -> Part:
    return Part(table, name, Path(name), rows=1, bytes=size, digest=digest)


def envelope(seal: Secret) -> Envelope:
    """Of a new key."""
    key = new_identity()
    return Envelope(Keyring((public_half(key),), (key,), seal))


def test_a_large_part_is_a_bundle_and_the_small_ones_of_a_partition_are_one() -> None:
    large, small = part("20260101_1_9_2", LARGE_BYTES), part("20260101_10_10_0")
    other, same = part("20260102_11_11_0"), part("20260101_12_12_0")
    assert bundled([large, small, other, same]) == [(large,), (small, same), (other,)]


def test_a_bundle_is_called_by_its_content_its_keys_and_its_seal() -> None:
    seal = new_seal()
    mine = envelope(seal)
    parts = (part("20260101_1_1_0"), part("20260101_2_2_0"))
    assert bundle_of(parts, mine).id == bundle_of(parts, mine).id
    others = [
        bundle_of(parts[:1], mine).id,
        bundle_of((parts[0], replace(parts[1], digest="changed")), mine).id,
        bundle_of(parts, envelope(seal)).id,
        bundle_of(parts, envelope(new_seal())).id,
    ]
    assert len({bundle_of(parts, mine).id, *others}) == 5
    assert bundle_of(parts, mine).partition == "logs/20260101"


def test_a_listing_tells_which_bundles_are_whole() -> None:
    whole, torn, open_ = "a" * 40, "b" * 40, "c" * 40
    shelf = Shelf.of(
        [
            names.piece(whole, 0, is_last=False),
            names.piece(whole, 1, is_last=True),
            names.piece(torn, 1, is_last=True),
            names.piece(open_, 0, is_last=False),
            "telemetry/nothing of ours",
        ]
    )
    assert [shelf.is_whole(one) for one in (whole, torn, open_, "d" * 40)] == [True] + [False] * 3
    assert shelf.keys(whole) == [
        names.piece(whole, 0, is_last=False),
        names.piece(whole, 1, is_last=True),
    ]


@pytest.mark.parametrize("size", [0, 1, 10, 11, 20, 25])
def test_what_is_written_is_cut_into_pieces_of_which_one_is_the_last(size: int) -> None:
    stored: list[tuple[int, bytes, bool]] = []
    pieces = Pieces(lambda *one: stored.append(one), size=10)
    content = bytes(range(size))
    for at in range(0, size, 3):
        pieces.write(content[at : at + 3])
    pieces.finish()
    assert b"".join(piece for _, piece, _ in stored) == content
    assert [number for number, _, _ in stored] == list(range(len(stored)))
    assert [is_last for _, _, is_last in stored] == [False] * (len(stored) - 1) + [True]
    assert all(len(piece) == 10 for _, piece, is_last in stored if not is_last)


def with_telemetry(folder: Path, repositories: int = 2) -> House:
    """A store with a day of one part and a day of two, and a house that keeps it."""
    of = house(folder, repositories)
    for name in ("20260101_1_1_0", "20260102_2_2_0", "20260102_3_3_0"):
        write(of, name)
    policy = BackupPolicy(include=(Extra.TELEMETRY,), retention=Retention(full=1, days=0))
    return replace(of, configuration=replace(of.configuration, backup=policy))


def write(of: House, name: str, rows: int = 7) -> None:
    assert isinstance(of.records, FolderRecords)
    place = of.records.parts / "logs" / name
    (place / "inner.proj").mkdir(parents=True)
    (place / "count.txt").write_text(str(rows))
    (place / "checksums.txt").write_text(f"of {name}")
    (place / "data.bin").write_bytes(name.encode())
    (place / "inner.proj/data.bin").write_bytes(b"projection")


def log_of(made: Backup) -> Segment:
    return Segment.holding(made.timeline, made.start)


def kept(of: House, age_days: float, into: int = 0) -> Backup:
    made = store(of, backup(age_days), of.repositories[into])
    keep(of, made)
    return made


def keep(of: House, made: Backup) -> dict[str, object]:
    """Runs what the backup would ask for."""
    told = ask_for_records(of, made.id)
    try:
        return keep_records(of, told["telemetry_operation"], {"backup": made.id})
    finally:
        of.journal.cancel(told["telemetry_operation"], of.now())


def age(of: House, days: float) -> None:
    """Makes what lies in the repositories older."""
    at = time.time() - days * 86_400
    for repository in of.repositories:
        for path in Path(repository.name).rglob("*"):
            os.utime(path, (at, at))


def bundles(of: House, repository: int = 0) -> set[str]:
    return {found.key for found in of.repositories[repository].objects(names.BUNDLES)}


def brought(of: House, to: str = "latest") -> dict[str, object]:
    asked = of.journal.ask(OperationKind.RESTORE, {}, "test", of.now())
    try:
        return restore_records(of, asked.id, {"to": to})
    finally:
        of.journal.cancel(asked.id, of.now())


def elsewhere(of: House, folder: Path) -> House:
    return replace(of, find_records=lambda: FolderRecords(folder / "empty"))


def test_files_come_back_as_they_were(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path)
    kept(of, 1)
    there = elsewhere(of, tmp_path)
    assert brought(there)["rows"] == 21
    assert isinstance(there.records, FolderRecords)
    assert isinstance(of.records, FolderRecords)
    assert content(there.records.parts) == content(of.records.parts)


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_only_the_day_that_changed_is_stored_again(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path)
    kept(of, 2)
    before = bundles(of)
    write(of, "20260102_4_4_0")
    kept(of, 1)
    assert before < bundles(of)
    assert len(bundles(of) - before) == 1


def test_pruning_leaves_what_a_kept_backup_names(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    old = kept(of, 9)
    write(of, "20260102_4_4_0")
    new = kept(of, 1)
    age(of, 2)
    assert len(bundles(of)) == 3
    assert pruned(of)["removed"] == [old.id]
    assert len(bundles(of)) == 2
    assert missing_records(new.id, of.repositories[0]) == []


def pruned(of: House) -> dict[str, object]:
    asked = of.journal.ask(OperationKind.PRUNE, {}, "test", of.now())
    try:
        return prune(of, asked.id, {})
    finally:
        of.journal.cancel(asked.id, of.now())


def test_what_was_stored_before_a_failure_is_still_there_for_the_next_backup(
    tmp_path: Path,
) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    made = kept(of, 1)
    stored = bundles(of)
    of.repositories[0].delete([names.records(made.id)])
    pruned(of)
    assert bundles(of) == stored
    age(of, 2)
    pruned(of)
    assert bundles(of) == set()


def test_pruning_leaves_telemetry_alone_while_it_is_stored(tmp_path: Path) -> None:
    """What is found there counts for it, although no backup that is kept names it any more."""
    of = with_telemetry(tmp_path, repositories=1)
    old = kept(of, 9)
    age(of, 2)
    new = store(of, backup(1), of.repositories[0])
    asked = ask_for_records(of, new.id)["telemetry_operation"]
    told = pruned(of)
    assert (told["removed"], told["telemetry_left"]) == ([old.id], "it is being stored")
    assert keep_records(of, asked, {"backup": new.id})["telemetry_rows"] == 21
    assert missing_records(new.id, of.repositories[0]) == []


def test_a_backup_asks_once_and_is_told_while_that_of_another_is_stored(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    first, second = (store(of, backup(age), of.repositories[0]) for age in (2, 1))
    asked = ask_for_records(of, first.id)
    assert ask_for_records(of, first.id) == asked == of.catalogue.fact(fact_of(first.id))
    told = ask_for_records(of, second.id)
    assert told == of.catalogue.fact(fact_of(second.id))
    assert told["telemetry_problem"].startswith(f"that of {first.id} is still being stored")
    assert [one.id for one in of.journal.under_way()] == [asked["telemetry_operation"]]


def test_nothing_is_asked_for_where_telemetry_is_not_included(tmp_path: Path) -> None:
    of = house(tmp_path)
    made = store(of, backup(1), of.repositories[0])
    assert ask_for_records(of, made.id) == {}
    assert of.journal.under_way() == []


def test_what_keeps_telemetry_from_being_stored_is_told_of_the_backup(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    made = store(of, backup(1), of.repositories[0])
    assert isinstance(of.records, FolderRecords)
    (of.records.parts / "logs/20260101_1_1_0/count.txt").unlink()
    with pytest.raises(UnavailableError, match="cannot be read"):
        keep(of, made)
    assert "cannot be read" in of.catalogue.fact(fact_of(made.id))["telemetry_problem"]


def test_a_repository_that_loses_what_it_took_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    made = store(of, backup(1), of.repositories[0])
    put, lost = Repository.put_sealed, list[str]()

    def forgetful(self: Repository, key: str, content: bytes, **options: bool) -> None:
        if key.startswith(names.BUNDLES) and not lost:
            lost.append(key)
            return
        put(self, key, content, **options)

    monkeypatch.setattr(Repository, "put_sealed", forgetful)
    with pytest.raises(ConflictError, match="does not hold what it took: logs/2026010"):
        keep(of, made)
    assert "does not hold" in of.catalogue.fact(fact_of(made.id))["telemetry_problem"]


def test_telemetry_of_a_backup_that_was_pruned_meanwhile_is_not_listed(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    made = store(of, backup(1), of.repositories[0])
    of.catalogue.forget(made.id, of.repositories[0].name)
    with pytest.raises(ConflictError, match="was pruned"):
        keep(of, made)
    assert records_of(of.repositories[0], made.id) is None


def test_nothing_is_pruned_where_a_list_cannot_be_read(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    kept(of, 9)
    write(of, "20260102_4_4_0")
    new = kept(of, 1)
    repository = of.repositories[0]
    repository.put_sealed(names.records(new.id), b"damaged")
    age(of, 2)
    pruned(of)
    assert len(bundles(of)) == 3


def test_a_repository_that_was_away_gets_telemetry_too(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path)
    made = kept(of, 1)
    first, second = of.repositories
    first.put(names.wal(log_of(made)), b"log")
    asked = of.journal.ask(OperationKind.SYNC, {}, "test", of.now())
    catch_up(of, asked.id, {})
    assert records_of(second, made.id) == records_of(first, made.id)
    assert missing_records(made.id, second) == []


def test_an_exported_backup_has_its_telemetry(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    made = kept(of, 1)
    of.repositories[0].put(names.wal(log_of(made)), b"log")
    asked = of.journal.ask(OperationKind.EXPORT, {}, "test", of.now())
    folder = Path(export(of, asked.id, {"backup": made.id})["file"])
    assert missing_records(made.id, of.export_to(folder)) == []
    assert len(list(folder.rglob("*-end.tar.zst.age"))) == 2


def test_an_object_that_is_lost_is_named_and_stored_again_with_the_next_backup(
    tmp_path: Path,
) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    first = kept(of, 2)
    of.repositories[0].delete([min(bundles(of))])
    assert len(missing_records(first.id, of.repositories[0])) == 1
    kept(of, 1)
    assert missing_records(first.id, of.repositories[0]) == []


def test_what_a_restore_that_failed_has_left_is_not_taken_for_its_own(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path)
    kept(of, 1)
    there = elsewhere(of, tmp_path)
    left = there.records.fetching / "logs/20260102/20260102_9_9_0"
    left.mkdir(parents=True)
    (left / "count.txt").write_text("1000")
    assert brought(there)["taken_in"] == 21


def test_a_restore_that_was_killed_goes_on_with_what_it_has(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    kept(of, 1)
    there = elsewhere(of, tmp_path)
    asked = of.journal.ask(OperationKind.RESTORE, {}, "test", of.now())
    of.journal.note(asked.id, "fetching telemetry", {}, of.now())
    whole = there.records.fetching / "logs/20260101/20260101_1_1_0"
    whole.mkdir(parents=True)
    (whole / "count.txt").write_text("7")
    found = restore_records(there, asked.id, {"to": "latest"})
    assert found["taken_in"] == 21
    assert isinstance(there.records, FolderRecords)
    assert list(content(there.records.parts / "logs/20260101_1_1_0")) == ["count.txt"]


def test_without_room_nothing_is_fetched_and_need_and_free_space_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = with_telemetry(tmp_path)
    kept(of, 1)
    there = elsewhere(of, tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: DiskUsage(10**9, 10**9, 100 * 1024**2))
    with pytest.raises(LimitExceededError) as raised:
        brought(there)
    assert raised.value.code == "disk_full"
    # 128 MB stay free for the store, and each of three parts may take 256 kB more than it has.
    assert f"100 MB are free in {tmp_path}; the telemetry to be fetched needs 128 MB" in str(
        raised.value
    )
    assert not (tmp_path / "empty").exists()


def test_what_a_killed_restore_has_whole_needs_no_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    kept(of, 1)
    there = elsewhere(of, tmp_path)
    asked = of.journal.ask(OperationKind.RESTORE, {}, "test", of.now())
    of.journal.note(asked.id, "fetching telemetry", {}, of.now())
    for day in ("20260101", "20260102"):
        whole = there.records.fetching / f"logs/{day}/{day}_1_1_0"
        whole.mkdir(parents=True)
        (whole / "count.txt").write_text("7" if day == "20260101" else "14")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: DiskUsage(1, 1, 0))
    assert restore_records(there, asked.id, {"to": "latest"})["taken_in"] == 21


def test_a_disk_that_becomes_full_while_telemetry_is_fetched_gets_its_room_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = with_telemetry(tmp_path)
    kept(of, 1)
    there = elsewhere(of, tmp_path)
    copied: list[object] = []

    def copy_some(source: object, *_: object) -> None:
        copied.append(source)
        if len(copied) > 5:  # the first partition is whole by then
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", copy_some)
    with pytest.raises(LimitExceededError, match="became full") as raised:
        brought(there)
    assert raised.value.code == "disk_full"
    assert list((tmp_path / "empty").rglob("*")) == []


def test_telemetry_of_another_schema_is_refused(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path)
    kept(of, 1)
    newer = replace(of, find_records=lambda: FolderRecords(tmp_path / "empty", version=6))
    with pytest.raises(ConflictError, match="schema version 5, the store here has 6"):
        brought(newer)


def test_a_moment_chooses_the_backups_of_before_it() -> None:
    backups = [backup(3), backup(2), backup(1)]
    ids = [one.id for one in backups]
    assert chosen(backups, "latest") == ids[::-1]
    assert chosen(backups, ids[1]) == [ids[1]]
    assert chosen(backups, backups[1].ended_at.isoformat()) == ids[1::-1]
    with pytest.raises(NotFoundError):
        chosen(backups, "2020-01-01T00:00:00Z")
    for wrong in ("before-import", "2026-01-02"):
        with pytest.raises(InvalidInputError):
            chosen(backups, wrong)


def test_without_telemetry_in_any_backup_it_is_said_how_to_keep_it(tmp_path: Path) -> None:
    of = house(tmp_path)
    store(of, backup(1), of.repositories[0])
    with pytest.raises(NotFoundError, match="no backup") as raised:
        brought(of)
    assert "include" in str(raised.value.hint)
