"""Files written past the page cache while others are filled, and what goes wrong with it."""

from __future__ import annotations

import errno
import mmap
import os
import threading
from array import array
from collections.abc import Sequence
from pathlib import Path

import pytest

from insightengine.recovery.blocks import BLOCK_BYTES, Changes
from insightengine.recovery.stretches import STRETCH_BYTES, ChangedFile, Writers
from tests.unit.recovery.spills import spilling

FULL = Path("/dev/full")  # takes nothing, as a disk without room


def read_nothing(offset: int, views: Sequence[memoryview]) -> None:
    raise AssertionError(f"{len(views)} blocks at {offset} were asked for")


def write(target: Path, content: bytes, writers: Writers) -> None:
    file = ChangedFile(target, len(content), (), read_nothing, writers)
    file.write(content)
    file.end()


def test_a_file_system_that_does_not_take_the_memory_gets_it_through_its_cache(
    tmp_path: Path,
) -> None:
    def crooked() -> memoryview:
        return memoryview(mmap.mmap(-1, STRETCH_BYTES + 1))[1:]  # no device takes it from there

    content = os.urandom(8 * STRETCH_BYTES + 8192)
    with Writers(crooked) as writers:
        write(tmp_path / "file", content, writers)
        writers.settle()
    assert (tmp_path / "file").read_bytes() == content


def test_many_files_are_under_way_at_once_and_each_gets_its_own(tmp_path: Path) -> None:
    contents = [os.urandom(size) for size in (0, 10, STRETCH_BYTES, 2 * STRETCH_BYTES + 8192) * 4]
    with Writers() as writers:
        for number, content in enumerate(contents):
            write(tmp_path / str(number), content, writers)
        writers.settle()
    found = [(tmp_path / str(number)).read_bytes() for number in range(len(contents))]
    assert found == contents


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_while_more_is_written(tmp_path: Path) -> None:
    (tmp_path / "file").symlink_to(FULL)
    with Writers() as writers, pytest.raises(OSError, match="No space left") as raised:
        write(tmp_path / "file", bytes(20 * STRETCH_BYTES), writers)
    assert raised.value.errno == errno.ENOSPC


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_at_the_end_of_a_file_that_a_writer_has(tmp_path: Path) -> None:
    (tmp_path / "file").symlink_to(FULL)
    with Writers() as writers:
        write(tmp_path / "file", bytes(STRETCH_BYTES // 2), writers)
        with pytest.raises(OSError, match="No space left"):
            writers.settle()


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_at_once_for_a_small_file(tmp_path: Path) -> None:
    (tmp_path / "file").symlink_to(FULL)
    with Writers() as writers, pytest.raises(OSError, match="No space left"):
        write(tmp_path / "file", b"small", writers)


def test_whoever_fills_waits_for_memory_while_nothing_can_be_written(tmp_path: Path) -> None:
    lifted, content = threading.Event(), os.urandom(STRETCH_BYTES) * 12
    blocks = len(content) // BLOCK_BYTES

    def wait_for_it(offset: int, views: Sequence[memoryview]) -> None:
        assert lifted.wait(30)

    changes = Changes(array("I", range(0, blocks, 128)), blocks)
    with Writers() as writers:
        file = ChangedFile(tmp_path / "file", len(content), [changes], wait_for_it, writers)
        filling = threading.Thread(target=file.write, args=(content,))
        filling.start()
        filling.join(0.3)
        assert filling.is_alive()
        lifted.set()
        filling.join(30)
        file.end()
        writers.settle()
    assert (tmp_path / "file").read_bytes() == content, "written as it came"


def test_a_file_that_is_given_up_gives_its_memory_back(tmp_path: Path) -> None:
    with Writers() as writers:
        for number in range(20):
            file = ChangedFile(tmp_path / str(number), 100, (), read_nothing, writers)
            file.write(b"begun")
            file.close()
        writers.settle()


def test_what_was_spilled_is_read_back_before_its_stretch_is_full(tmp_path: Path) -> None:
    with spilling(tmp_path, Writers()) as (_, spill):
        spill.write(b"a" * 8192)
        spill.settle()
        found = memoryview(mmap.mmap(-1, 8192))
        spill.read(0, [found])
        assert bytes(found) == b"a" * 8192
    assert list(tmp_path.iterdir()) == []
