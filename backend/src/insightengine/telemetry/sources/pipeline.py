"""What collector and store say of the telemetry that passes through them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import httpx

from insightengine.core.secrets import Secret
from insightengine.telemetry.sources.records import Kind, Measured, Sample
from insightengine.telemetry.sources.servers import ServerUnreachableError

_INSERTED: Final = {
    "inserted_entries": ("insight.ingest.inserted", "{entry}"),
    "set_aside_entries": ("insight.ingest.set_aside", "{entry}"),
    "failures": ("insight.ingest.failures", "{failure}"),
}


def measure_intake(counters: Callable[[], Mapping[str, Any]]) -> list[Measured]:
    """Accepted and refused by signal, and what the spool holds."""
    found = counters()
    samples = [Sample("insight.spool.size", "By", Kind.GAUGE, int(found["spooled_bytes"]))]
    for signal, of_signal in found["signals"].items():
        samples.extend(_accepted(signal, of_signal))
    return [Measured({"service.name": "collector"}, time.time_ns(), samples)]


def _accepted(signal: str, counters: Mapping[str, Any]) -> Iterator[Sample]:
    labels = {"signal": signal}
    for name, unit in (("entries", "{entry}"), ("requests", "{request}"), ("bytes", "By")):
        value = int(counters[f"accepted_{name}"])
        yield Sample(f"insight.collector.accepted_{name}", unit, Kind.COUNTER, value, labels)
    for status, count in counters["rejected"].items():
        of_status = {**labels, "http.response.status_code": status}
        yield Sample("insight.collector.rejected", "{request}", Kind.COUNTER, count, of_status)


def measure_store(host: str, port: int, password: Secret) -> Measured:
    """Inserted and set aside by signal, and what waits. Raises ServerUnreachableError."""
    try:
        answer = httpx.get(
            f"http://{host}:{port}/counters", auth=("insight", password.reveal()), timeout=2
        )
        found = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise ServerUnreachableError(f"store: {error}") from error
    samples: list[Sample] = []
    for signal, counters in found.items():
        samples.extend(_inserted(signal, counters))
    return Measured({"service.name": "store"}, time.time_ns(), samples)


def _inserted(signal: str, counters: Mapping[str, Any]) -> Iterator[Sample]:
    labels = {"signal": signal}
    for field, (name, unit) in _INSERTED.items():
        yield Sample(name, unit, Kind.COUNTER, int(counters[field]), labels)
    lag = counters["lag"]
    yield Sample("insight.ingest.waiting", "By", Kind.GAUGE, int(lag["bytes"]), labels)
    yield Sample("insight.ingest.lag", "s", Kind.GAUGE, float(lag["seconds"]), labels)
