"""Room on disks."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path

import pytest

from insightengine.core.disk import is_full, keep_apart, require_room
from insightengine.core.errors import LimitExceededError


def test_what_does_not_fit_is_refused_with_need_and_free_space(tmp_path: Path) -> None:
    needed_bytes = 10**18
    with pytest.raises(LimitExceededError) as raised:
        require_room(tmp_path / "not/there/yet", needed_bytes, "the cluster", "free some space")
    assert raised.value.code == "disk_full"
    assert f"MB are free in {tmp_path}; the cluster needs 953674316406 MB" in raised.value.message
    assert raised.value.context["needed_bytes"] == needed_bytes


def test_what_fits_is_let_through(tmp_path: Path) -> None:
    require_room(tmp_path, 1, "the cluster", "free some space")
    require_room(Path("/dev/full"), 0, "nothing", "")


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EFBIG, True), (errno.EIO, False)],
)
def test_a_full_disk_is_told_from_a_broken_one(number: int, expected: bool) -> None:
    assert is_full(OSError(number, "")) is expected


def flags_of(folder: Path) -> int:
    """As `lsattr` reads them. Raises OSError where the file system has none."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        (flags,) = struct.unpack("=I", fcntl.ioctl(descriptor, 0x80086601, bytes(4)))
        return int(flags)
    finally:
        os.close(descriptor)


def test_folders_made_in_one_that_keeps_them_apart_begin_elsewhere(tmp_path: Path) -> None:
    try:
        before = flags_of(tmp_path)
    except OSError as error:
        pytest.skip(f"the file system of {tmp_path} has no flags: {error.strerror}")
    keep_apart(tmp_path)
    if flags_of(tmp_path) == before:
        pytest.skip(f"the file system of {tmp_path} knows no folder whose folders are apart")
    assert flags_of(tmp_path) == before | 0x20000


def test_keeping_apart_where_no_file_system_knows_of_it_does_nothing() -> None:
    keep_apart(Path("/proc/self"))
