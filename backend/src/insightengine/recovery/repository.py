"""The objects of one cluster in one store: sealed on the way in, opened on the way out."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from insightengine.core.errors import (
    AccessDeniedError,
    ConflictError,
    InsightError,
    NotFoundError,
    UnavailableError,
)
from insightengine.recovery import names
from insightengine.recovery.catalogue import BACKUPS, CHECKS, POINTS
from insightengine.recovery.envelope import Envelope, Sealed, damaged
from insightengine.recovery.models import Backup, Check, Chunk, NamedPoint
from insightengine.stores.objects.port import Kept, ObjectStore, StoredObject

FORMAT = 1
_READERS = 4


class Brake:
    """Lets so many bytes a second through, over all threads that share it; None lets all."""

    def __init__(self, bytes_per_s: int | None) -> None:
        self._bytes_per_s = bytes_per_s
        self._free_at = 0.0
        self._lock = threading.Lock()

    def pass_through(self, size: int) -> None:
        """Blocks until the bytes before these have had their time."""
        if self._bytes_per_s is None:
            return
        with self._lock:
            now = time.monotonic()
            begins = max(now, self._free_at)
            self._free_at = begins + size / self._bytes_per_s
        time.sleep(max(0.0, begins - now))


@dataclass(frozen=True, slots=True)
class Found:
    """What reading a repository brought to light. `problems` are sentences for a person."""

    backups: tuple[Backup, ...] = ()
    checks: tuple[Check, ...] = ()
    points: tuple[NamedPoint, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterNote:
    """What a repository tells in plain text of a cluster, to whoever finds it."""

    cluster: str
    application: str
    host: str
    recipients: tuple[str, ...]
    created_at: datetime
    format: int = FORMAT


@dataclass(slots=True)
class Repository:
    """`name` is the store's address: it is what a person knows it by."""

    store: ObjectStore
    cluster: str
    envelope: Envelope
    brake: Brake = field(default_factory=lambda: Brake(None))

    @property
    def name(self) -> str:
        return self.store.address

    def full_key(self, key: str) -> str:
        return names.cluster_prefix(self.cluster) + key

    def put(
        self, key: str, plain: bytes, *, only_new: bool = False, temporary: bool = False
    ) -> Sealed:
        sealed = self.envelope.seal(key, plain)
        self.put_sealed(key, sealed.content, only_new=only_new, temporary=temporary)
        return sealed

    def put_sealed(
        self, key: str, content: bytes, *, only_new: bool = False, temporary: bool = False
    ) -> None:
        self.brake.pass_through(len(content))
        self.store.put(self.full_key(key), content, only_new=only_new, temporary=temporary)

    def get(self, key: str) -> bytes:
        """Raises NotFoundError, ConflictError (`object_damaged`) or AccessDeniedError."""
        return self.envelope.open(key, self.get_sealed(key))

    def get_sealed(self, key: str) -> bytes:
        content = self.store.get(self.full_key(key))
        self.brake.pass_through(len(content))
        return content

    def get_chunk(self, key: str, chunk: Chunk) -> bytes:
        """Opens an object that a backup names, after comparing it with what the backup says."""
        content = self.get_sealed(key)
        sealed = Sealed(content, chunk.plain_bytes)
        if len(content) != chunk.stored_bytes or sealed.sha256 != chunk.sha256:
            raise damaged(key, "it is not the object that the backup names: another SHA-256")
        plain = self.envelope.open(key, content)
        if len(plain) != chunk.plain_bytes:
            raise damaged(key, f"it holds {len(plain)} bytes instead of {chunk.plain_bytes}")
        return plain

    def objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """With keys as the rest of recovery knows them: below the cluster."""
        own = names.cluster_prefix(self.cluster)
        for found in self.store.objects(own + prefix):
            yield StoredObject(found.key.removeprefix(own), found.size_bytes, found.modified_at)

    def exists(self, key: str) -> bool:
        return self.store.stat(self.full_key(key)) is not None

    def delete(self, keys: Iterable[str]) -> tuple[Kept, ...]:
        own = names.cluster_prefix(self.cluster)
        kept = self.store.delete(own + key for key in keys)
        return tuple(Kept(one.key.removeprefix(own), one.reason) for one in kept)

    def publish(self, backup: Backup) -> None:
        """From here on the backup exists for everybody who reads this repository."""
        self.put(names.backup(backup.id), BACKUPS.dump_json(backup), only_new=False)

    def add_check(self, check: Check) -> None:
        self.put(names.check(check.backup, check.at), CHECKS.dump_json(check))

    def add_point(self, point: NamedPoint) -> None:
        self.put(names.point(point.name), POINTS.dump_json(point))

    def read_all(self) -> Found:
        """Every backup, check and point that can be read; what cannot be is told, not raised.

        Raises only what holds for all of it: no key fits, or the store does not answer.
        """
        reading = _Reading(self)
        backups = reading.each("backups/", names.backup_of, BACKUPS.validate_json)
        checks = reading.each("checks/", lambda key: key, CHECKS.validate_json)
        points = reading.each("points/", lambda key: key, POINTS.validate_json)
        return Found(
            tuple(sorted(backups, key=lambda backup: (backup.position, backup.id))),
            tuple(checks),
            tuple(points),
            tuple(reading.problems),
        )


