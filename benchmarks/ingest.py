"""How much telemetry is acknowledged durable, how soon, and how fast it gets into the store.

The real collector and store, and a sender on the same cores. Everything that was acknowledged is
counted in the store at the end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Final

import httpx
import psutil

from benchmarks.harness import arguments, progress, report
from benchmarks.ingest_soak import soak
from benchmarks.otlp_bodies import EXPORT_METHODS, SERVICE, bodies
from benchmarks.otlp_sender import Load, Sent, write_bodies
from benchmarks.processes import StoreProcesses, throwaway_store
from insightengine.core.settings import Settings
from insightengine.telemetry import segments
from insightengine.telemetry.port import Signal
from insightengine.telemetry.segments import SegmentName

CAVEAT: Final = (
    "Acknowledged means fsynced in the spool. The sender, the collector and the store share the\n"
    "processors; `others_cores` is what the rest of the machine used meanwhile, and takes from\n"
    "every figure. Spans have five attributes (256 bytes), log records three (175), points two\n"
    "(113). Batches of 1 come over 128 connections, those of 1000 over 8, one request on each.\n"
    "HTTP goes to the collector, gRPC through the edge; `ack_p99_ms` is at 80 % of full speed."
)
_TABLES: Final = {"traces": "spans", "logs": "logs", "metrics": "metrics"}
_RATES: Final = {"traces": "spans_per_s", "logs": "logs_per_s", "metrics": "points_per_s"}
_CONNECTIONS: Final = {1: 128, 100: 32, 1000: 8}
_SHARE: Final = 0.8
_SEGMENT_BYTES: Final = int(Settings.model_fields["spool_segment_bytes"].default)
# Two batches of four segments are inserted side by side: with fewer, half of the store would wait.
_SEGMENTS_AT_ONCE: Final = 8


@dataclass(frozen=True)
class Phase:
    """One kind of load. `rate` is requests a second, 0 for as many as are answered.

    `http` goes to the collector itself; `edge` (HTTP) and `grpc` through the edge before it.
    """

    protocol: str
    signal: str
    batch: int
    seconds: float
    rate: float = 0.0

    @property
    def name(self) -> str:
        rate = " at 80 %" if self.rate else ""
        return f"{self.protocol} {self.signal} x{self.batch}{rate}"


@dataclass(frozen=True)
class Outcome:
    phase: Phase
    sent: Sent
    cores: Mapping[str, float]

    @property
    def entries(self) -> int:
        return self.sent.acknowledged * self.phase.batch

    @property
    def requests_per_s(self) -> float:
        return self.sent.acknowledged / self.sent.seconds

    @property
    def entries_per_s(self) -> float:
        return self.entries / self.sent.seconds

    def line(self) -> str:
        used = ", ".join(f"{name} {cores:.2f}" for name, cores in self.cores.items())
        return (
            f"{self.phase.name:<28} {self.entries_per_s:>9,.0f}/s  {self.requests_per_s:>7,.0f} "
            f"req/s  {self.sent.body_bytes / self.sent.seconds / 1e6:>5.0f} MB/s  "
            f"p50 {self.sent.p50_ms:>6.1f}  p99 {self.sent.p99_ms:>6.1f} ms  cores: {used}"
        )


@dataclass
class Machine:
    """Processor time of our processes and of everything else."""

    processes: Mapping[str, psutil.Process]
    others_s: float = 0.0
    seconds: float = 0.0
    peak_bytes: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def measured(self, cores: dict[str, float]) -> Iterator[None]:
        """Fills `cores`; the sender's time is added by who knows it."""
        began, busy = time.monotonic(), _busy_s()
        before = {name: _cpu_s(process) for name, process in self.processes.items()}
        yield
        seconds = time.monotonic() - began
        used = {name: _cpu_s(each) - before[name] for name, each in self.processes.items()}
        cores |= {name: spent / seconds for name, spent in used.items()}
        self.others_s += max(0.0, _busy_s() - busy - sum(used.values()))
        self.seconds += seconds
        for name, process in self.processes.items():
            resident = process.memory_info().rss
            self.peak_bytes[name] = max(self.peak_bytes.get(name, 0), resident)


def _cpu_s(process: psutil.Process) -> float:
    """With its children: the edge's workers are the master's."""
    each = [one.cpu_times() for one in (process, *process.children())]
    return float(sum(times.user + times.system for times in each))


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest)


@cache
def _body_file(folder: Path, signal: str, batch: int) -> Path:
    path = folder / f"{signal}.{batch}"
    write_bodies(path, bodies(signal, batch))
    return path


