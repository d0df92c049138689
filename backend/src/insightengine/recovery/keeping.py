"""Stores the telemetry of a backup: what no repository has yet, and a list of all of it.

It is an operation of its own, because the first one takes long: a restore, a release or the next
backup does not wait for it. Only pruning and it are kept apart, since what it has stored or found
there is named by no backup before its end. It begins when no pruning is under way, and a pruning
that is asked for meanwhile leaves telemetry alone; both look after they were written down, so that
one of them sees the other.
"""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from insightengine.application.backup import Extra
from insightengine.core.errors import (
    ConflictError,
    InsightError,
    NotFoundError,
    UnavailableError,
)
from insightengine.recovery import names
from insightengine.recovery.capture import Meter
from insightengine.recovery.house import House
from insightengine.recovery.journal import SCHEDULE, Operation, OperationKind
from insightengine.recovery.models import CHUNK_BYTES
from insightengine.recovery.records import (
    RECORDS,
    Part,
    Records,
    Shelf,
    bundle_of,
    bundled,
    parts_in,
    unneeded,
)
from insightengine.recovery.repository import Repository

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_WORKERS = 2
_UNLISTED = timedelta(days=1)  # what nothing names stays so long: the next one may go on with it
_LEFT_FILES = frozenset({"uuid.txt", "txn_version.txt"})  # of the table that a part was in


def fact_of(backup: str) -> str:
    return f"telemetry of {backup}"


def ask_for_records(house: House, backup: str) -> dict[str, Any]:
    """What the result of a backup tells of telemetry: the operation that stores it, or why there is
    none. Repeatable."""
    if Extra.TELEMETRY not in house.policy.include:
        return {}
    under_way = _under_way(house)
    if under_way is None:
        under_way = house.journal.ask(
            OperationKind.TELEMETRY, {"backup": backup}, SCHEDULE, house.now()
        )
    found = {"telemetry_operation": under_way.id}
    if under_way.request["backup"] != backup:
        problem = f"that of {under_way.request['backup']} is still being stored"
        found = {"telemetry_problem": f"{problem}; the next backup has what is new by then"}
    house.catalogue.set_fact(fact_of(backup), found)
    return found


def is_keeping(house: House) -> bool:
    return _under_way(house) is not None


def _under_way(house: House) -> Operation | None:
    found = [o for o in house.journal.under_way() if o.kind is OperationKind.TELEMETRY]
    return found[0] if found else None


