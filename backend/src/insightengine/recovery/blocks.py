"""Applies the files of an incremental backup to the files of the backup before it.

An incremental backup holds, for each relation file, `INCREMENTAL.name` (little-endian, from
PostgreSQL's `pg_combinebackup`, reconstruct.c of version 17 and 18):

    magic 0xd3ae1f0d · number of blocks n · truncation length t · n block numbers
    · padding to a whole block, if n > 0 · n blocks of 8 KiB

The file becomes: the blocks that are named, over the earlier file cut to t blocks, with zeros in
between. `pg_combinebackup` writes a new copy of the cluster for it; changing the restored files in
place writes the changed blocks only. A contract test compares both byte for byte.
"""

from __future__ import annotations

import os
import struct
from itertools import pairwise
from pathlib import Path

from insightengine.core.errors import ConflictError

BLOCK_BYTES = 8192
PREFIX = "INCREMENTAL."
_HEAD = struct.Struct("<III")
_MAGIC = 0xD3AE1F0D


class BlockFile:
    """Takes the content of one incremental file in pieces and changes `target` accordingly."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._waiting = bytearray()
        self._runs: list[tuple[int, int]] | None = None  # of (offset in the file, bytes left)
        self._blocks_end = 0
        self._truncation = 0
        try:
            self._descriptor = os.open(target, os.O_WRONLY)
        except FileNotFoundError:
            raise self._broken("the backup before it does not have this file") from None

    def write(self, part: bytes | memoryview) -> None:
        if self._runs is None:
            self._waiting += part
            self._begin()
            return
        self._apply(memoryview(part))

    def end(self) -> None:
        """Raises ConflictError when the file was cut off."""
        try:
            if self._runs is None:
                self._begin(is_end=True)
            if self._runs is None or self._runs:
                raise self._broken("it ends too early")
            length = max(self._truncation, self._blocks_end)
            os.ftruncate(self._descriptor, length * BLOCK_BYTES)
        finally:
            os.close(self._descriptor)

    def _begin(self, *, is_end: bool = False) -> None:
        """Reads the head once it is there whole, and passes on what follows it."""
        if len(self._waiting) < _HEAD.size:
            return
        magic, count, self._truncation = _HEAD.unpack_from(self._waiting)
        if magic != _MAGIC:
            raise self._broken(f"it begins with {magic:#x}")
        size = _HEAD.size + 4 * count
        size += -size % BLOCK_BYTES if count else 0
        if len(self._waiting) < size:
            if is_end:
                raise self._broken("its head is cut off")
            return
        numbers = struct.unpack_from(f"<{count}I", self._waiting, _HEAD.size)
        self._runs = _runs(numbers)
        self._blocks_end = max(numbers, default=-1) + 1
        if os.fstat(self._descriptor).st_size > self._truncation * BLOCK_BYTES:
            os.ftruncate(self._descriptor, self._truncation * BLOCK_BYTES)
        rest = bytes(self._waiting[size:])
        self._waiting.clear()
        self._apply(memoryview(rest))

    def _apply(self, part: memoryview) -> None:
        runs = self._runs or []
        while part:
            if not runs:
                raise self._broken("it holds more blocks than it names")
            offset, left = runs[0]
            taken = os.pwrite(self._descriptor, part[:left], offset)
            part = part[taken:]
            if taken == left:
                runs.pop(0)
            else:
                runs[0] = (offset + taken, left - taken)

    def _broken(self, why: str) -> ConflictError:
        return ConflictError(
            f"the incremental file for {self._target} is broken: {why}", code="broken_incremental"
        )


def _runs(numbers: tuple[int, ...]) -> list[tuple[int, int]]:
    """Neighbouring blocks as one stretch: offset and length in bytes, in the order given."""
    if not numbers:
        return []
    found: list[tuple[int, int]] = [(numbers[0] * BLOCK_BYTES, BLOCK_BYTES)]
    for earlier, later in pairwise(numbers):
        offset, length = found[-1]
        if later == earlier + 1:
            found[-1] = (offset, length + BLOCK_BYTES)
        else:
            found.append((later * BLOCK_BYTES, BLOCK_BYTES))
    return found
