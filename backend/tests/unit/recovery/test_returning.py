"""How telemetry comes back."""

from __future__ import annotations

import errno
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from insightengine.core.errors import (
    ConflictError,
    InvalidInputError,
    LimitExceededError,
    NotFoundError,
)
from insightengine.recovery.journal import OperationKind
from insightengine.recovery.returning import chosen, restore_records
from tests.unit.recovery.backups import backup
from tests.unit.recovery.houses import FolderRecords, house, store
from tests.unit.recovery.kept_records import (
    brought,
    content,
    elsewhere,
    kept,
    with_telemetry,
)


class DiskUsage(NamedTuple):
    total: int
    used: int
    free: int


def test_files_come_back_as_they_were(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path)
    kept(of, 1)
    there = elsewhere(of, tmp_path)
    assert brought(there)["rows"] == 21
    assert isinstance(there.records, FolderRecords)
    assert isinstance(of.records, FolderRecords)
    assert content(there.records.parts) == content(of.records.parts)


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
