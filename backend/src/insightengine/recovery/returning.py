"""Brings telemetry back: what the store has nothing of, put where its own process takes it from."""

from __future__ import annotations

import io
import shutil
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from insightengine.core.disk import is_full, require_room
from insightengine.core.errors import (
    ConflictError,
    InvalidInputError,
    LimitExceededError,
    NotFoundError,
)
from insightengine.recovery.capture import Meter
from insightengine.recovery.house import House
from insightengine.recovery.keeping import records_before, shelf_of
from insightengine.recovery.models import Backup
from insightengine.recovery.records import Bundle, Records, Shelf, by_partition, room_for
from insightengine.recovery.repository import Repository

_FETCHING = "fetching telemetry"
_HINT = "free some space there, then: insight restore --telemetry"


def restore_records(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Partitions that the store has records of stay as they are. Killed, it goes on where it was:
    a partition that was fetched whole is not fetched again."""
    began = time.monotonic()
    found = records_before(house, chosen(house.backups(), str(request.get("to") or "latest")))
    if found is None:
        raise NotFoundError(
            "no backup before that holds telemetry",
            code="no_telemetry",
            hint="x-insight.backup.include: [telemetry] keeps it from the next backup on",
        )
    backup, records, repository = found
    _require_version(records, house.records.version)
    present = house.records.stored()
    partitions = by_partition(records.bundles)
    wanted = {name: bundles for name, bundles in partitions.items() if name not in present}
    if "arriving" not in house.journal.noted(operation):
        _fetch(house, operation, repository, wanted)
    _hand_over(house, operation)
    rows = sum(bundle.rows for bundles in wanted.values() for bundle in bundles)
    return {
        "restored": "telemetry",
        "backup": backup,
        "at": records.at.isoformat(),
        "partitions": len(wanted),
        "left_as_they_are": len(partitions) - len(wanted),
        "rows": rows,
        **_outcome(house.records.take_in(), rows),
        "seconds": round(time.monotonic() - began, 2),
    }


def _hand_over(house: House, operation: str) -> None:
    """All of it at once, so that a store that is started meanwhile takes all or nothing."""
    arriving, fetched = house.records.arriving, house.records.fetching
    house.journal.note(operation, "arriving", {}, house.now())
    if fetched.exists():
        fetched.rename(arriving)


def _outcome(taken: Mapping[str, Any] | None, rows: int) -> dict[str, Any]:
    """Raises ConflictError where the store has not taken all of what was brought."""
    if taken is None:
        return {"taken_in": "at the next start of the store"}
    if taken["refused"] or (int(taken["rows"]) != rows and not taken["left"]):
        refused = "; ".join(taken["refused"][:5]) or "none was refused"
        raise ConflictError(
            f"the store took {taken['rows']} of {rows} rows: {refused}",
            code="telemetry_incomplete",
            hint="insight logs store; what it refused lies in the folders `detached` of its tables",
        )
    return {"taken_in": int(taken["rows"])}


def chosen(backups: Sequence[Backup], to: str) -> list[str]:
    """The backups that come into question, the newest first: all, those up to a time, or one.

    Raises InvalidInputError for what is neither, and NotFoundError for none.
    """
    newest_first = list(reversed(backups))
    if to == "latest":
        found = newest_first
    elif any(backup.id == to for backup in backups):
        found = [backup for backup in newest_first if backup.id == to]
    else:
        limit = _time(to)
        found = [backup for backup in newest_first if backup.ended_at <= limit]
    if not found:
        raise NotFoundError(f"there is no backup of before {to}", hint="insight backup list")
    return [backup.id for backup in found]


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise InvalidInputError(
            f"found {text[:60]!r}; telemetry comes back as of `latest`, of a backup, or of a time "
            "with its zone such as 2026-01-02T03:04:05Z",
            hint="insight backup list",
        )
    return found


def _require_version(records: Records, version: int) -> None:
    if records.version != version:
        raise ConflictError(
            f"the telemetry was kept with schema version {records.version}, "
            f"the store here has {version}",
            code="other_schema",
            hint="bring it back with the InsightEngine that kept it, then update: it is migrated",
        )


def _fetch(
    house: House,
    operation: str,
    repository: Repository,
    wanted: Mapping[str, Sequence[Bundle]],
) -> None:
    """Each partition whole, under its final name, or not at all. Nothing where it has no room."""
    if house.records.arriving.exists():
        raise ConflictError(
            "telemetry that another restore has brought still waits for the store",
            code="telemetry_arriving",
            hint="insight restart store: it takes it in at its start",
        )
    shelf = shelf_of(repository)
    _require_whole(shelf, wanted)
    folder, unfinished = house.records.fetching, _unfinished(house.records.fetching)
    shutil.rmtree(unfinished, ignore_errors=True)
    if _FETCHING not in house.journal.noted(operation):
        shutil.rmtree(folder, ignore_errors=True)  # of another one that was killed for good
    lacking = {name: found for name, found in wanted.items() if not (folder / name).exists()}
    needed_bytes = room_for(b for bundles in lacking.values() for b in bundles)
    require_room(folder, needed_bytes, "the telemetry to be fetched", _HINT)
    house.journal.note(operation, _FETCHING, {}, house.now())
    total = sum(bundle.bytes for bundles in lacking.values() for bundle in bundles)
    meter = Meter(lambda p: house.journal.progress(operation, p), total, _FETCHING)
    with _removed_where_it_fails(folder, unfinished):
        for partition, bundles in lacking.items():
            for bundle in bundles:
                _unpack(_Stream(_pieces(repository, shelf, bundle)), unfinished)
            target = folder / partition
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            unfinished.rename(target)
            meter.add(sum(bundle.bytes for bundle in bundles))


def _unfinished(fetching: Path) -> Path:
    """Where a partition is until it is whole."""
    return fetching.with_name(f"{fetching.name}.unfinished")


@contextmanager
def _removed_where_it_fails(*folders: Path) -> Iterator[None]:
    """What an ended operation has fetched is of no use to the next one, and takes room from the
    store. Killed, it stays: the operation is not over then, and goes on with it."""
    try:
        yield
    except Exception as error:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError) and is_full(error):
            raise LimitExceededError(
                f"the disk of {folders[0]} became full while telemetry was fetched; "
                "what had been fetched is removed again",
                code="disk_full",
                hint=_HINT,
            ) from error
        raise


def _require_whole(shelf: Shelf, wanted: Mapping[str, Sequence[Bundle]]) -> None:
    torn = [p for p, bundles in wanted.items() if not all(shelf.is_whole(b.id) for b in bundles)]
    if torn:
        raise ConflictError(
            f"objects of the telemetry are missing: {', '.join(sorted(torn)[:5])}",
            code="telemetry_incomplete",
            hint="insight restore --telemetry --to an earlier backup",
        )


def _pieces(repository: Repository, shelf: Shelf, bundle: Bundle) -> Iterator[bytes]:
    for key in shelf.keys(bundle.id):
        yield repository.get(key)


class _Stream(io.RawIOBase):
    """Reads what an iterable yields, one piece in memory at a time."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found: list[bytes] = []
        while size:
            if not self._rest:
                self._rest = memoryview(next(self._pieces, b""))
                if not self._rest:
                    break
            taken = self._rest if size < 0 else self._rest[:size]
            self._rest = self._rest[len(taken) :]
            found.append(bytes(taken))
            size -= len(taken) if size > 0 else 0
        return b"".join(found)


def _unpack(stream: _Stream, folder: Path) -> None:
    """Regular files below PART/ only; nothing else is written. What the seal of the platform stands
    under is ours, and is looked at all the same."""
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts:
                raise InvalidInputError(f"telemetry names a file outside: {member.name!r}")
            target = folder / path
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True, mode=0o700)
            elif member.isfile() and (content := archive.extractfile(member)) is not None:
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with target.open("wb") as file:
                    shutil.copyfileobj(content, file, 1024 * 1024)
