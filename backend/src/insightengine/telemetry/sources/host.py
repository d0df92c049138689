"""Measures the host and the platform's processes. OpenTelemetry's names and units."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path

import psutil

from insightengine.telemetry.sources.records import Attributes, Kind, Measured, Sample
from insightengine.telemetry.sources.status import PROCESS, Process, Snapshot, resource_of


class HostSampler:
    """Remembers processes between two calls: utilisation is a difference."""

    def __init__(self, disk: Path) -> None:
        self._disk = disk
        self._host = socket.gethostname()
        self._boot_ns = int(psutil.boot_time() * 1e9)
        self._cores = psutil.cpu_count() or 1
        self._seen: dict[int, psutil.Process] = {}
        self._disk_io = DiskMeter()
        psutil.cpu_percent()

    def measure(self, snapshot: Snapshot) -> list[Measured]:
        now = time.time_ns()
        resource: Attributes = {"service.name": "host", "host.name": self._host}
        measured = [Measured(resource, now, list(self._of_host()))]
        alive: dict[int, psutil.Process] = {}
        listed = {process.pid for process in snapshot.processes.values() if process.pid}
        for process in snapshot.processes.values():
            if process.pid is not None:
                members = self._members(process.pid, listed, alive)
                samples = list(self._of_process(process, members))
                measured.append(Measured(resource_of(process, self._host), now, samples))
        self._seen = alive
        self._disk_io.forget_all_but(alive.values())
        return measured

    def _of_host(self) -> Iterator[Sample]:
        memory = psutil.virtual_memory()
        yield Sample("system.cpu.utilization", "1", Kind.GAUGE, psutil.cpu_percent() / 100)
        yield Sample("system.memory.usage", "By", Kind.GAUGE, memory.total - memory.available)
        yield Sample("system.memory.limit", "By", Kind.GAUGE, memory.total)
        disk = psutil.disk_usage(str(self._disk))
        mount: Attributes = {"mountpoint": str(self._disk)}
        yield Sample("system.filesystem.usage", "By", Kind.GAUGE, disk.used, mount)
        yield Sample("system.filesystem.limit", "By", Kind.GAUGE, disk.total, mount)
        moved = psutil.disk_io_counters()
        if moved is not None:
            yield self._counter("system.disk.io", moved.read_bytes, "read")
            yield self._counter("system.disk.io", moved.write_bytes, "write")
        cards = [each for name, each in psutil.net_io_counters(pernic=True).items() if name != "lo"]
        received, sent = sum(c.bytes_recv for c in cards), sum(c.bytes_sent for c in cards)
        yield self._counter("system.network.io", received, "receive")
        yield self._counter("system.network.io", sent, "transmit")

    def _counter(self, name: str, value: int, direction: str) -> Sample:
        return Sample(name, "By", Kind.COUNTER, value, {"direction": direction}, self._boot_ns)

    def _members(
        self, pid: int, listed: Set[int], alive: dict[int, psutil.Process]
    ) -> list[psutil.Process]:
        """The process and those below it, without what is measured as a process of its own.

        Each is the object of the last call where it was there.
        """
        members: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            root = self._known(psutil.Process(pid))
            below = own_descendants(pid, _parents(root), listed)
            members = [root, *(self._known(psutil.Process(each)) for each in below)]
        alive.update((member.pid, member) for member in members)
        return members

    def _known(self, process: psutil.Process) -> psutil.Process:
        before = self._seen.get(process.pid)
        return before if before is not None and before == process else process

    def _of_process(self, process: Process, members: Sequence[psutil.Process]) -> Iterator[Sample]:
        cpu, memory, known = 0.0, 0, False
        for member in members:
            with contextlib.suppress(psutil.Error):
                cpu += member.cpu_percent()
                memory += _proportional_bytes(member)
                known = True
        if known:
            named: Attributes = {PROCESS: process.name}
            share = cpu / 100 / self._cores
            yield Sample("process.cpu.utilization", "1", Kind.GAUGE, share, named)
            yield Sample("process.memory.usage", "By", Kind.GAUGE, memory, named)
        for direction, rate in self._disk_io.rates(members, time.monotonic()).items():
            name = f"insight.process.disk.{direction}"
            yield Sample(name, "By/s", Kind.GAUGE, rate, {PROCESS: process.name})


class DiskMeter:
    """Bytes per second that processes moved from and to disks between two calls.

    Sums over a tree fall when a child ends, so growth is taken process by process.
    """

    def __init__(self) -> None:
        self._before: dict[psutil.Process, tuple[float, int, int]] = {}

    def rates(self, members: Iterable[psutil.Process], now_s: float) -> Mapping[str, float]:
        """Empty when no member was known before, or none may be looked at (another user's)."""
        found: dict[str, float] = {}
        for member in members:
            with contextlib.suppress(psutil.Error):
                counters = member.io_counters()
                read, written = counters.read_bytes, counters.write_bytes
                before = self._before.get(member)
                self._before[member] = (now_s, read, written)
                if before is not None and now_s > before[0]:
                    passed_s = now_s - before[0]
                    found["read"] = found.get("read", 0.0) + (read - before[1]) / passed_s
                    found["write"] = found.get("write", 0.0) + (written - before[2]) / passed_s
        return found

    def forget_all_but(self, alive: Iterable[psutil.Process]) -> None:
        kept = set(alive)
        self._before = {one: then for one, then in self._before.items() if one in kept}


def own_descendants(root: int, parent_of: Mapping[int, int], listed: Set[int]) -> Sequence[int]:
    """Pids below `root` that are not, and are not below, another listed one."""
    own: list[int] = []
    children: dict[int, list[int]] = {}
    for pid, parent in parent_of.items():
        children.setdefault(parent, []).append(pid)
    pending = [root]
    while pending:
        found = [pid for pid in children.get(pending.pop(), []) if pid not in listed]
        own += found
        pending += found
    return own


def _parents(root: psutil.Process) -> dict[int, int]:
    found = {}
    for process in root.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found[process.pid] = process.ppid()
    return found


def _proportional_bytes(process: psutil.Process) -> int:
    """Resident memory without what is shared: backends share PostgreSQL's buffers."""
    memory = process.memory_info()
    return int(memory.rss - memory.shared)