@dataclass(slots=True)
class _Reading:
    repository: Repository
    problems: list[str] = field(default_factory=list)

    def each(
        self, prefix: str, is_ours: Callable[[str], str | None], parse: Callable[[bytes], Any]
    ) -> list[Any]:
        keys: list[str] = []
        for found in self.repository.objects(prefix):
            if is_ours(found.key) is None:
                self.problems.append(f"{found.key} is none of our objects")
            else:
                keys.append(found.key)
        with ThreadPoolExecutor(_READERS) as readers:
            read = readers.map(lambda key: self._read(key, parse), keys)
        return [value for value in read if value is not None]

    def _read(self, key: str, parse: Callable[[bytes], Any]) -> Any | None:
        try:
            return parse(self.repository.get(key))
        except AccessDeniedError as error:
            if error.code != "wrong_key":
                raise
            self.problems.append(error.message)
        except (ConflictError, NotFoundError) as error:
            self.problems.append(error.message)
        except ValueError as error:
            self.problems.append(f"{key} cannot be read: {str(error)[:200]}")
        return None


def note_cluster(store: ObjectStore, note: ClusterNote) -> None:
    """Creates the repository where there is none, and tells which cluster is kept in it."""
    if store.stat(names.REPOSITORY) is None:
        store.put(names.REPOSITORY, json.dumps({"format": FORMAT}).encode(), only_new=True)
    text = json.dumps(
        {
            "format": note.format,
            "cluster": note.cluster,
            "application": note.application,
            "host": note.host,
            "recipients": list(note.recipients),
            "created_at": note.created_at.isoformat(),
        },
        indent=2,
    )
    store.put(names.cluster_note(note.cluster), text.encode())


def require_repository(store: ObjectStore) -> None:
    """Raises UnavailableError where a repository was known to be and no mark of it is left.

    An empty folder where a disk should be mounted would otherwise be filled as if it were new.
    """
    if store.stat(names.REPOSITORY) is None:
        raise UnavailableError(
            f"{store.address} is there, but holds no repository: {names.REPOSITORY} is missing",
            code="repository_missing",
            hint="mount the disk, or correct the address; to begin a new repository there: "
            "insight backup init",
        )


def clusters_in(store: ObjectStore) -> list[ClusterNote]:
    """Every cluster of which this store holds backups. Raises NotFoundError for no repository."""
    content = _read_plain(store, names.REPOSITORY)
    if content is None:
        raise NotFoundError(
            f"{store.address} holds no backups: {names.REPOSITORY} is missing",
            code="repository_missing",
            hint="look at the prefix: it is the part of the address behind the bucket",
        )
    if json.loads(content).get("format") != FORMAT:
        raise ConflictError(f"{store.address} has a format that this version does not know")
    notes: list[ClusterNote] = []
    for found in store.objects(names.KNOWN):
        values = json.loads(store.get(found.key))
        notes.append(
            ClusterNote(
                cluster=values["cluster"],
                application=values["application"],
                host=values["host"],
                recipients=tuple(values["recipients"]),
                created_at=datetime.fromisoformat(values["created_at"]),
                format=values["format"],
            )
        )
    return notes


def _read_plain(store: ObjectStore, key: str) -> bytes | None:
    try:
        return store.get(key)
    except NotFoundError as error:
        if error.code == "store_missing":
            raise
        return None


def answers(repository: Repository) -> InsightError | None:
    """Why the repository cannot be used just now; None when it can."""
    try:
        require_repository(repository.store)
    except InsightError as error:
        return error
    return None
