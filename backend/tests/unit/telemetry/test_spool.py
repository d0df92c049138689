from __future__ import annotations

import asyncio
import json
import os
import resource
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from insightengine.core.errors import ConflictError
from insightengine.telemetry import segments
from insightengine.telemetry.port import Signal
from insightengine.telemetry.segment_writer import SegmentWriter
from insightengine.telemetry.spool import (
    Spool,
    SpoolLimits,
    SpoolUnavailableError,
    open_spool,
    repair,
)

LIMITS = SpoolLimits(max_bytes=1_000_000, segment_bytes=10_000, segment_age_s=60)


@asynccontextmanager
async def spool_in(folder: Path, limits: SpoolLimits = LIMITS) -> AsyncIterator[Spool]:
    spool = open_spool(folder, limits)
    try:
        yield spool
    finally:
        await spool.close()


def requests_in(folder: Path, pattern: str = "*.pb") -> list[bytes]:
    found: list[bytes] = []
    for path in sorted(folder.glob(pattern)):
        content = path.read_bytes()
        if path.suffix == ".open":
            content = content.rstrip(b"\0")  # the rest is reserved
        scan = segments.scan(content)
        assert scan.damages == ()
        found += [content[record.request_start : record.end] for record in scan.records]
    return found


async def until(condition: Callable[[], bool], deadline_s: float = 5.0) -> None:
    async with asyncio.timeout(deadline_s):
        while not condition():
            await asyncio.sleep(0.005)


async def test_an_acknowledged_append_is_in_the_file(tmp_path: Path) -> None:
    async with spool_in(tmp_path) as spool:
        await spool.append(Signal.TRACES, b"request", entries=3)
        assert requests_in(tmp_path, "traces-*.open") == [b"request"]
        assert spool.counters[Signal.TRACES].accepted_entries == 3


async def test_an_ordinary_end_closes_the_segments(tmp_path: Path) -> None:
    async with spool_in(tmp_path) as spool:
        await spool.append(Signal.LOGS, b"one", entries=1)
        await spool.append(Signal.METRICS, b"two", entries=1)
    assert list(tmp_path.glob("*.open")) == []
    assert requests_in(tmp_path, "logs-*.pb") == [b"one"]
    assert requests_in(tmp_path, "metrics-*.pb") == [b"two"]


async def test_concurrent_appends_share_a_commit(tmp_path: Path) -> None:
    limits = SpoolLimits(max_bytes=1_000_000, segment_bytes=1_000_000, segment_age_s=60)
    async with spool_in(tmp_path, limits) as spool:
        appends = [spool.append(Signal.LOGS, b"%d" % i, entries=1) for i in range(500)]
        await asyncio.gather(*appends)
        assert spool.counters[Signal.LOGS].accepted_requests == 500
        assert spool.counters[Signal.LOGS].commits < 50
    assert requests_in(tmp_path) == [b"%d" % i for i in range(500)]


async def test_a_segment_closes_at_its_size(tmp_path: Path) -> None:
    async with spool_in(tmp_path) as spool:
        for _ in range(6):
            await spool.append(Signal.LOGS, b"x" * 4000, entries=1)
    sizes = [path.stat().st_size for path in tmp_path.glob("*.pb")]
    assert len(sizes) == 2
    assert len(requests_in(tmp_path)) == 6


async def test_a_segment_closes_at_its_age(tmp_path: Path) -> None:
    limits = SpoolLimits(max_bytes=1_000_000, segment_bytes=1_000_000, segment_age_s=0.05)
    async with spool_in(tmp_path, limits) as spool:
        await spool.append(Signal.LOGS, b"x", entries=1)
        await until(lambda: requests_in(tmp_path) == [b"x"])


async def test_names_are_not_used_again_after_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        async with spool_in(tmp_path) as spool:
            await spool.append(Signal.LOGS, b"x", entries=1)
    names = {segments.SegmentName.parse(path.stem) for path in tmp_path.glob("*.pb")}
    assert len(names) == 2
    assert len({name.token for name in names}) == 2


async def test_entries_are_counted_when_the_sender_does_not(tmp_path: Path) -> None:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for _ in range(4):
        scope.log_records.add()
    async with spool_in(tmp_path) as spool:
        await spool.append(Signal.LOGS, request.SerializeToString())
        assert spool.counters[Signal.LOGS].accepted_entries == 4


