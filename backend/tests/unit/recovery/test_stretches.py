"""Files written past the page cache, and through it where the file system has other wishes."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from insightengine.recovery.stretches import STRETCH_BYTES, ChangedFile, Spill


def test_a_file_system_that_does_not_take_the_memory_gets_it_through_its_cache(
    tmp_path: Path,
) -> None:
    crooked = memoryview(mmap.mmap(-1, STRETCH_BYTES + 1))[1:]  # no device takes it from there
    content = os.urandom(2 * STRETCH_BYTES + 8192)
    file = ChangedFile(tmp_path / "file", len(content), (), lambda offset, views: None, crooked)
    file.write(content)
    file.end()
    assert (tmp_path / "file").read_bytes() == content


def test_what_was_spilled_is_read_back_before_its_stretch_is_full(tmp_path: Path) -> None:
    with Spill(tmp_path) as spill:
        spill.write(b"a" * 8192)
        found = memoryview(mmap.mmap(-1, 8192))
        spill.read(0, [found])
        spill.write(b"b" * STRETCH_BYTES)
        later = memoryview(mmap.mmap(-1, 8192))
        spill.read(STRETCH_BYTES, [later])
        assert (bytes(found), bytes(later)) == (b"a" * 8192, b"b" * 8192)
    assert list(tmp_path.iterdir()) == []
