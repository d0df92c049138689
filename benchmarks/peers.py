"""VictoriaLogs over the same log records, built from the Go module proxy where Go is there."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx

from benchmarks.go_peer import go_peer
from benchmarks.records import RARE_WORD
from insightengine.core.time import TimeRange
from insightengine.runtimes.local.ports import free_port
from insightengine.telemetry.store_engine import StoreEngine
from insightengine.telemetry.store_query import Query

VERSION = "v1.52.1"
_INSERT = "/insert/jsonline?_stream_fields=service.name,host.name&_time_field=_time&_msg_field=_msg"
_PART = timedelta(minutes=10)


def binary() -> Path | None:
    return go_peer(
        "victoria-logs", "github.com/VictoriaMetrics/VictoriaLogs", VERSION, "app/victoria-logs"
    )


def measure(
    program: Path, engine: StoreEngine, folder: Path, day: TimeRange, rounds: int
) -> dict[str, float]:
    """Milliseconds at the 95th percentile of the same questions, and bytes a record on its disk."""
    with _running(program, folder) as web:
        count = sum(_insert(web, rows) for rows in _rows(engine, day))
        _until_stored(web, count)
        started = {"start": day.start.isoformat(), "end": day.end.isoformat()}
        rare = {"query": f"{RARE_WORD} | sort by (_time desc) limit 100", **started}
        hits = {"query": "*", "step": "10m", "field": "level", **started}
        rare_ms = _timed(web, "/select/logsql/query", rare, rounds)
        histogram_ms = _timed(web, "/select/logsql/hits", hits, rounds)
    # Ended in order, it has written everything.
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return {
        "victorialogs_rare_word_p95_ms": rare_ms,
        "victorialogs_histogram_p95_ms": histogram_ms,
        "victorialogs_bytes_per_log": round(size / count, 1),
    }


def _rows(engine: StoreEngine, day: TimeRange) -> Iterator[bytes]:
    """Records with all their attributes as JSON lines, ten minutes at once."""
    start = day.start
    while start < day.end:
        end = min(start + _PART, day.end)
        bounds = f"Timestamp >= '{start:%F %T}' AND Timestamp < '{end:%F %T}'"
        yield engine.run(
            Query(
                "SELECT formatDateTime(Timestamp, '%Y-%m-%dT%H:%i:%S.%fZ') AS _time, Body AS _msg, "
                "SeverityText AS level, TraceId AS trace_id, SpanId AS span_id, "
                "mapConcat(ResourceAttributes, LogAttributes) AS attributes "
                f"FROM logs WHERE {bounds}",
                format="JSONEachRow",
            )
        )
        start = end


def _insert(web: httpx.Client, rows: bytes) -> int:
    """VictoriaLogs names nested fields by dots; ours are named so already."""
    lines = []
    for line in rows.splitlines():
        record = json.loads(line)
        lines.append(json.dumps({**record.pop("attributes"), **record}))
    if lines:
        web.post(_INSERT, content="\n".join(lines)).raise_for_status()
    return len(lines)


def _until_stored(web: httpx.Client, count: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = web.post("/select/logsql/query", data={"query": "* | stats count() n"})
        if int(answer.json()["n"]) >= count:
            return
        time.sleep(0.2)
    raise RuntimeError("VictoriaLogs did not store what was sent within 60 s")


def _timed(web: httpx.Client, path: str, fields: dict[str, str], rounds: int) -> float:
    times = []
    for _ in range(max(rounds, 2)):
        started = time.perf_counter()
        answer = web.post(path, data=fields)
        answer.raise_for_status()
        assert answer.content, "the peer found nothing"
        times.append((time.perf_counter() - started) * 1000)
    return round(statistics.quantiles(times, n=100, method="inclusive")[94], 1)


@contextmanager
def _running(program: Path, folder: Path) -> Iterator[httpx.Client]:
    port = free_port()
    process = subprocess.Popen(
        [
            str(program),
            f"-storageDataPath={folder}",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=7d",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as web:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                try:
                    if web.get("/health").is_success:
                        break
                except httpx.HTTPError:
                    time.sleep(0.1)
            yield web
    finally:
        process.terminate()
        process.wait(30)