async def test_a_full_spool_refuses_and_accepts_again_when_drained(tmp_path: Path) -> None:
    limits = SpoolLimits(max_bytes=10_000, segment_bytes=4000, segment_age_s=60)
    async with spool_in(tmp_path, limits) as spool:
        await spool.append(Signal.LOGS, b"x" * 4000, entries=1)
        await spool.append(Signal.LOGS, b"x" * 4000, entries=1)
        with pytest.raises(SpoolUnavailableError) as refused:
            await spool.append(Signal.LOGS, b"x" * 4000, entries=1)
        assert refused.value.code == "spool_full"
        assert spool.counters[Signal.LOGS].refused_requests == 1
        await until(lambda: len(list(tmp_path.glob("*.pb"))) == 2)
        for path in tmp_path.glob("*.pb"):
            path.unlink()
        await until(lambda: spool.spooled_bytes < 4000)
        await spool.append(Signal.LOGS, b"x" * 4000, entries=1)


@pytest.fixture
def small_files() -> Iterator[int]:
    """A limit on the size of files: the kernel refuses a write in the middle, as a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    yield 3000
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_write_that_the_disk_refuses_acknowledges_nothing_and_leaves_no_torn_bytes(
    tmp_path: Path, small_files: int
) -> None:
    async with spool_in(tmp_path) as spool:
        await spool.append(Signal.LOGS, b"kept" * 500, entries=1)
        with pytest.raises(SpoolUnavailableError) as refused:
            await spool.append(Signal.LOGS, b"lost" * 500, entries=1)
        assert refused.value.code == "spool_disk_full"
        await spool.append(Signal.LOGS, b"next" * 500, entries=1)
    assert requests_in(tmp_path) == [b"kept" * 500, b"next" * 500]


async def test_a_second_collector_is_told_that_the_folder_is_taken(tmp_path: Path) -> None:
    async with spool_in(tmp_path):
        with pytest.raises(ConflictError):
            open_spool(tmp_path, LIMITS)


async def test_a_closing_spool_refuses(tmp_path: Path) -> None:
    async with spool_in(tmp_path) as spool:
        await spool.close()
        with pytest.raises(SpoolUnavailableError):
            await spool.append(Signal.LOGS, b"late", entries=1)


def left_by_a_kill(folder: Path, content: bytes) -> Path:
    path = folder / f"{segments.SegmentName(Signal.LOGS, 'killed', 1).token}.open"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("cut", [1, 5, 9, 20, 200])
async def test_a_torn_tail_is_cut_at_start(tmp_path: Path, cut: int) -> None:
    whole = segments.encode(b"whole" * 100, 1)
    left_by_a_kill(tmp_path, whole + segments.encode(b"torn" * 100, 1)[:cut])
    async with spool_in(tmp_path):
        assert requests_in(tmp_path) == [b"whole" * 100]
    (report,) = (tmp_path / "set-aside").glob("*.json")
    assert "torn tail" in json.loads(report.read_text())["reason"]


async def test_space_that_was_only_reserved_is_no_torn_tail(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, Signal.LOGS, "killed")
    writer.write([segments.encode(b"whole", 1)])
    (left,) = tmp_path.glob("*.open")
    assert left.stat().st_size > 100_000
    async with spool_in(tmp_path) as spool:
        assert requests_in(tmp_path) == [b"whole"]
        assert spool.spooled_bytes < 100
    assert not (tmp_path / "set-aside").exists()


async def test_an_empty_segment_left_by_a_kill_disappears(tmp_path: Path) -> None:
    left_by_a_kill(tmp_path, b"")
    async with spool_in(tmp_path):
        assert list(tmp_path.glob("logs-*")) == []


def test_repair_keeps_damage_in_the_middle_for_the_store_to_report(tmp_path: Path) -> None:
    damaged = bytearray(segments.encode(b"first" * 10, 1))
    damaged[20] ^= 0xFF
    content = bytes(damaged) + segments.encode(b"second", 1)
    repair(left_by_a_kill(tmp_path, content))
    (closed,) = tmp_path.glob("*.pb")
    assert closed.read_bytes() == content


def test_a_close_that_fails_is_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SegmentWriter(tmp_path, Signal.LOGS, "c")
    writer.write([segments.encode(b"first", 1)])

    def refuse(path: Path, size: int) -> None:
        raise OSError(5, f"{path} {size}")

    with monkeypatch.context() as broken:
        broken.setattr(os, "truncate", refuse)
        with pytest.raises(OSError, match="Errno 5"):
            writer.close()
    writer.write([segments.encode(b"second", 1)])
    writer.close()
    assert requests_in(tmp_path) == [b"first", b"second"]
