from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from insightengine.core.errors import InsightError
from insightengine.telemetry import segments
from insightengine.telemetry.batch_journal import BatchJournal, Part
from insightengine.telemetry.ingest import BATCH_BYTES, SignalIngester
from insightengine.telemetry.ingest_plan import Batch
from insightengine.telemetry.insertion import RetryLaterError, StoreRefusedError
from insightengine.telemetry.port import Signal
from insightengine.telemetry.segments import SegmentName

NAME = SegmentName(Signal.LOGS, "1700000000000ab", 1)
POISON = b"\xff poison"


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs in the same process."""


class TokenStore:
    """Inserts a file's requests at once or not at all, and never twice under one token."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []
        self.tokens: list[str] = []
        self.refuse: Callable[[list[bytes]], int | None] = lambda requests: None
        self.kill_after: int | None = None

    def insert(
        self, signal: Signal, segment: Path, token: str, *, views_may_fail: bool = False
    ) -> None:
        del views_may_fail
        content = segment.read_bytes()
        found = segments.scan(content).records
        requests = [content[record.request_start : record.end] for record in found]
        code = 444 if any(POISON in each for each in requests) else self.refuse(requests)
        if code is not None:
            raise StoreRefusedError(code, f"Code: {code}. refused")
        if token not in self.tokens:
            self.tokens.append(token)
            self.rows += requests
        if self.kill_after is not None and len(self.tokens) >= self.kill_after:
            self.kill_after = None
            raise Killed


def spool(folder: Path, *parts: bytes, number: int = 1) -> Path:
    path = folder / f"{replace(NAME, number=number).token}.pb"
    path.write_bytes(b"".join(parts))
    return path


def records(*requests: bytes) -> list[bytes]:
    return [segments.encode(each, 1) for each in requests]


def ingester(folder: Path, store: TokenStore) -> SignalIngester:
    return SignalIngester(folder, Signal.LOGS, store)


def reports(folder: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in (folder / "set-aside").glob("*.json")]


def test_a_segment_is_inserted_under_its_name_and_removed(tmp_path: Path) -> None:
    store = TokenStore()
    spool(tmp_path, *records(b"a", b"b"))
    one = ingester(tmp_path, store)
    assert one.drain()
    assert store.rows == [b"a", b"b"]
    assert store.tokens == [f"{NAME.token}+1"]
    assert list(tmp_path.glob("logs-*")) == []
    assert one.counters.inserted_entries == 2
    assert not one.drain()
    assert [path.name for path in tmp_path.iterdir()] == []


def test_small_segments_are_inserted_together_in_order(tmp_path: Path) -> None:
    store = TokenStore()
    for number in (3, 1, 2):
        spool(tmp_path, *records(b"%d" % number), number=number)
    one = ingester(tmp_path, store)
    assert one.drain()
    assert store.rows == [b"1", b"2", b"3"]
    assert store.tokens == [f"{NAME.token}+3"]
    assert one.counters.inserted_segments == 3
    assert list(tmp_path.glob("logs*")) == []


def test_what_arrives_after_a_kill_does_not_change_the_batch(tmp_path: Path) -> None:
    store = TokenStore()
    store.kill_after = 1
    spool(tmp_path, *records(b"1"), number=1)
    spool(tmp_path, *records(b"2"), number=2)
    with pytest.raises(Killed):
        ingester(tmp_path, store).drain()
    spool(tmp_path, *records(b"3"), number=3)
    again = ingester(tmp_path, store)
    while again.drain():
        pass
    assert store.rows == [b"1", b"2", b"3"]


