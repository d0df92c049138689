"""Each process is killed with -9 under traffic; the platform heals by itself and loses nothing."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.scenarios.platform import Platform, eventually

WHOLE_AGAIN_WITHIN_S = 10
IN_TURN = ["api.blue", "collector", "store", "valkey", "postgres", "edge", "supervisor"]


@dataclass
class Sender:
    """Sends one-span requests all the time and remembers which were acknowledged."""

    platform: Platform
    acknowledged: set[str] = field(default_factory=set)
    refused: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        with httpx.Client(timeout=2) as client:
            while not self.stop.is_set():
                self._send(client)
                time.sleep(0.005)

    def _send(self, client: httpx.Client) -> None:
        trace_id = os.urandom(16)
        try:
            answer = client.post(
                f"{self.platform.otlp}/v1/traces",
                content=one_span(trace_id),
                headers={"Content-Type": "application/x-protobuf"},
            )
        except httpx.HTTPError:
            self.refused += 1
            return
        if answer.status_code == 200:
            self.acknowledged.add(trace_id.hex())
        else:
            self.refused += 1


def one_span(trace_id: bytes) -> bytes:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    service = resource_spans.resource.attributes.add(key="service.name")
    service.value.string_value = "probe"
    now = time.time_ns()
    resource_spans.scope_spans.add().spans.add(
        trace_id=trace_id,
        span_id=os.urandom(8),
        name="probe",
        start_time_unix_nano=now - 1_000_000,
        end_time_unix_nano=now,
    )
    return request.SerializeToString()


@contextmanager
def telemetry_sent_to(platform: Platform) -> Iterator[Sender]:
    sender = Sender(platform)
    thread = threading.Thread(target=sender.run)
    thread.start()
    try:
        yield sender
    finally:
        sender.stop.set()
        thread.join()


def stored_probes(platform: Platform) -> list[str]:
    rows = platform.sql("SELECT TraceId FROM spans WHERE ServiceName = 'probe'")
    return [row["TraceId"] for row in rows]


@pytest.mark.timeout(300)
def test_the_platform_heals_from_a_kill_of_each_part_and_stores_all_it_acknowledged(
    demo: Platform,
) -> None:
    seconds: dict[str, float] = {}
    with telemetry_sent_to(demo) as sender:
        for name in IN_TURN:
            before = len(sender.acknowledged)
            os.kill(demo.pid(name), signal.SIGKILL)
            started = time.monotonic()
            eventually(
                lambda name=name, before=before: (  # type: ignore[misc]
                    demo.is_whole() and len(sender.acknowledged) > before and demo.pid(name)
                ),
                WHOLE_AGAIN_WITHIN_S,
                f"the platform is whole after kill -9 of {name}",
            )
            seconds[name] = round(time.monotonic() - started, 1)
    print(f"whole again after (s): {seconds}; refused meanwhile: {sender.refused}")  # noqa: T201

    eventually(
        lambda: sender.acknowledged <= set(stored_probes(demo)), 15, "all acknowledged is stored"
    )
    stored = stored_probes(demo)
    assert len(stored) == len(set(stored)), "a span was stored twice"
    assert len(sender.acknowledged) > 200


def test_a_killed_process_that_heals_is_counted_as_a_restart(demo: Platform) -> None:
    def restarts() -> int:
        found = [p["restarts"] for p in demo.status()["processes"] if p["name"] == "collector"]
        return int(found[0])

    before = restarts()
    os.kill(demo.pid("collector"), signal.SIGKILL)
    eventually(lambda: restarts() == before + 1 and demo.is_whole(), 10, "one more restart")
