"""The verbs of backups: take one, prove it, prune. Each is one journalled operation."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from insightengine.core.errors import (
    AccessDeniedError,
    ConflictError,
    InsightError,
    UnavailableError,
)
from insightengine.core.lsn import Lsn, segments_between
from insightengine.recovery import names
from insightengine.recovery.bundle import store_state
from insightengine.recovery.capture import Captured, Spread, capture
from insightengine.recovery.house import House
from insightengine.recovery.journal import Progress
from insightengine.recovery.keeping import (
    ask_for_records,
    fact_of,
    is_keeping,
    missing_records,
    prune_records,
)
from insightengine.recovery.manifest import parse_manifest
from insightengine.recovery.models import (
    Backup,
    BackupKind,
    Check,
    CheckKind,
    Chunk,
    DatabaseSize,
    Standing,
    TableWitness,
    Witness,
)
from insightengine.recovery.plan import parent_for_incremental
from insightengine.recovery.repository import Repository
from insightengine.recovery.retention import PrunePlan, prune_plan
from insightengine.recovery.walsource import StoredWal
from insightengine.stores.server import ServerState

_BACKUP: TypeAdapter[Backup] = TypeAdapter(Backup)
_WAL_LIMIT_S = 180.0
_LEAST_SAMPLE = 3
_UNFINISHED_S = 24 * 3600.0


def take_backup(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Streams, waits for the WAL of the stream, publishes, and reads back what was stored.

    Killed after the stream it goes on there; killed during it, it begins anew under another name.
    """
    noted = house.journal.noted(operation)
    if "streamed" in noted:
        backup = _BACKUP.validate_python(noted["streamed"]["backup"])
        repositories = noted["streamed"]["repositories"]
    else:
        backup, repositories = _stream(house, operation, request)
        detail = {"backup": _BACKUP.dump_python(backup, mode="json"), "repositories": repositories}
        house.journal.note(operation, "streamed", detail, house.now())
    stored_in = [r for r in house.repositories if r.name in repositories]
    if "wal stored" not in noted:
        _wait_for_wal(house, operation, stored_in, backup.timeline, backup.stop)
        house.journal.note(operation, "wal stored", {}, house.now())
    if "published" not in noted:
        for repository in stored_in:
            repository.publish(backup)
        house.catalogue.add(backup, [repository.name for repository in stored_in])
        house.journal.note(operation, "published", {}, house.now())
    checks = [verify_objects(house, backup, repository) for repository in stored_in]
    if "telemetry asked for" not in noted:
        telemetry = ask_for_records(house, backup.id)
        house.journal.note(operation, "telemetry asked for", telemetry, house.now())
    else:
        telemetry = noted["telemetry asked for"]
    missing = sorted({r.name for r in house.repositories} - set(repositories))
    return {
        "backup": backup.id,
        "kind": backup.kind,
        "plain_bytes": backup.plain_bytes,
        "stored_bytes": backup.stored_bytes,
        "seconds": round(backup.duration.total_seconds(), 2),
        "repositories": repositories,
        "left_out": missing,
        "verified": all(check.passed for check in checks),
        **telemetry,
    }


def _stream(house: House, operation: str, request: Mapping[str, Any]) -> tuple[Backup, list[str]]:
    repositories = house.answering()
    with house.server() as server:
        state, sizes = server.state(), server.databases()
    parent = _parent(house, request, state.timeline)
    kind = BackupKind.INCREMENTAL if parent else BackupKind.FULL
    taken = frozenset(backup.id for backup in house.backups())
    began = house.now()
    backup_id = names.new_backup_id(kind, began, taken)
    house.journal.note(operation, "streaming", {"backup": backup_id}, began)
    spread = Spread(repositories, repositories[0].envelope)
    with tempfile.TemporaryDirectory(dir=_work(house)) as folder:
        since = _since(house, parent, Path(folder))
        argv = house.programs.base_backup(
            house.address,
            f"insight {backup_id}",
            rate_bytes_per_s=house.policy.rate_bytes_per_s,
            since=since,
        )
        captured = capture(
            backup_id,
            argv,
            house.surroundings,
            spread,
            lambda progress: house.journal.progress(operation, progress),
            None if parent else sum(size for _, size in sizes),
        )
    state_chunks = store_state(house, backup_id, spread, _work(house))
    backup = _described(house, backup_id, kind, parent, state, began, captured, request)
    backup = replace(
        backup,
        databases=tuple(DatabaseSize(name, size) for name, size in sizes),
        state_chunks=state_chunks,
        witness=_witness(house),
    )
    return backup, [r.name for r in repositories if r.name not in spread.failed]


def _parent(house: House, request: Mapping[str, Any], timeline: int) -> Backup | None:
    if request.get("kind") != BackupKind.INCREMENTAL:
        return None
    found = parent_for_incremental(house.backups(), house.standings(), timeline)
    if found is not None and set(found.recipients) != set(house.keyring.recipients):
        return None  # whoever opens the new one has to open its parent, too
    return found