@pytest.mark.parametrize("killed_at", range(8))
def test_killed_at_any_change_of_the_spool_rows_are_stored_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    """Each rename, removal and fsync of a folder is a point at which the process may end."""
    store = TokenStore()
    for number in (1, 2):
        spool(tmp_path, *records(b"%d" % number), number=number)
    left = killed_at

    def dying(change: Callable[..., object]) -> Callable[..., object]:
        def changed(*given: object, **named: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return change(*given, **named)

        return changed

    with monkeypatch.context() as patch, contextlib.suppress(Killed):
        for change in ("unlink", "rename", "replace"):
            patch.setattr(Path, change, dying(getattr(Path, change)))
        ingester(tmp_path, store).drain()
    spool(tmp_path, *records(b"3"), number=3)
    again = ingester(tmp_path, store)
    while again.drain():
        pass
    assert store.rows == [b"1", b"2", b"3"]
    assert list(tmp_path.glob("logs*")) == []


def test_a_batch_that_cannot_go_in_now_keeps_no_other_out(tmp_path: Path) -> None:
    store = TokenStore()
    large = b"x" * (BATCH_BYTES * 3 // 4)  # one a batch
    store.refuse = lambda requests: 243 if requests[0] == large + b"1" else None
    for number in (1, 2):
        spool(tmp_path, *records(large + b"%d" % number), number=number)
    one = ingester(tmp_path, store)
    with pytest.raises(RetryLaterError):
        one.drain()
    assert store.rows == [large + b"2"]
    assert len(list(tmp_path.glob("logs-*"))) == 1
    store.refuse = lambda requests: None
    one.drain()
    assert sorted(store.rows) == [large + b"1", large + b"2"]
    assert one.counters.inserted_segments == 2


def test_a_slot_takes_the_next_batch_while_another_one_is_at_work(tmp_path: Path) -> None:
    """Else the quick one would wait for the slow one, and a processor with it."""
    store = TokenStore()
    large = b"x" * (BATCH_BYTES * 3 // 4)
    is_released = threading.Event()
    third_is_in = threading.Event()

    def hold(requests: list[bytes]) -> None:
        if requests[0].endswith(b"1"):
            assert is_released.wait(20)
        if requests[0].endswith(b"3"):
            third_is_in.set()

    store.refuse = hold
    for number in (1, 2, 3):
        spool(tmp_path, *records(large + b"%d" % number), number=number)
    one = ingester(tmp_path, store)
    stop = threading.Event()
    thread = threading.Thread(target=one.run, args=(stop,))
    thread.start()
    try:
        assert third_is_in.wait(20)
    finally:
        is_released.set()
        stop.set()
        thread.join(20)
    assert {rows[-1:] for rows in store.rows} == {b"1", b"2", b"3"}


@pytest.mark.parametrize(
    ("share", "side_by_side"), [(0.01, False), (0.75, True)], ids=["a little", "a backlog"]
)
def test_inserts_of_a_little_take_turns_and_those_of_a_backlog_do_not(
    tmp_path: Path, share: float, side_by_side: bool
) -> None:
    store = TokenStore()
    both_are_in = threading.Barrier(2)

    def meet(requests: list[bytes]) -> None:
        del requests
        with contextlib.suppress(threading.BrokenBarrierError):
            both_are_in.wait(1)

    store.refuse = meet
    turn, stop = threading.Lock(), threading.Event()
    threads = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        spool(tmp_path / name, *records(b"x" * int(BATCH_BYTES * share)))
        one = SignalIngester(tmp_path / name, Signal.LOGS, store, turn=turn)
        threads.append(threading.Thread(target=one.run, args=(stop,)))
    for thread in threads:
        thread.start()
    try:
        deadline = time.monotonic() + 20
        while list(tmp_path.glob("*/logs-*.pb")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
    assert both_are_in.broken is not side_by_side


def test_a_refusal_of_one_batch_says_nothing_of_the_next(tmp_path: Path) -> None:
    store = TokenStore()
    journal = BatchJournal(tmp_path, Signal.LOGS, 0)
    journal.refuse(Batch((replace(NAME, number=9),)), Part(0, 1), "of another batch")
    spool(tmp_path, *records(b"a"))
    ingester(tmp_path, store).drain()
    assert store.rows == [b"a"]


def test_a_segment_that_others_removed_does_not_keep_the_rest_out(tmp_path: Path) -> None:
    store = TokenStore()
    store.refuse = lambda requests: 243
    first = spool(tmp_path, *records(b"1"), number=1)
    spool(tmp_path, *records(b"2"), number=2)
    with pytest.raises(RetryLaterError):
        ingester(tmp_path, store).drain()
    first.unlink()
    store.refuse = lambda requests: None
    ingester(tmp_path, store).drain()
    assert store.rows == [b"2"]


def test_an_unreadable_batch_file_stops_the_signal_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "logs.0.batch").write_text('{"segments": []}')
    path = spool(tmp_path, *records(b"a"))
    with pytest.raises(InsightError) as refused:
        ingester(tmp_path, TokenStore()).drain()
    assert refused.value.hint is not None
    assert "logs.0.batch" in refused.value.hint
    assert path.exists()


def test_open_segments_are_left_to_the_collector(tmp_path: Path) -> None:
    (tmp_path / f"{NAME.token}.open").write_bytes(b"".join(records(b"a")))
    assert not ingester(tmp_path, TokenStore()).drain()


def test_a_kill_between_insert_and_removal_doubles_nothing(tmp_path: Path) -> None:
    store = TokenStore()
    store.kill_after = 1
    spool(tmp_path, *records(b"a"))
    with pytest.raises(Killed):
        ingester(tmp_path, store).drain()
    ingester(tmp_path, store).drain()
    assert store.rows == [b"a"]


def test_corrupt_bytes_are_set_aside_and_the_rest_is_stored(tmp_path: Path) -> None:
    store = TokenStore()
    first, second, third = records(b"first", b"second", b"third")
    damaged = second[:-1] + bytes([second[-1] ^ 1])
    spool(tmp_path, first, damaged, third)
    one = ingester(tmp_path, store)
    one.drain()
    assert store.rows == [b"first", b"third"]
    (report,) = reports(tmp_path)
    assert report["reason"] == "checksum mismatch"
    assert (report["start"], report["end"]) == (len(first), len(first) + len(damaged))
    (kept,) = (tmp_path / "set-aside").glob("*.bin")
    assert kept.read_bytes() == damaged
    assert one.counters.set_aside_bytes == len(damaged)


def test_a_segment_of_rubbish_is_set_aside_as_a_whole(tmp_path: Path) -> None:
    store = TokenStore()
    spool(tmp_path, b"rubbish")
    ingester(tmp_path, store).drain()
    assert store.rows == []
    assert len(reports(tmp_path)) == 1
    assert list(tmp_path.glob("logs-*")) == []


def test_only_poisoned_records_are_set_aside(tmp_path: Path) -> None:
    store = TokenStore()
    requests = [b"%d" % index for index in range(9)]
    spool(tmp_path, *records(*requests[:5], POISON, *requests[5:]))
    one = ingester(tmp_path, store)
    one.drain()
    assert store.rows == requests
    assert one.counters.set_aside_entries == 1
    assert one.counters.inserted_entries == 9
    assert list(tmp_path.glob("logs-*")) == []


@pytest.mark.parametrize("killed_after", [1, 2, 3])
def test_killed_within_a_split_every_record_is_stored_once(
    tmp_path: Path, killed_after: int
) -> None:
    store = TokenStore()
    requests = [b"%d" % index for index in range(9)]
    spool(tmp_path, *records(*requests[:5], POISON, *requests[5:]))
    store.kill_after = killed_after
    with pytest.raises(Killed):
        ingester(tmp_path, store).drain()
    ingester(tmp_path, store).drain()
    assert sorted(store.rows) == requests
    assert len(reports(tmp_path)) == 1


def test_after_a_split_the_whole_is_never_inserted_under_the_first_token(tmp_path: Path) -> None:
    """A refusal that was only of the moment must not double what the halves stored."""
    store = TokenStore()
    spool(tmp_path, *records(b"a", b"b", b"c", b"d"))
    store.refuse = lambda requests: 444 if len(requests) == 4 else None
    store.kill_after = 1
    with pytest.raises(Killed):
        ingester(tmp_path, store).drain()
    store.refuse = lambda requests: None
    ingester(tmp_path, store).drain()
    assert sorted(store.rows) == [b"a", b"b", b"c", b"d"]


def test_a_store_without_space_keeps_the_segment(tmp_path: Path) -> None:
    store = TokenStore()
    store.refuse = lambda requests: 243
    path = spool(tmp_path, *records(b"a"))
    one = ingester(tmp_path, store)
    for _ in range(5):
        with pytest.raises(RetryLaterError):
            one.drain()
    assert path.exists()
    assert not (tmp_path / "set-aside").exists()
    store.refuse = lambda requests: None
    one.drain()
    assert store.rows == [b"a"]


def test_deeply_nested_values_become_json_text(tmp_path: Path) -> None:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    inner = record.body.kvlist_value.values.add(key="k").value.array_value.values.add()
    inner.kvlist_value.values.add(key="deep").value.int_value = 2**63 - 1
    store = TokenStore()
    store.refuse = lambda requests: (
        395 if b"deep" in requests[0] and b"{" not in requests[0] else None
    )
    spool(tmp_path, *records(request.SerializeToString()))
    one = ingester(tmp_path, store)
    one.drain()
    (stored,) = store.rows
    assert b'{"k":[{"deep":9223372036854775807}]}' in stored
    assert one.counters.flattened_segments == 1


def test_lag_tells_what_waits(tmp_path: Path) -> None:
    path = spool(tmp_path, *records(b"a"))
    lag = ingester(tmp_path, TokenStore()).lag()
    assert lag.segments == 1
    assert lag.bytes == path.stat().st_size
    assert lag.seconds >= 0


def test_the_loop_goes_on_after_a_failure_and_ends_when_told(tmp_path: Path) -> None:
    store = TokenStore()
    outcomes = iter([243])
    store.refuse = lambda requests: next(outcomes, None)
    path = spool(tmp_path, *records(b"a"))
    one = ingester(tmp_path, store)
    stop = threading.Event()
    thread = threading.Thread(target=one.run, args=(stop,))
    thread.start()
    deadline = threading.Event()
    for _ in range(500):
        if not path.exists():
            break
        deadline.wait(0.01)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert store.rows == [b"a"]
    assert one.counters.failures == 1
