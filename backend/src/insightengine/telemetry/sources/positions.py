"""How far each log file is safely in the spool, kept over restarts.

The file is written only after the spool has acknowledged what lies before the positions. A kill in
between makes the same lines be read again: doubled, never lost.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

HEAD_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class Position:
    """`head_crc` of the file's first `head_size` bytes tells a new file in an old inode."""

    name: str  # of the process
    device: int
    inode: int
    offset: int
    head_size: int
    head_crc: int


def head_of(head: bytes) -> tuple[int, int]:
    return len(head), zlib.crc32(head)


def parse_positions(text: str) -> tuple[Position, ...]:
    """None when the text is not what `save` wrote: everything is then read again."""
    try:
        found = json.loads(text)
        return tuple(_position(entry) for entry in found["files"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ()


def load(path: Path) -> tuple[Position, ...]:
    try:
        return parse_positions(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ()


def save(path: Path, positions: Iterable[Position]) -> None:
    """Atomic: after a crash the file holds the old or the new positions."""
    text = json.dumps({"version": 1, "files": [asdict(position) for position in positions]})
    new = path.with_name(f"{path.name}.new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _position(entry: dict[str, object]) -> Position:
    position = Position(**entry)  # type: ignore[arg-type]
    numbers = (position.device, position.inode, position.offset)
    if not isinstance(position.name, str) or not all(
        isinstance(number, int) and number >= 0 for number in numbers
    ):
        raise ValueError("not a position")
    return position
