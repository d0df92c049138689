"""PostgreSQL's own manifest of a base backup, and whether what was received agrees with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from insightengine.core.errors import ConflictError
from insightengine.core.lsn import Lsn
from insightengine.recovery.tarwalk import MANIFEST, TarFile

_CHECKSUM_KEY = b'"Manifest-Checksum"'


@dataclass(frozen=True, slots=True)
class WalRange:
    timeline: int
    start: Lsn
    end: Lsn


@dataclass(frozen=True, slots=True)
class Manifest:
    """`files` maps a path to its size and the CRC-32C that the server computed."""

    system_identifier: str
    files: Mapping[str, tuple[int, int]]
    wal: tuple[WalRange, ...]

    @property
    def start(self) -> Lsn:
        return self.wal[0].start

    @property
    def stop(self) -> Lsn:
        return self.wal[-1].end

    @property
    def timeline(self) -> int:
        return self.wal[-1].timeline


def parse_manifest(content: bytes) -> Manifest:
    """Raises ConflictError when it is damaged: it carries a SHA-256 of itself."""
    try:
        values = json.loads(content)
        body = content[: content.rindex(_CHECKSUM_KEY)]
        if hashlib.sha256(body).hexdigest() != values["Manifest-Checksum"]:
            raise _wrong("its own checksum does not agree with its content")
        return Manifest(
            system_identifier=str(values["System-Identifier"]),
            files={_path(file): (file["Size"], _crc(file)) for file in values["Files"]},
            wal=tuple(
                WalRange(r["Timeline"], Lsn.parse(r["Start-LSN"]), Lsn.parse(r["End-LSN"]))
                for r in values["WAL-Ranges"]
            ),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _wrong(f"it cannot be read: {error!r}") from None


def compare(manifest: Manifest, received: Iterable[TarFile]) -> None:
    """Raises ConflictError that names files which are missing, added, or of other content."""
    found = {file.path: (file.size_bytes, file.crc32c) for file in received}
    found.pop(MANIFEST, None)
    differing = [
        path
        for path in sorted(manifest.files.keys() | found.keys())
        if manifest.files.get(path) != found.get(path)
    ]
    if differing:
        names = ", ".join(differing[:5]) + (" …" if len(differing) > 5 else "")
        raise ConflictError(
            f"{len(differing)} of {len(manifest.files)} files differ from the manifest: {names}",
            code="manifest_mismatch",
            hint="take the backup again; if it repeats, look at memory and disk of this machine",
            context={"files": differing[:100]},
        )


def _path(file: Mapping[str, Any]) -> str:
    if "Path" in file:
        return str(file["Path"])
    return bytes.fromhex(file["Encoded-Path"]).decode("utf-8", "surrogateescape")


def _crc(file: Mapping[str, Any]) -> int:
    """PostgreSQL prints the four bytes of the CRC in the order of the machine: little-endian."""
    if file.get("Checksum-Algorithm") != "CRC32C":
        raise _wrong(f"{file.get('Path')} has the checksum {file.get('Checksum-Algorithm')}")
    return int.from_bytes(bytes.fromhex(file["Checksum"]), "little")


def _wrong(why: str) -> ConflictError:
    return ConflictError(f"the manifest of the backup is wrong: {why}", code="manifest_mismatch")
