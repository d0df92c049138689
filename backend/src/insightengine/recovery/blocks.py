"""Newer blocks of a file, as an incremental backup names them, and how they change the older file.

An incremental backup holds, for each relation file, `INCREMENTAL.name` (little-endian, from
PostgreSQL's `pg_combinebackup`, reconstruct.c of version 17 and 18):

    magic 0xd3ae1f0d · number of blocks n · truncation length t · n ascending block numbers
    · padding to a whole block, if n > 0 · n blocks of 8 KiB

The file becomes: the blocks that are named, over the earlier file cut to t blocks, with zeros in
between. A contract test compares the outcome with `pg_combinebackup`'s byte for byte.
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from insightengine.core.errors import ConflictError

BLOCK_BYTES = 8192
PREFIX = "INCREMENTAL."
_HEAD = struct.Struct("<III")
_MAGIC = 0xD3AE1F0D
# Fills the views with what is kept from the offset on.
Read = Callable[[int, Sequence[memoryview]], None]


@dataclass(frozen=True, slots=True)
class Changes:
    """Of one file. `numbers` ascend; the blocks are kept in that order from `offset` on."""

    numbers: array[int]
    truncation: int
    offset: int = 0

    @property
    def length_bytes(self) -> int:
        """Of the file that has them."""
        blocks_end = self.numbers[-1] + 1 if self.numbers else 0
        return max(self.truncation, blocks_end) * BLOCK_BYTES

    def apply(self, part: memoryview, start: int, read: Read) -> None:
        """Brings a part of the older file up to date. `start` is its place in the file, in bytes;
        it begins and ends with a block."""
        kept = max(0, self.truncation * BLOCK_BYTES - start)
        if kept < len(part):
            part[kept:] = bytes(len(part) - kept)
        base = start // BLOCK_BYTES
        first = bisect_left(self.numbers, base)
        end = bisect_left(self.numbers, base + len(part) // BLOCK_BYTES)
        if first < end:
            runs = _runs([number - base for number in self.numbers[first:end]])
            views = [part[begin * BLOCK_BYTES : stop * BLOCK_BYTES] for begin, stop in runs]
            read(self.offset + first * BLOCK_BYTES, views)


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Of ascending numbers those that follow each other: the first, and one beyond the last."""
    begin = 0
    for end in range(1, len(numbers) + 1):
        if end == len(numbers) or numbers[end] != numbers[end - 1] + 1:
            yield numbers[begin], numbers[end - 1] + 1
            begin = end


def parse_head(name: str, content: bytes | bytearray) -> tuple[Changes, int] | None:
    """What an incremental file changes, and how long its head is; None when more bytes are needed.

    Raises ConflictError when it is none.
    """
    if len(content) < _HEAD.size:
        return None
    magic, count, truncation = _HEAD.unpack_from(content)
    if magic != _MAGIC:
        raise broken(name, f"it begins with {magic:#x}")
    size = _HEAD.size + 4 * count
    size += -size % BLOCK_BYTES if count else 0
    if len(content) < size:
        return None
    numbers = array("I", bytes(content[_HEAD.size : _HEAD.size + 4 * count]))
    if sys.byteorder == "big":
        numbers.byteswap()
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise broken(name, "its block numbers do not ascend")
    return Changes(numbers, truncation), size


def broken(name: str, why: str) -> ConflictError:
    return ConflictError(
        f"the incremental file for {name} is broken: {why}", code="broken_incremental"
    )
