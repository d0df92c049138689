"""How long the questions of the console take over a day of records, while new ones arrive.

The records are generated inside the store (`records.py`), through its own tables and views; the
questions are those that the API asks, through the store process.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

from benchmarks import peers, records
from benchmarks.arrivals import arriving
from benchmarks.harness import arguments, progress, report
from benchmarks.processes import StoreProcesses, store_in, throwaway_store
from insightengine.core.time import TimeRange
from insightengine.telemetry.clickhouse import ClickHouseStore
from insightengine.telemetry.query import Asker, TelemetryQueries, log_filter
from insightengine.telemetry.schema import LOGS, SPANS
from insightengine.telemetry.store_engine import EngineLimits, StoreEngine
from insightengine.telemetry.store_query import Query

CAVEAT = (
    "Times from the question to its answer as Python objects; store process, collector and sender\n"
    "share the cores. Each question is asked with another range or id each time.\n"
    "Bytes are of the table with its indexes, derived tables are named apart. The peer holds\n"
    "at most a million logs; `alone_` is ourselves over as many, and a ratio above 1 says\n"
    "that the peer takes more. A loaded machine makes every figure worse: see load_average."
)
DAY = timedelta(hours=24)
_BATCH = 1_000_000
_FILLING_BYTES = 6 * 1024**3
_PEER_LOGS = 1_000_000
_RARE = 100  # how many records hold the rare word
_RANGES = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6), DAY)
Question = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Size:
    logs: int
    spans: int
    rounds: int
    records_per_s: int


def main() -> None:
    parser = arguments("Questions of the console over 24 hours of records.")
    parser.add_argument("--logs", type=_count, help="log records, such as 100M (quick: 1M)")
    parser.add_argument("--spans", type=_count, help="spans, such as 50M (quick: 1M)")
    parser.add_argument("--rate", type=_count, help="records a second that arrive (quick: 10k)")
    parser.add_argument("--rounds", type=int, help="how often each question is asked")
    parser.add_argument("--no-peer", action="store_true", help="do not ask VictoriaLogs, too")
    parser.add_argument(
        "--keep", type=Path, help="folder of the records: filled, or filled further, and kept"
    )
    parser.add_argument("--fill-only", action="store_true", help="with --keep: ask nothing")
    given = parser.parse_args()
    size = Size(
        logs=given.logs or (1_000_000 if given.quick else 100_000_000),
        spans=given.spans or (1_000_000 if given.quick else 50_000_000),
        rounds=given.rounds or (12 if given.quick else 60),
        records_per_s=(10_000 if given.quick else 50_000) if given.rate is None else given.rate,
    )
    peer = None if given.quick or given.no_peer else peers.binary()
    if given.keep is None:
        with throwaway_store() as processes:
            figures = _figures(processes, size, peer, _day())
    else:
        processes = store_in(given.keep)
        day = _kept_day(given.keep)
        if given.fill_only:
            figures = fill(processes, day, size)
        else:
            figures = _figures(processes, size, peer, day)
    report(figures, CAVEAT, given)


def _day() -> TimeRange:
    end = datetime.now(UTC)
    return TimeRange(end - DAY, end)


def _kept_day(folder: Path) -> TimeRange:
    """That of the first run with this folder, so that a later one goes on where it ended."""
    file = folder / "day.txt"
    if not file.exists():
        file.write_text(datetime.now(UTC).isoformat())
    end = datetime.fromisoformat(file.read_text())
    return TimeRange(end - DAY, end)


def _figures(
    processes: StoreProcesses, size: Size, peer: Path | None, day: TimeRange
) -> dict[str, float | int | str]:
    started = time.perf_counter()
    stored = fill(processes, day, size)
    progress(f"{size.logs} logs and {size.spans} spans in {time.perf_counter() - started:.0f} s")
    with processes.running(), arriving(processes.collector_port, size.records_per_s) as arrivals:
        begun, before = time.perf_counter(), arrivals.count()
        timed = asyncio.run(_ask(processes, day, size))
        rate = (arrivals.count() - before) / (time.perf_counter() - begun)
    p95 = {f"{name}_p95_ms": round(_percentile(times, 95), 1) for name, times in timed.items()}
    return {
        **p95,
        **{f"{name}_p50_ms": round(statistics.median(times), 1) for name, times in timed.items()},
        **stored,
        **(_compared(peer, day, size) if peer else {}),
        "logs": size.logs,
        "spans": size.spans,
        "arriving_records_per_s": round(rate),
        "load_average": round(os.getloadavg()[0], 1),
    }


def _compared(peer: Path, day: TimeRange, size: Size) -> dict[str, float | int | str]:
    """The peer over at most `_PEER_LOGS` records, and ourselves over the same, nothing arriving."""
    with throwaway_store() as alone:
        few = replace(size, logs=min(size.logs, _PEER_LOGS), spans=0, records_per_s=0)
        stored = fill(alone, day, few)
        with alone.running():
            ours = asyncio.run(_ask(alone, day, few))
        engine = StoreEngine(alone.state.store, EngineLimits(1024**3, 600))
        try:
            theirs = peers.measure(peer, engine, alone.state.root / "peer", day, size.rounds)
        finally:
            engine.close()
    figures: dict[str, float | int | str] = {"peer_logs": few.logs, **theirs}
    for name in ("rare_word", "histogram"):
        own = _percentile(ours[name], 95)
        figures[f"alone_{name}_p95_ms"] = round(own, 1)
        theirs_ms = theirs[f"victorialogs_{name}_p95_ms"]
        figures[f"victorialogs_{name}_ratio"] = round(theirs_ms / own, 2)
    own_bytes = float(stored["bytes_per_log"])
    figures["victorialogs_bytes_ratio"] = round(theirs["victorialogs_bytes_per_log"] / own_bytes, 2)
    return figures


def fill(processes: StoreProcesses, day: TimeRange, size: Size) -> dict[str, float | int | str]:
    """Makes what is missing of the records in the store's own tables; returns bytes a record.

    Killed, it goes on with the batch that was under way: the token tells what of it is there.
    """
    logs_a_trace = max(1, size.logs * records.SPANS_A_TRACE // max(size.spans, 1))
    rare_every = max(size.logs // _RARE, 2)
    engine = StoreEngine(processes.state.store, EngineLimits(_FILLING_BYTES, 600))
    try:
        logs = [(LOGS, *each) for each in _missing(engine, LOGS, day, size.logs)]
        spans = [(SPANS, *each) for each in _missing(engine, SPANS, day, size.spans)]
        for table, first, span in sorted(logs + spans, key=lambda each: each[2].start_ns):
            engine.execute(
                records.logs_insert(span, first, rare_every, logs_a_trace)
                if table == LOGS
                else records.spans_insert(span, first)
            )
            progress(f"{first + span.count} {table}")
        return _bytes(engine)
    finally:
        engine.close()


def _missing(
    engine: StoreEngine, table: str, day: TimeRange, count: int
) -> Iterator[tuple[int, records.Span]]:
    """Batches in the order of time, from the one that was under way."""
    bounds = f"Timestamp < '{day.end + timedelta(seconds=5):%F %T}'"
    (there,) = engine.lines(f"SELECT count() FROM insight.{table} WHERE {bounds}")
    step_ns = (day.end_ns - day.start_ns) / max(count, 1)
    for first in range(int(there) // _BATCH * _BATCH, count, _BATCH):
        size = min(_BATCH, count - first)
        start = day.start_ns + int(first * step_ns)
        yield first, records.Span(start, start + int(size * step_ns), size)


def _bytes(engine: StoreEngine) -> dict[str, float | int | str]:
    answer = engine.run(
        Query(
            "SELECT table, sum(bytes_on_disk), sum(data_uncompressed_bytes), sum(rows) "
            "FROM system.parts WHERE database = 'insight' AND active GROUP BY table"
        )
    )
    found = {
        name: (int(disk), int(raw), int(rows))
        for name, disk, raw, rows in (line.split("\t") for line in answer.decode().splitlines())
    }
    logs, spans = found.pop(LOGS), found.pop(SPANS, (0, 1, 1))
    return {
        "bytes_per_log": round(logs[0] / logs[2], 1),
        "bytes_per_span": round(spans[0] / spans[2], 1),
        "log_compression": round(logs[1] / logs[0], 1),
        "span_compression": round(spans[1] / max(spans[0], 1), 1),
        "derived_mb": round(sum(disk for disk, _, _ in found.values()) / 1e6, 1),
    }


async def _ask(processes: StoreProcesses, day: TimeRange, size: Size) -> dict[str, list[float]]:
    client = processes.client()
    try:
        questions = await _questions(client, day, random.Random(1))
        timed: dict[str, list[float]] = {name: [] for name in questions}
        for _ in range(size.rounds):
            for name, ask in questions.items():
                started = time.perf_counter()
                await ask()
                timed[name].append((time.perf_counter() - started) * 1000)
        return timed
    finally:
        await client.close()


async def _questions(
    client: ClickHouseStore, day: TimeRange, chance: random.Random
) -> dict[str, Question]:
    queries = TelemetryQueries(Asker(client))
    ranges = cycle(_RANGES)
    traces = await client.query(
        "SELECT DISTINCT TraceId FROM spans WHERE cityHash64(TraceId) % 97 = 0 LIMIT 2000"
    )

    def jittered() -> TimeRange:
        """Never the same day twice, so that no cache of conditions answers."""
        shift = timedelta(seconds=chance.uniform(0, 300))
        return TimeRange(day.start + shift, day.end + shift)

    async def overview() -> None:
        end = jittered().end
        asked = TimeRange(end - next(ranges), end)
        await asyncio.gather(
            queries.overview(asked), queries.requests(asked), queries.resources(asked)
        )

    async def rare_word() -> None:
        found = await queries.logs(jittered(), log_filter(q=records.RARE_WORD))
        assert found.items, "the rare word was not found"

    async def trace() -> None:
        found = await queries.trace(str(chance.choice(traces)["TraceId"]))
        assert len(found.spans) == records.SPANS_A_TRACE, "the trace is not whole"

    async def histogram() -> None:
        found = await queries.log_histogram(jittered(), log_filter())
        assert any(point.info for point in found.points), "the histogram is empty"

    asked: dict[str, Question] = {"rare_word": rare_word, "histogram": histogram}
    return {"overview": overview, **asked, "trace": trace} if traces else asked


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _count(text: str) -> int:
    """1000, 50k or 100M."""
    units = {"k": 1_000, "M": 1_000_000}
    return int(float(text[:-1]) * units[text[-1]]) if text[-1:] in units else int(text)


if __name__ == "__main__":
    main()