def _since(house: House, parent: Backup | None, folder: Path) -> Path | None:
    if parent is None:
        return None
    path = folder / "backup_manifest"
    path.write_bytes(_first_readable(house, parent, names.manifest(parent.id), parent.manifest))
    return path


def _first_readable(house: House, backup: Backup, key: str, chunk: Chunk) -> bytes:
    problem: InsightError | None = None
    for repository in house.holding(backup.id):
        try:
            return repository.get_chunk(key, chunk)
        except InsightError as error:
            problem = error
    raise problem or ConflictError(f"no repository holds {backup.id}", code="broken_chain")


def _described(
    house: House,
    backup_id: str,
    kind: BackupKind,
    parent: Backup | None,
    state: ServerState,
    began: datetime,
    captured: Captured,
    request: Mapping[str, Any],
) -> Backup:
    return Backup(
        id=backup_id,
        kind=kind,
        parent=parent.id if parent else None,
        cluster=captured.manifest.system_identifier,
        server_version=state.version,
        timeline=captured.manifest.timeline,
        start=captured.manifest.start,
        stop=captured.manifest.stop,
        started_at=began,
        ended_at=house.now(),
        plain_bytes=captured.plain_bytes,
        stored_bytes=captured.stored_bytes,
        databases=(),
        recipients=house.keyring.recipients,
        release=request.get("release"),
        reason=str(request.get("reason", "asked for")),
        chunks=captured.chunks,
        manifest=captured.manifest_chunk,
    )


def _work(house: House) -> Path:
    house.folders.work.mkdir(parents=True, exist_ok=True, mode=0o700)
    return house.folders.work


def _witness(house: House) -> Witness | None:
    """Counts chosen tables at one exact position; what cannot be locked is not witnessed."""
    by_database: dict[str, list[str]] = {}
    for table in house.policy.verify.tables:
        database, _, rest = table.partition(".")
        by_database.setdefault(database, []).append(rest)
    if len(by_database) != 1:  # one position holds for one snapshot, so for one database
        return None
    ((database, tables),) = by_database.items()
    try:
        with house.server(database) as server, server.frozen(tables) as (lsn, frozen):
            found = [(table, *frozen.count_and_sum(table)) for table in tables]
    except InsightError:
        return None
    return Witness(lsn, house.now(), tuple(TableWitness(database, *one) for one in found))


def _wait_for_wal(
    house: House, operation: str, repositories: Sequence[Repository], timeline: int, stop: Lsn
) -> None:
    """A backup without the WAL of its own time cannot be restored."""
    deadline = time.monotonic() + _WAL_LIMIT_S
    waiting = list(repositories)
    while waiting:
        waiting = [r for r in waiting if not _has_wal(house, r, timeline, stop)]
        if not waiting:
            return
        if time.monotonic() > deadline:
            where = ", ".join(repository.name for repository in waiting)
            raise UnavailableError(
                f"the write-ahead log up to {stop} has not come to {where} "
                f"within {_WAL_LIMIT_S:g} s",
                code="wal_missing",
                hint="insight status: do wal-receiver and backups run? then: insight backup create",
            )
        _require_timeline(house, timeline)
        house.journal.progress(operation, Progress("waiting for the write-ahead log"))
        time.sleep(0.1)


def _require_timeline(house: House, timeline: int) -> None:
    """After `insight restore undo` nobody writes the log that is waited for."""
    seen = house.catalogue.fact("server") or {}
    if int(seen.get("timeline", timeline)) < timeline:
        raise ConflictError(
            f"the server went back to timeline {seen['timeline']}, and the log of {timeline}, "
            "which the backup needs, does not go on",
            code="timeline_left",
        )


def _has_wal(house: House, repository: Repository, timeline: int, stop: Lsn) -> bool:
    found = house.catalogue.fact(f"shipped {repository.name}")
    if found is None:
        return False
    return (found["timeline"], Lsn.parse(found["lsn"])) >= (timeline, stop)


