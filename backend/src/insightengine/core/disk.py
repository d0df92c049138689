"""Room on disks: asked for before much is written, and how a full one is recognised."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Final

from insightengine.core.errors import LimitExceededError

_MB: Final = 1024**2
# Without blocks, beyond a quota, or larger than a file may be: space is what is wanted of each.
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


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
