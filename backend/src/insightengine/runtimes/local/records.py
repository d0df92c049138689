"""Which processes of a platform are alive: pid records, checked against /proc."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from insightengine.runtimes.local.launch import start_ticks

SUFFIX = ".pid.json"


@dataclass(frozen=True, slots=True)
class Record:
    """What a process wrote of itself before it became the program."""

    name: str
    pid: int
    start_ticks: int
    fingerprint: str
    started_at: float  # Unix seconds

    def is_alive(self) -> bool:
        """The same process, not another with its pid, and not a zombie."""
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return False
        return stat[0] not in (b"Z", b"X") and int(stat[19]) == self.start_ticks


def record_path(run_folder: Path, name: str) -> Path:
    return run_folder / f"{name}{SUFFIX}"


def read_record(run_folder: Path, name: str) -> Record | None:
    """The record of that name, or None when there is none or it is unreadable."""
    try:
        values = json.loads(record_path(run_folder, name).read_text(encoding="utf-8"))
        return Record(name, *(values[key] for key in Record.__slots__[1:]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_own_record(run_folder: Path, name: str) -> Record:
    """Records the calling process itself: the supervisor and the warden."""
    pid = os.getpid()
    values = {
        "pid": pid,
        "start_ticks": start_ticks(pid),
        "fingerprint": "",
        "started_at": time.time(),
    }
    temporary = run_folder / f"{name}.{pid}.tmp"
    temporary.write_text(json.dumps(values), encoding="utf-8")
    temporary.replace(record_path(run_folder, name))
    return Record(name, **values)  # type: ignore[arg-type]


def alive_records(run_folder: Path) -> dict[str, Record]:
    """Every recorded process that still runs, by name."""
    found: dict[str, Record] = {}
    if run_folder.is_dir():
        for path in sorted(run_folder.glob(f"*{SUFFIX}")):
            record = read_record(run_folder, path.name.removesuffix(SUFFIX))
            if record is not None and record.is_alive():
                found[record.name] = record
    return found


def session_members(session: int) -> Iterator[int]:
    """Every process of the session that the launcher opened, the leader included if it lives."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{entry.name}/stat").read_bytes().rpartition(b")")[2].split()
                if int(stat[3]) == session and stat[0] not in (b"Z", b"X"):
                    yield int(entry.name)


def kill_session(session: int) -> int:
    """SIGKILL to all that is left of a session; how many were hit."""
    hit = 0
    for pid in session_members(session):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            hit += 1
    return hit