class Bench:
    """Phases against one running collector."""

    def __init__(self, store: StoreProcesses, machine: Machine) -> None:
        self._store = store
        self._machine = machine
        self.outcomes: list[Outcome] = []

    def load(self, phase: Phase) -> Load:
        ports = {
            "http": self._store.collector_port,
            "edge": self._store.otlp_port,
            "grpc": self._store.grpc_port,
        }
        is_grpc = phase.protocol == "grpc"
        return Load(
            protocol="grpc" if is_grpc else "http",
            host="127.0.0.1",
            port=ports[phase.protocol],
            path=EXPORT_METHODS[phase.signal] if is_grpc else f"/v1/{phase.signal}",
            requests=str(_body_file(self._store.state.root, phase.signal, phase.batch)),
            connections=_CONNECTIONS[phase.batch],
            seconds=phase.seconds,
            rate_per_s=phase.rate,
        )

    def run(self, phase: Phase) -> Outcome:
        progress(f"{phase.name}, {phase.seconds:g} s")
        load = self.load(phase)
        cores: dict[str, float] = {}
        with self._machine.measured(cores):
            sent = send(load)
        self._machine.others_s -= sent.cpu_s
        cores["sender"] = sent.cpu_s / sent.seconds
        outcome = Outcome(phase, sent, cores)
        progress(f"  {outcome.line()}")
        self.outcomes.append(outcome)
        return outcome

    def settle(self, limit_s: float) -> None:
        """Lets the store catch up, for a while: each phase should meet the same machine."""
        with suppress(TimeoutError):
            until(lambda: _is_drained(self._store), limit_s, "the spool is drained")

    def acknowledged(self) -> int:
        return sum(outcome.entries for outcome in self.outcomes)

    def stored(self, limit_s: float = 120) -> int:
        """Entries of the sender in the tables, once nothing waits in the spool."""
        until(lambda: _is_drained(self._store), limit_s, "the spool is drained")
        return sum(count(self._store, table) for table in _TABLES.values())


def send(load: Load) -> Sent:
    """In a process of its own, so that it shares no interpreter."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.otlp_sender", json.dumps(asdict(load))],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=load.seconds + 60,
    )
    return Sent(**json.loads(done.stdout))


def until(condition: Callable[[], bool], limit_s: float, what: str) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {limit_s:g} s: {what}")
        time.sleep(0.05)


def _is_drained(store: StoreProcesses) -> bool:
    """Nothing of the sender's waits; the collector goes on measuring the host itself."""
    waiting = 0
    for path in store.state.spool.iterdir():
        with suppress(FileNotFoundError):  # inserted or renamed meanwhile
            waiting += _written_bytes(path) if path.suffix in (".open", ".pb") else 0
    return waiting < 100_000


def _written_bytes(path: Path) -> int:
    """Without the space that was only reserved."""
    with path.open("rb") as file:
        return os.lseek(file.fileno(), 0, os.SEEK_HOLE) if path.stat().st_size else 0


def count(store: StoreProcesses, table: str) -> int:
    answer = httpx.post(
        f"http://127.0.0.1:{store.store_port}/",
        content=f"SELECT count() FROM {table} WHERE ServiceName = '{SERVICE}'",
        auth=("insight", store.password.reveal()),
    )
    return int(answer.raise_for_status().text)


def insertion(signal: str, total: int) -> Mapping[str, float]:
    """Entries a second from closed segments into the tables, with nothing else to do."""
    with throwaway_store() as store:
        store.state.spool.mkdir()
        entries = fill(store.state.spool, Signal(signal), total)
        with store.running("store") as processes:
            began, before = time.monotonic(), _cpu_s(processes["store"])
            until(lambda: not list(store.state.spool.glob("*.pb")), 300, "segments are inserted")
            seconds = time.monotonic() - began
            spent = _cpu_s(processes["store"]) - before
            stored = count(store, _TABLES[signal])
    if stored != entries:
        raise RuntimeError(f"{stored} of {entries} {signal} were inserted")
    return {"per_s": entries / seconds, "cpu_us": 1e6 * spent / entries}


