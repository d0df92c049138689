"""Objects as files below a folder: a second disk, a network mount, or a place for tests."""

from __future__ import annotations

import contextlib
import errno
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from insightengine.core.disk import is_full
from insightengine.core.errors import (
    AccessDeniedError,
    ConflictError,
    InsightError,
    LimitExceededError,
    NotFoundError,
    UnavailableError,
)
from insightengine.stores.objects.port import (
    PART_BYTES,
    Kept,
    StoredObject,
    checked_key,
    missing,
)

_INCOMING = ".incoming"
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


class FolderObjects:
    """`stores.objects.port.ObjectStore`. The folder itself must exist: a disk that is not mounted
    shows as missing, instead of its backups filling the disk below the mount point."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def address(self) -> str:
        return str(self._folder)

    def check(self) -> None:
        if not self._folder.is_dir():
            raise NotFoundError(
                f"the folder {self._folder} does not exist",
                code="store_missing",
                hint=f"mount the disk it is on, or create it: mkdir -p {self._folder}",
            )

    def put(
        self, key: str, content: bytes, *, only_new: bool = False, temporary: bool = False
    ) -> None:
        del temporary  # a folder knows neither locks nor storage classes
        self._write(key, (content,), only_new=only_new)

    def put_stream(self, key: str, parts: Iterable[bytes], *, only_new: bool = False) -> int:
        return self._write(key, parts, only_new=only_new)

    def get(self, key: str) -> bytes:
        return b"".join(self.read(key))

    def read(self, key: str) -> Iterator[bytes]:
        self.check()
        path = self._path(key)
        try:
            with path.open("rb", buffering=0) as file:
                while piece := file.read(PART_BYTES):
                    yield piece
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise missing(self.address, key) from None
        except OSError as error:
            raise self._error(error, key) from error

    def stat(self, key: str) -> StoredObject | None:
        self.check()
        try:
            return _stored(key, self._path(key).stat())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._error(error, key) from error

    def objects(self, prefix: str = "") -> Iterator[StoredObject]:
        self.check()
        below = prefix.rpartition("/")[0]
        start = self._folder / below if below else self._folder
        for key in sorted(self._keys(start)):
            if key.startswith(prefix):
                found = self.stat(key)
                if found is not None:
                    yield found

    def delete(self, keys: Iterable[str]) -> tuple[Kept, ...]:
        self.check()
        kept: list[Kept] = []
        for key in keys:
            path = self._path(key)
            try:
                path.unlink(missing_ok=True)
            except NotADirectoryError:
                continue
            except OSError as error:
                kept.append(Kept(key, error.strerror or str(error)))
            self._remove_empty(path.parent)
        return tuple(kept)

    def clean(self, older_than_s: float) -> int:
        self.check()
        removed = 0
        for path in (self._folder / _INCOMING).glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > older_than_s:
                    path.unlink()
                    removed += 1
        return removed

    def _path(self, key: str) -> Path:
        return self._folder / checked_key(key)

    def _keys(self, folder: Path) -> Iterator[str]:
        for place, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            below = Path(place).relative_to(self._folder)
            yield from (str(below / name) for name in files)

    def _write(self, key: str, parts: Iterable[bytes], *, only_new: bool) -> int:
        self.check()
        path = self._path(key)
        incoming = self._folder / _INCOMING / uuid.uuid4().hex
        try:
            incoming.parent.mkdir(mode=0o700, exist_ok=True)
            size = _write_durably(incoming, parts)
            self._publish(incoming, path, key, only_new=only_new)
        except OSError as error:
            raise self._error(error, key) from error
        else:
            return size
        finally:
            with contextlib.suppress(OSError):
                incoming.unlink(missing_ok=True)

    def _publish(self, incoming: Path, path: Path, key: str, *, only_new: bool) -> None:
        """A link never replaces, a rename always does; both are atomic."""
        for attempt in (1, 2, 3):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                if only_new:
                    os.link(incoming, path)
                else:
                    incoming.replace(path)
                break
            except FileExistsError:
                if not _is_same(incoming, path):
                    raise already_there(self.address, key) from None
                return
            except FileNotFoundError:  # somebody removed the empty folder just now
                if attempt == 3:
                    raise
        self._sync_folders(path.parent)

    def _sync_folders(self, folder: Path) -> None:
        """New folders on the way are new entries of their parents."""
        while True:
            sync_folder(folder)
            if folder == self._folder:
                return
            folder = folder.parent

    def _remove_empty(self, folder: Path) -> None:
        while folder != self._folder:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def _error(self, error: OSError, key: str) -> InsightError:
        message = f"{self._folder}: {key}: {error.strerror or error}"
        if is_full(error):
            return LimitExceededError(
                message, code="store_full", hint=f"free space on the disk of {self._folder}"
            )
        if error.errno in _DENIED:
            return AccessDeniedError(message, hint=f"ls -ld {self._folder}")
        return UnavailableError(message, hint=f"look at the disk of {self._folder}")


def already_there(address: str, key: str) -> ConflictError:
    return ConflictError(
        f"{address} already has another object {key}; it was not replaced",
        code="object_exists",
        context={"key": key},
    )


def sync_folder(folder: Path) -> None:
    """Makes the entries of a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_durably(path: Path, parts: Iterable[bytes]) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    size = 0
    with os.fdopen(descriptor, "wb") as file:
        for part in parts:
            size += file.write(part)
        file.flush()
        os.fsync(descriptor)
    return size


def _is_same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as left, other.open("rb") as right:
        while piece := left.read(PART_BYTES):
            if piece != right.read(PART_BYTES):
                return False
    return True


def _stored(key: str, stat: os.stat_result) -> StoredObject:
    return StoredObject(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))
