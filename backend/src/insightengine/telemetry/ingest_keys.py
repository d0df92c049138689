"""Ingest keys: who may send telemetry, and how much. One file in the state folder.

A key reads `ink_<id>_<secret>`. Only SHA-256 of it is kept: the secret has 256 random bits, so a
slow hash would add nothing. The file is replaced as a whole; the collector reads it anew when it
changes, so that keys do not depend on the databases that telemetry watches.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from insightengine.core.errors import ConflictError, InsightError, InvalidInputError, NotFoundError
from insightengine.core.secrets import Secret

FILE: Final = "ingest-keys.json"
_SOURCE: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class IngestKey:
    """`None` for a limit means none. Bytes count unpacked."""

    id: str
    source: str
    digest: str
    created_at: str
    requests_per_s: float | None = None
    bytes_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class NewIngestKey:
    """`text` is shown once and not kept."""

    key: IngestKey
    text: Secret


class IngestKeys:
    """The file, for those who change it and for the collector."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def all(self) -> tuple[IngestKey, ...]:
        """By source. Raises InsightError when the file cannot be understood."""
        try:
            found = json.loads(self.path.read_bytes())["keys"]
            keys = [IngestKey(**each) for each in found]
        except FileNotFoundError:
            return ()
        except (ValueError, KeyError, TypeError) as error:
            raise InsightError(
                f"{self.path} cannot be read: {error}; no key of it is valid",
                code="ingest_keys_unreadable",
                hint=f"mv {self.path} {self.path}.broken, then create the keys anew",
            ) from error
        return tuple(sorted(keys, key=lambda key: (key.source, key.id)))

    def create(
        self, source: str, requests_per_s: float | None = None, bytes_per_s: float | None = None
    ) -> NewIngestKey:
        """Raises InvalidInputError for a name or limit that is none; a source may have two keys,
        so that one can be replaced without a pause."""
        _check(source, requests_per_s, bytes_per_s)
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        text = f"ink_{key_id}_{secret}"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        key = IngestKey(key_id, source, digest(text), now, requests_per_s, bytes_per_s)
        with self._locked():
            present = self.all()
            if sum(each.source == source for each in present) >= 2:
                raise ConflictError(
                    f"{source} has two ingest keys already",
                    hint="insight telemetry keys list, then revoke one of them",
                )
            self._write((*present, key))
        return NewIngestKey(key, Secret(text))

    def revoke(self, key_id: str) -> IngestKey:
        """The collector refuses it within a second. Raises NotFoundError."""
        with self._locked():
            present = self.all()
            gone = next((each for each in present if each.id == key_id), None)
            if gone is None:
                raise NotFoundError(
                    f"there is no ingest key {key_id}", hint="insight telemetry keys list"
                )
            self._write(tuple(each for each in present if each.id != key_id))
        return gone

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        lock = self.path.with_suffix(".lock")
        with lock.open("w") as file:
            self._give_to_owner(lock)
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _write(self, keys: tuple[IngestKey, ...]) -> None:
        temporary = self.path.with_name(f".{self.path.name}.new")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump({"keys": [asdict(key) for key in keys]}, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o600)
        self._give_to_owner(temporary)
        temporary.replace(self.path)

    def _give_to_owner(self, path: Path) -> None:
        """What root writes stays readable for the user that the collector runs as."""
        if os.geteuid() == 0:
            folder = self.path.parent.stat()
            os.chown(path, folder.st_uid, folder.st_gid)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _check(source: str, requests_per_s: float | None, bytes_per_s: float | None) -> None:
    if _SOURCE.fullmatch(source) is None:
        raise InvalidInputError(
            f"{source!r} is no name of a source; expected letters, digits and ._- (at most 63)"
        )
    for name, limit in (("requests", requests_per_s), ("bytes", bytes_per_s)):
        if limit is not None and not 0 < limit < 1e12:
            raise InvalidInputError(f"{limit} {name} a second is no limit; expected more than 0")
