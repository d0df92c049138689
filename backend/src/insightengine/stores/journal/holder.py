"""Names a process so that another one can tell whether it still lives."""

from __future__ import annotations

import functools
import os
from pathlib import Path


@functools.cache
def _boot() -> str:
    """Another after each start of the machine; pids begin anew then."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _start_ticks(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if stat[0] in (b"Z", b"X") else int(stat[19])


def own_name() -> str:
    """Of this process: boot, pid and start time."""
    return f"{_boot()} {os.getpid()} {_start_ticks(os.getpid())}"


def is_dead(holder: str) -> bool:
    """Whether it certainly does not run any more. False for what is not known."""
    boot, _, process = holder.partition(" ")
    pid, _, ticks = process.partition(" ")
    if boot != _boot():
        return True  # the journal lies on this machine, and the machine was started again
    return pid.isdigit() and str(_start_ticks(int(pid))) != ticks
