"""Merges of the engine give way to queries and inserts. Linux; elsewhere nothing changes.

The engine can do it by itself only with CAP_SYS_NICE; to be nicer than before needs no capability.
Where inserts outrun merges for long, the engine delays inserts by the number of parts.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

MERGES_NICE: Final = 10
_MERGING_THREADS: Final = "MergeMutate"
_TASKS: Final = Path("/proc/self/task")


def merging_threads() -> list[int]:
    """Ids of this process's threads that merge; none before the engine is started."""
    if not _TASKS.is_dir():
        return []
    found = []
    for task in _TASKS.iterdir():
        try:
            name = (task / "comm").read_text().strip()
        except OSError:  # it has ended
            continue
        if name == _MERGING_THREADS:
            found.append(int(task.name))
    return found


def let_merges_wait() -> None:
    for thread in merging_threads():
        try:
            os.setpriority(os.PRIO_PROCESS, thread, MERGES_NICE)
        except OSError:  # it has ended, or was made nicer already
            continue
