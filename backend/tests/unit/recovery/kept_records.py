"""A house that keeps telemetry in its backups, and what is done with it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from insightengine.application.backup import BackupPolicy, Extra, Retention
from insightengine.core.lsn import Segment
from insightengine.recovery import names
from insightengine.recovery.house import House
from insightengine.recovery.journal import OperationKind
from insightengine.recovery.keeping import (
    ask_for_records,
    keep_records,
)
from insightengine.recovery.models import Backup
from insightengine.recovery.returning import restore_records
from insightengine.recovery.service import prune
from tests.unit.recovery.backups import backup
from tests.unit.recovery.houses import FolderRecords, house, store


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


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def pruned(of: House) -> dict[str, object]:
    asked = of.journal.ask(OperationKind.PRUNE, {}, "test", of.now())
    try:
        return prune(of, asked.id, {})
    finally:
        of.journal.cancel(asked.id, of.now())