def verify_objects(house: House, backup: Backup, repository: Repository) -> Check:
    """Every object is there with its size; the manifest agrees; a sample is read and opened."""
    began = time.monotonic()
    findings: list[str] = []
    read, lost = 0, list[str]()
    expected = {names.data(backup.id, chunk.number): chunk for chunk in backup.chunks}
    found = {o.key: o.size_bytes for o in repository.objects(names.data_folder(backup.id))}
    for key, chunk in expected.items():
        if found.get(key) != chunk.stored_bytes:
            findings.append(f"{key}: {found.get(key, 'no')} bytes instead of {chunk.stored_bytes}")
    for key in sorted(found.keys() - expected.keys() - {names.manifest(backup.id)}):
        findings.append(f"{key} does not belong to the backup")
    try:
        content = repository.get_chunk(names.manifest(backup.id), backup.manifest)
        read += backup.manifest.stored_bytes
        if parse_manifest(content).system_identifier != backup.cluster:
            findings.append("the manifest is of another cluster")
        sample = _sample(backup, house.policy.verify.sample_percent)
        with ThreadPoolExecutor(2) as readers:
            list(
                readers.map(
                    lambda c: repository.get_chunk(names.data(backup.id, c.number), c), sample
                )
            )
        read += sum(chunk.stored_bytes for chunk in sample)
        findings += missing_log(backup, repository)
        lost = missing_records(backup.id, repository)
    except InsightError as error:
        findings.append(error.message)
    check = Check(
        backup=backup.id,
        kind=CheckKind.OBJECTS,
        at=house.now(),
        passed=not findings,
        seconds=round(time.monotonic() - began, 3),
        bytes_read=read,
        repository=repository.name,
        findings=tuple(findings[:50]),
        # The databases come back without it, so that it does not make the backup a bad one.
        figures={"telemetry missing": ", ".join(lost[:50])} if lost else {},
    )
    record_check(house, repository, check)
    return check


def missing_log(backup: Backup, repository: Repository) -> list[str]:
    """Without the log of its own time a backup cannot be restored; damage of it raises."""
    log = StoredWal(repository)
    return [
        f"{names.wal(segment)} is missing: the write-ahead log of the backup's own time"
        for segment in segments_between(backup.timeline, backup.start, backup.stop)
        if log.segment(segment) is None
    ]


def record_check(house: House, repository: Repository, check: Check) -> None:
    house.catalogue.add_check(check)
    try:
        repository.add_check(check)
    except InsightError:
        return  # known here; a catalogue built anew shows the backup as unverified


def _sample(backup: Backup, percent: float) -> list[Chunk]:
    """First and last always, the others by chance."""
    count = max(_LEAST_SAMPLE, round(len(backup.chunks) * percent / 100))
    if count >= len(backup.chunks):
        return list(backup.chunks)
    chosen = random.sample(backup.chunks[1:-1], count - 2)
    return [backup.chunks[0], *chosen, backup.chunks[-1]]


def plan_prune(house: House) -> PrunePlan:
    return prune_plan(house.backups(), house.standings(), house.policy.retention, house.now())


def prune(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Removes what the plan names, the description first: a kill leaves no half of a backup."""
    del request
    plan = plan_prune(house)
    house.journal.note(operation, "planned", {"remove": list(plan.remove)}, house.now())
    kept: list[str] = []
    objects = 0
    for repository in house.answering():
        try:
            objects += repository.store.clean(_UNFINISHED_S)
        except AccessDeniedError as error:  # a key that may only write
            kept.append(f"unfinished uploads: {error.message}")
        for backup_id in [*plan.remove, *_orphans(house, repository)]:
            refused = repository.delete([names.backup(backup_id)])
            keys = [
                found.key
                for folder in (names.data_folder, names.state_folder, names.checks_folder)
                for found in repository.objects(folder(backup_id))
            ]
            refused += repository.delete(keys)
            objects += len(keys) - len(refused)
            kept += [f"{one.key}: {one.reason}" for one in refused]
            house.catalogue.forget(backup_id, repository.name)
            house.catalogue.remove_fact(fact_of(backup_id))
        objects += _prune_wal(repository, plan)
    found = {"removed": list(plan.remove), "refused_by_store": kept[:100]}
    if is_keeping(house):  # and counts on what lies there, listed or not
        return {**found, "objects": objects, "telemetry_left": "it is being stored"}
    objects += prune_records(house, [keep.backup for keep in plan.keep], house.answering())
    return {**found, "objects": objects}


def _orphans(house: House, repository: Repository) -> list[str]:
    """Backups that were begun and never described, and are old enough to be given up."""
    known = {backup.id for backup in house.backups()}
    found: set[str] = set()
    for stored in repository.objects("data/"):
        backup_id = stored.key.split("/")[1]
        age = house.now() - stored.modified_at
        if backup_id not in known and age.total_seconds() > _UNFINISHED_S:
            found.add(backup_id)
    return sorted(found)


def _prune_wal(repository: Repository, plan: PrunePlan) -> int:
    if not plan.wal_from:
        return 0
    oldest_timeline = min(plan.wal_from)
    unneeded: list[str] = []
    for stored in repository.objects("wal/"):
        segment = names.segment_of(stored.key)
        sliced = names.slice_of(stored.key)
        one = segment or (sliced[0] if sliced else None)
        if one is None or one.timeline > oldest_timeline:
            continue
        if one.timeline < oldest_timeline or one.end <= plan.wal_from[oldest_timeline]:
            unneeded.append(stored.key)
    return len(unneeded) - len(repository.delete(unneeded))


def remove_work(house: House) -> None:
    """Scratch folders of operations that are over."""
    shutil.rmtree(house.folders.work, ignore_errors=True)


def is_proven(standing: Standing) -> bool:
    return standing in (Standing.VERIFIED, Standing.RESTORED)