def keep_records(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Killed, it stores what is missing then. Raises UnavailableError for a store that does not
    answer or repositories that take no more, and ConflictError where the backup is gone: it costs
    the telemetry of this backup, which is told of it, and not the backup."""
    backup = str(request["backup"])
    try:
        found = _keep(house, operation, backup)
    except InsightError as error:
        house.catalogue.set_fact(fact_of(backup), {"telemetry_problem": error.message})
        raise
    house.catalogue.set_fact(fact_of(backup), found)
    return {"backup": backup, **found}


def _keep(house: House, operation: str, backup: str) -> dict[str, Any]:
    with house.records.frozen() as frozen, _reading():
        groups = [
            group
            for table, folder in sorted(frozen.tables.items())
            for group in bundled(parts_in(table, folder))
        ]
        delivery = _Delivery.to(_holding(house, backup))
        total = sum(part.bytes for group in groups for part in group)
        meter = Meter(lambda p: house.journal.progress(operation, p), total, "storing telemetry")
        envelope = delivery.repositories[0].envelope
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="telemetry") as workers:
            bundles = [bundle_of(group, envelope) for group in groups]
            for stored in workers.map(delivery.put, (b.id for b in bundles), groups):
                meter.add(stored)
    records = Records(frozen.version, house.now(), tuple(bundles))
    _holding(house, backup)
    delivery.publish(backup, records)
    delivery.require_whole(backup)
    return {
        "telemetry_rows": records.rows,
        "telemetry_bytes": records.bytes,
        "telemetry_stored_bytes": delivery.stored_bytes,
    }


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnavailableError(f"the telemetry store's files cannot be read: {error}") from error


def _holding(house: House, backup: str) -> list[Repository]:
    found = house.holding(backup)
    if not found:
        raise ConflictError(f"{backup} was pruned before its telemetry was stored")
    return found


@dataclass(slots=True)
class _Delivery:
    """Puts bundles where they are missing; a repository that fails is left out of the rest."""

    repositories: list[Repository]
    shelves: dict[str, Shelf]
    failed: dict[str, str] = field(default_factory=dict)
    stored_bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def to(cls, repositories: Iterable[Repository]) -> _Delivery:
        found = list(repositories)
        return cls(found, {one.name: shelf_of(one) for one in found})

    def put(self, bundle: str, parts: tuple[Part, ...]) -> int:
        """The bytes of the parts, stored or there already."""
        lacking = [r for r in self.repositories if not self.shelves[r.name].is_whole(bundle)]
        if lacking:
            self._require_one()
            self._send(lacking, bundle, parts)
        return sum(part.bytes for part in parts)

    def publish(self, backup: str, records: Records) -> None:
        """From here on the telemetry of the backup exists, where everything of it does."""
        for repository in self.repositories:
            self._try(repository, names.records(backup), RECORDS.dump_json(records))
        self._require_one()

    def require_whole(self, backup: str) -> None:
        """Looks again at what the repositories hold: it counts as kept from now on."""
        for repository in self.repositories:
            lost = [] if repository.name in self.failed else missing_records(backup, repository)
            if lost:
                raise ConflictError(
                    f"{repository.name} does not hold what it took: {', '.join(lost[:5])}",
                    code="telemetry_incomplete",
                    hint="insight backup create: stores what is missing",
                )

    def _require_one(self) -> None:
        if len(self.failed) == len(self.repositories):
            raise UnavailableError(
                f"no repository takes telemetry: {'; '.join(self.failed.values())}",
                code="no_repository",
                hint="insight backup repositories",
            )

    def _send(self, to: list[Repository], bundle: str, parts: tuple[Part, ...]) -> None:
        def store(number: int, content: bytes, is_last: bool) -> None:
            for repository in to:
                self._try(repository, names.piece(bundle, number, is_last=is_last), content)

        pieces = Pieces(store)
        with tarfile.open(fileobj=pieces, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            for part in parts:
                archive.add(part.folder, part.name, filter=_plain)
        pieces.finish()

    def _try(self, repository: Repository, key: str, content: bytes) -> None:
        if repository.name in self.failed:
            return
        try:
            size = len(repository.put(key, content).content)
        except InsightError as error:
            self.failed[repository.name] = error.message
            return
        with self.lock:
            self.stored_bytes += size


class Pieces(io.RawIOBase):
    """A file that hands what is written to it on in pieces, and tells which is the last."""

    def __init__(self, store: Callable[[int, bytes, bool], None], size: int = CHUNK_BYTES) -> None:
        self._store, self._size = store, size
        self._waiting = bytearray()
        self._number = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Buffer) -> int:
        self._waiting += content
        while len(self._waiting) > self._size:  # the last piece is known when it ends
            self._hand_on(bytes(self._waiting[: self._size]), is_last=False)
            del self._waiting[: self._size]
        return memoryview(content).nbytes

    def finish(self) -> None:
        self._hand_on(bytes(self._waiting), is_last=True)

    def _hand_on(self, content: bytes, *, is_last: bool) -> None:
        self._store(self._number, content, is_last)
        self._number += 1


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if member.name.rpartition("/")[2] in _LEFT_FILES:
        return None
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o700 if member.isdir() else 0o600
    return member


def shelf_of(repository: Repository) -> Shelf:
    return Shelf.of(found.key for found in repository.objects(names.BUNDLES))


def records_of(repository: Repository, backup: str) -> Records | None:
    """The telemetry of a backup; None where it has none. Raises for what cannot be read."""
    try:
        return RECORDS.validate_json(repository.get(names.records(backup)))
    except NotFoundError:
        return None


def records_before(house: House, backups: Iterable[str]) -> tuple[str, Records, Repository] | None:
    """Of the first of these backups that has telemetry, and where."""
    answering = house.answering()
    for backup in backups:
        for repository in answering:
            found = records_of(repository, backup)
            if found is not None:
                return backup, found, repository
    return None


def prune_records(house: House, kept: Iterable[str], repositories: list[Repository]) -> int:
    """Removes the bundles that none of these backups names and that are not new; nothing where that
    is unsure."""
    try:
        wanted = [
            records
            for backup in kept
            for repository in repositories
            if (records := records_of(repository, backup)) is not None
        ]
    except InsightError:
        return 0
    removed = 0
    oldest = house.now() - _UNLISTED
    for repository in repositories:
        found = repository.objects(names.BUNDLES)
        keys = [one.key for one in found if one.modified_at < oldest]
        doomed = unneeded(keys, wanted)
        removed += len(doomed) - len(repository.delete(doomed))
    return removed


def missing_records(backup: str, repository: Repository) -> list[str]:
    """Bundles that the telemetry of a backup names and that are not there whole."""
    records = records_of(repository, backup)
    if records is None:
        return []
    shelf = shelf_of(repository)
    return [b.partition for b in records.bundles if not shelf.is_whole(b.id)]