def fill(spool: Path, signal: Signal, total: int) -> int:
    """Writes at least `total` entries as the collector would, in full segments as many as the store
    inserts at once or a multiple of that; returns how many entries they are."""
    found, number, entries = bodies(signal.value, 1000), 0, 0
    while entries < total or number % _SEGMENTS_AT_ONCE:
        number, size, parts = number + 1, 0, []
        while size < _SEGMENT_BYTES:
            body = found[entries // 1000 % len(found)]
            parts.append(segments.encode(body, 1000))
            size, entries = size + len(body), entries + 1000
        name = SegmentName(signal, "1700000000000bench", number)
        (spool / f"{name.token}{segments.CLOSED_SUFFIX}").write_bytes(b"".join(parts))
    return entries


def quick_phases() -> list[Phase]:
    """Small requests first: what large ones leave behind keeps the store and the disk busy."""
    return [
        Phase("http", "traces", 1, 2),
        Phase("grpc", "traces", 1, 1.5),
        Phase("http", "traces", 1000, 1.5),
        Phase("http", "logs", 1000, 1.5),
        Phase("http", "metrics", 1000, 1),
        Phase("grpc", "traces", 1000, 1),
    ]


def all_phases() -> list[Phase]:
    whole = [Phase("http", signal, batch, 5) for batch in (1, 100, 1000) for signal in _TABLES]
    through = [
        Phase(protocol, "traces", batch, 5)
        for protocol in ("grpc", "edge")
        for batch in (1000, 100, 1)
    ]
    return [*whole, *through]


def figures_of(bench: Bench, machine: Machine) -> dict[str, float | int | str]:
    figures: dict[str, float | int | str] = {}
    for outcome in bench.outcomes:
        phase = outcome.phase
        if phase.rate:
            figures["ack_p99_ms"] = outcome.sent.p99_ms
        elif (phase.protocol, phase.batch) == ("http", 1000):
            figures[_RATES[phase.signal]] = round(outcome.entries_per_s)
            figures[f"{phase.signal}_mb_per_s"] = round(
                outcome.sent.body_bytes / outcome.sent.seconds / 1e6, 1
            )
            figures[f"{phase.signal}_full_speed_p99_ms"] = outcome.sent.p99_ms
        elif (phase.protocol, phase.signal, phase.batch) == ("http", "traces", 1):
            figures["requests_per_s"] = round(outcome.requests_per_s)
            figures["requests_p99_ms"] = outcome.sent.p99_ms
        elif phase.protocol == "grpc" and phase.signal == "traces" and phase.batch in (1, 1000):
            unit, rate = (
                ("requests", outcome.requests_per_s)
                if phase.batch == 1
                else ("spans", outcome.entries_per_s)
            )
            figures[f"grpc_{unit}_per_s"] = round(rate)
    figures["refused"] = sum(outcome.sent.refused for outcome in bench.outcomes)
    figures["acknowledged"] = bench.acknowledged()
    figures["stored"] = bench.stored()
    for name, size in machine.peak_bytes.items():
        figures[f"{name}_rss_mb"] = round(size / 1e6)
    figures["others_cores"] = round(machine.others_s / machine.seconds, 2)
    return figures


def soaked(minutes: float, share: float) -> dict[str, float | int | str]:
    """Spans and log records at `share` of what the store inserts for good, half of it each.

    That and not what is acknowledged is the maximum: more would only fill the spool.
    """
    rates = {name: insertion(name, 300_000)["per_s"] for name in ("traces", "logs")}
    progress(", ".join(f"{rate:,.0f} {name}/s are inserted" for name, rate in rates.items()))
    with throwaway_store() as store, store.running() as processes:
        bench = Bench(store, Machine(processes))
        loads = [
            bench.load(Phase("http", name, 1000, 60 * minutes, share * rate / 2 / 1000))
            for name, rate in rates.items()
        ]
        sent, figures = soak(store, processes, loads)
        acknowledged = 1000 * sum(each.acknowledged for each in sent)
        figures |= {
            "sent_per_s": round(acknowledged / (60 * minutes)),
            "ack_p99_ms": max(each.p99_ms for each in sent),
            "refused": sum(each.refused for each in sent),
            "acknowledged": acknowledged,
            "stored": bench.stored(limit_s=600),
        }
    return figures


def main() -> None:
    parser = arguments("What the collector acknowledges durable, and the store inserts.")
    parser.add_argument(
        "--soak",
        type=float,
        metavar="MINUTES",
        help="a steady load and queries for so long instead, with the memory over time",
    )
    parser.add_argument(
        "--share", type=float, default=_SHARE, help="of the rate of insertion, with --soak"
    )
    given = parser.parse_args()
    if given.soak:
        report(soaked(given.soak, given.share), CAVEAT, given)
        return
    with throwaway_store() as store, store.running() as processes, store.edge() as edge:
        machine = Machine({**processes, "edge": edge})
        bench = Bench(store, machine)
        for phase in quick_phases() if given.quick else all_phases():
            bench.run(phase)
            bench.settle(0 if given.quick else 60)
        fastest = next(each for each in bench.outcomes if each.phase.name == "http traces x1000")
        bench.settle(5 if given.quick else 60)
        bench.run(replace(fastest.phase, rate=_SHARE * fastest.requests_per_s))
        figures = figures_of(bench, machine)
    for signal in ("traces", "logs") if given.quick else tuple(_TABLES):
        progress(f"insertion of {signal}")
        rate = insertion(signal, 130_000 if given.quick else 2_000_000)
        progress(f"  {rate['per_s']:,.0f}/s, {rate['cpu_us']:.2f} µs of processor time each")
        figures[f"{signal}_inserted_per_s"] = round(rate["per_s"])
        figures[f"{signal}_insert_cpu_us"] = round(rate["cpu_us"], 2)
    report(figures, CAVEAT, given)


if __name__ == "__main__":
    main()
