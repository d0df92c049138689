"""Bytes that cannot be stored are kept beside a report, for a person to judge.

What is kept is bounded: a sender whose records the store never takes must not fill the disk. The
oldest bytes go first; their reports, which are small, stay until there are too many of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from insightengine.telemetry.segment_writer import sync_folder

_log = structlog.get_logger("telemetry.setaside")
FOLDER: Final = "set-aside"
MOST_BYTES: Final = 256 * 1024**2
_MOST_REPORTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class SetAside:
    """Why a stretch of a segment was set aside. Offsets are bytes in the original segment."""

    segment: str
    start: int
    end: int
    reason: str
    entries: int | None = None


def set_aside(spool: Path, what: SetAside, content: bytes, *, most_bytes: int = MOST_BYTES) -> Path:
    """Writes the bytes and their report. Idempotent: the name follows from segment and offset."""
    folder = spool / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    _make_room(folder, most_bytes - len(content))
    target = folder / f"{what.segment}.{what.start}"
    write_synced(target.with_name(f"{target.name}.bin"), content)
    report = {**asdict(what), "set_aside_at": datetime.now(UTC).isoformat()}
    write_synced(
        target.with_name(f"{target.name}.json"), json.dumps(report, indent=2).encode() + b"\n"
    )
    return target.with_name(f"{target.name}.bin")


def _make_room(folder: Path, most_bytes: int) -> None:
    kept = sorted(_by_age(folder, "*.bin"), reverse=True)
    held = 0
    for _, size, path in kept:
        held += size
        if held > most_bytes:
            path.unlink(missing_ok=True)
            _log.error("telemetry that was set aside is removed for lack of room", file=path.name)
    for _, _, path in sorted(_by_age(folder, "*.json"), reverse=True)[_MOST_REPORTS:]:
        path.unlink(missing_ok=True)


def _by_age(folder: Path, names: str) -> Iterator[tuple[int, int, Path]]:
    """Time of change, size and path; the other process may remove files meanwhile."""
    for path in folder.glob(names):
        with suppress(FileNotFoundError):
            status = path.stat()
            yield status.st_mtime_ns, status.st_size, path


def write_synced(path: Path, content: bytes) -> None:
    """The whole file or none of it, also after a power failure."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
