"""Room on disks: asked for before much is written, how a full one is recognised, and where files
go that have nothing to do with others."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

from insightengine.core.errors import LimitExceededError

_MB: Final = 1024**2
# Without blocks, beyond a quota, or larger than a file may be: space is what is wanted of each.
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

# Of Linux, as `lsattr` and `chattr +T` use them; others have other numbers, or none.
_GET_FLAGS, _SET_FLAGS, _TOP_OF_HIERARCHY = 0x80086601, 0x40086602, 0x20000


def is_full(error: OSError) -> bool:
    return error.errno in _FULL


def require_room(folder: Path, needed_bytes: int, what: str, hint: str) -> None:
    """Of the disk that the folder is on, or will be; `what` needs it.

    Raises LimitExceededError (`disk_full`), before anything is written where it could not fit.
    """
    there = next(one for one in (folder, *folder.parents) if one.exists())
    free = shutil.disk_usage(there).free
    if free < needed_bytes:
        raise LimitExceededError(
            f"{free // _MB} MB are free in {there}; {what} needs {needed_bytes // _MB} MB",
            code="disk_full",
            hint=hint,
            context={"free_bytes": free, "needed_bytes": needed_bytes},
        )


def keep_apart(folder: Path) -> None:
    """Has folders that are made in this one from now on begin elsewhere on the disk, each alone.

    ext4 puts files where their folder is, and gives no inode out again within minutes of its
    deletion: it passes over each of them for every new file. Where a cluster was just removed,
    that took a quarter of the time in which another one was written. Others know no such wish.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            (flags,) = struct.unpack("=I", fcntl.ioctl(descriptor, _GET_FLAGS, bytes(4)))
            wanted = struct.pack("=I", flags | _TOP_OF_HIERARCHY)
            fcntl.ioctl(descriptor, _SET_FLAGS, wanted)
    finally:
        os.close(descriptor)
