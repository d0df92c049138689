"""Newer blocks over an older file, compared with doing it in memory in the plainest way."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from insightengine.core.errors import ConflictError
from insightengine.recovery.blocks import BLOCK_BYTES, Changes, parse_head
from insightengine.recovery.stretches import STRETCH_BYTES, ChangedFile, Spill, Writers, new_stretch
from tests.unit.recovery.spills import spilling

STRETCH_BLOCKS = STRETCH_BYTES // BLOCK_BYTES
# Truncation and block numbers; around the ends of stretches more often than anywhere else.
NUMBERS = st.one_of(
    st.integers(0, 3), st.integers(STRETCH_BLOCKS - 2, STRETCH_BLOCKS + 2), st.integers(0, 300)
)
LAYERS = st.lists(st.tuples(NUMBERS, st.lists(NUMBERS, unique=True, max_size=9)), max_size=3)


def block(layer: int, number: int) -> bytes:
    return struct.pack("<II", layer + 1, number) * (BLOCK_BYTES // 8)


def plainly(older: bytes, layers: Sequence[tuple[int, list[int]]]) -> bytes:
    content = bytearray(older)
    for layer, (truncation, numbers) in enumerate(layers):
        del content[truncation * BLOCK_BYTES :]
        length = max([truncation, *(number + 1 for number in numbers)]) * BLOCK_BYTES
        content += bytes(length - len(content))
        for number in numbers:
            start = number * BLOCK_BYTES
            content[start : start + BLOCK_BYTES] = block(layer, number)
    return bytes(content)


def kept(spill: Spill, layers: Sequence[tuple[int, list[int]]]) -> list[Changes]:
    """As a chain is read: the newest first."""
    found: list[Changes] = []
    for layer, (truncation, numbers) in reversed(list(enumerate(layers))):
        ascending = array("I", sorted(numbers))
        found.insert(0, Changes(ascending, truncation, spill.length_bytes))
        spill.write(b"".join(block(layer, number) for number in ascending))
        spill.settle()
    return found


def used() -> memoryview:
    """Memory in which something else was before."""
    stretch = new_stretch()
    stretch[:] = b"\xee" * STRETCH_BYTES
    return stretch


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2 * STRETCH_BLOCKS + 3),
    LAYERS,
    st.integers(1000, 2 * STRETCH_BYTES),
    st.booleans(),
)
@example(1, [(5, [0])], 1000, True)  # between the content's end and the truncation are zeros
def test_newer_blocks_change_a_file_as_one_after_the_other_would(
    tmp_path_factory: pytest.TempPathFactory,
    older_blocks: int,
    layers: list[tuple[int, list[int]]],
    piece_bytes: int,
    flows: bool,
) -> None:
    folder = tmp_path_factory.mktemp("restored")
    older = b"".join(block(9, number) for number in range(older_blocks))
    with spilling(folder, Writers(used)) as (writers, spill):
        changes = kept(spill, layers)
        flowing = (changes.pop(0), spill.read) if flows and changes else None
        file = ChangedFile(folder / "f", len(older), changes, spill.read, writers, flowing)
        for start in range(0, len(older), piece_bytes):
            file.write(older[start : start + piece_bytes])
        file.end()
        writers.settle()
    assert (folder / "f").read_bytes() == plainly(older, layers)
    assert list(folder.iterdir()) == [folder / "f"]


@pytest.mark.parametrize("size", [0, 1, 513, STRETCH_BYTES, 2 * STRETCH_BYTES + 4096 + 7])
def test_a_file_without_changes_is_written_as_it_came(tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    with spilling(tmp_path, Writers()) as (writers, spill):
        file = ChangedFile(tmp_path / "f", size, (), spill.read, writers)
        file.write(content[:size])
        file.end()
        writers.settle()
    assert (tmp_path / "f").read_bytes() == content[:size]


def test_what_was_spilled_is_read_while_more_is_added(tmp_path: Path) -> None:
    with spilling(tmp_path, Writers()) as (_, spill):
        for layer in range(3):
            offset = spill.length_bytes
            for number in range(STRETCH_BLOCKS + 5):
                spill.write(block(layer, number))
            spill.settle()
            spill.write(block(9, 9))
            for number in range(STRETCH_BLOCKS + 5):
                found = new_stretch()[:BLOCK_BYTES]
                spill.read(offset + number * BLOCK_BYTES, [found])
                assert found == block(layer, number)


def test_a_head_is_read_once_it_is_there_whole() -> None:
    head = struct.pack("<III2I", 0xD3AE1F0D, 2, 7, 3, 5).ljust(BLOCK_BYTES, b"\0")
    assert parse_head("base/1/2", head[:-1]) is None
    assert parse_head("base/1/2", head) == (Changes(array("I", [3, 5]), 7), BLOCK_BYTES)
    assert parse_head("base/1/2", struct.pack("<III", 0xD3AE1F0D, 0, 7)) == (
        Changes(array("I"), 7),
        12,
    )


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (struct.pack("<III", 1, 0, 0), "begins with 0x1"),
        (struct.pack("<III2I", 0xD3AE1F0D, 2, 7, 5, 3).ljust(BLOCK_BYTES, b"\0"), "ascend"),
    ],
)
def test_what_is_no_incremental_file_is_refused(head: bytes, why: str) -> None:
    with pytest.raises(ConflictError, match=f"base/1/2.*{why}"):
        parse_head("base/1/2", head)
