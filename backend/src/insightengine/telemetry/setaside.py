"""Bytes that cannot be stored are kept beside a report, for a person to judge."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from insightengine.telemetry.segment_writer import sync_folder

FOLDER: Final = "set-aside"


@dataclass(frozen=True, slots=True)
class SetAside:
    """Why a stretch of a segment was set aside. Offsets are bytes in the original segment."""

    segment: str
    start: int
    end: int
    reason: str
    entries: int | None = None


def set_aside(spool: Path, what: SetAside, content: bytes) -> Path:
    """Writes the bytes and their report. Idempotent: the name follows from segment and offset."""
    folder = spool / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / f"{what.segment}.{what.start}"
    write_synced(target.with_name(f"{target.name}.bin"), content)
    report = {**asdict(what), "set_aside_at": datetime.now(UTC).isoformat()}
    write_synced(
        target.with_name(f"{target.name}.json"), json.dumps(report, indent=2).encode() + b"\n"
    )
    return target.with_name(f"{target.name}.bin")


def write_synced(path: Path, content: bytes) -> None:
    """The whole file or none of it, also after a power failure."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
