"""Where restored files go on a disk."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

import pytest

from insightengine.recovery.placing import keep_apart


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
