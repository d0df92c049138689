"""A backup as a repository of its own, to be carried away: encrypted as it is, with its WAL."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from typing import Any

from insightengine.core.errors import ConflictError, InsightError, NotFoundError
from insightengine.core.lsn import segments_between
from insightengine.recovery import names
from insightengine.recovery.capture import Meter
from insightengine.recovery.house import House
from insightengine.recovery.keeping import records_of, shelf_of
from insightengine.recovery.models import Backup, Standing
from insightengine.recovery.partial import export_part, exports_of
from insightengine.recovery.plan import chain_of
from insightengine.recovery.repository import Repository


def export(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """With `database`, that one as a dump; else a whole `backup`, the newest proven one."""
    if request.get("database"):
        return export_part(house, operation, request)
    backup = _wanted(house, request.get("backup"))
    chain = chain_of(backup, house.backups())
    folder = exports_of(house) / operation
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    began = time.monotonic()
    target = house.export_to(folder)
    source = _source(house, chain)
    total = sum(one.stored_bytes for one in chain)
    meter = Meter(lambda p: house.journal.progress(operation, p), total, "copying objects")
    count = 0
    for key in _objects(source, backup, chain):
        content = source.get_sealed(key)
        source.envelope.open(key, content)
        target.put_sealed(key, content)
        meter.add(len(content))
        count += 1
    for one in chain:
        target.publish(one)
    return {
        "exported": backup.id,
        "chain": [one.id for one in chain],
        "file": str(folder),
        "objects": count + len(chain),
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "seconds": round(time.monotonic() - began, 2),
    }


def _wanted(house: House, wanted: Any) -> Backup:
    standings = house.standings()
    proven = (Standing.VERIFIED, Standing.RESTORED)
    found = [
        backup
        for backup in house.backups()
        if (backup.id == wanted if wanted else standings[backup.id] in proven)
    ]
    if not found:
        raise NotFoundError(
            f"there is no backup {wanted}" if wanted else "no backup is proven yet",
            hint="insight backup list",
        )
    return found[-1]


def _source(house: House, chain: tuple[Backup, ...]) -> Repository:
    problem: InsightError | None = None
    for repository in house.answering():
        try:
            if all(repository.exists(names.backup(one.id)) for one in chain):
                return repository
        except InsightError as error:
            problem = error
    raise problem or ConflictError(
        f"no repository holds all of {chain[-1].id}", code="broken_chain"
    )


def _objects(source: Repository, backup: Backup, chain: tuple[Backup, ...]) -> Iterator[str]:
    """Data and state of the chain, and the WAL from the start of the backup to its end."""
    for one in chain:
        for folder in (names.data_folder, names.state_folder):
            yield from (found.key for found in source.objects(folder(one.id)))
    records = records_of(source, backup.id)
    if records is not None:
        shelf = shelf_of(source)
        for bundle in records.bundles:
            yield from shelf.keys(bundle.id)
    for timeline in range(1, backup.timeline + 1):
        if source.exists(names.history(timeline)):
            yield names.history(timeline)
    for segment in segments_between(backup.timeline, backup.start, backup.stop):
        if source.exists(names.wal(segment)):
            yield names.wal(segment)
        else:
            yield from (found.key for found in source.objects(names.wal_slices(segment)))
