"""As large a trace as the console bears: ten thousand spans, a hundred deep, one parent lost."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from typing import Any, Final

import httpx

SPANS: Final = 10_000
DEPTH: Final = 100
_LENGTH_NS: Final = 4_000_000_000
_BATCH: Final = 1000
_SERVICES: Final = ("gateway", "orders", "catalogue", "pricing", "stock")
_NAMES: Final = ("SELECT", "resolve price", "cache get", "render", "decode", "lookup")


def send_huge_trace(otlp: str, *, seed: int = 4) -> str:
    """Sends it over HTTP, a thousand spans a request; returns its id."""
    chance = random.Random(seed)
    trace_id = f"{chance.getrandbits(128):032x}"
    spans = list(_spans(chance, trace_id, time.time_ns() - 10 * _LENGTH_NS))
    with httpx.Client(base_url=otlp, timeout=30) as sender:
        for start in range(0, SPANS, _BATCH):
            answer = sender.post("/v1/traces", json=_request(spans[start : start + _BATCH]))
            assert answer.status_code == 200, answer.text
    return trace_id


def _spans(chance: random.Random, trace_id: str, began_ns: int) -> Iterator[tuple[str, Any]]:
    """The first hundred lie in each other; the others below any of those that came before."""
    ids = [f"{chance.getrandbits(64):016x}" for _ in range(SPANS)]
    places: list[tuple[int, int]] = [(0, _LENGTH_NS)]
    for number in range(SPANS):
        parent = number - 1 if number < DEPTH else chance.randrange(DEPTH)
        if number > 0:
            first, last = places[parent]
            inside = 1_000_000 if number < DEPTH else int((last - first) * chance.random() * 0.8)
            length = max(1000, int((last - first - inside) * (1 if number < DEPTH else 0.1)))
            places.append((first + inside, first + inside + length - 1000))
        parent_id = "f" * 16 if number == SPANS - 1 else ids[parent]
        yield (
            chance.choice(_SERVICES) if number else _SERVICES[0],
            {
                "traceId": trace_id,
                "spanId": ids[number],
                "parentSpanId": parent_id if number else "",
                "name": chance.choice(_NAMES) if number else "GET /report",
                "kind": 1,
                "startTimeUnixNano": str(began_ns + places[number][0]),
                "endTimeUnixNano": str(began_ns + places[number][1]),
                "attributes": [{"key": "item", "value": {"stringValue": f"item-{number}"}}],
                "status": {"code": 2, "message": "lost"} if number % 400 == 7 else {},
            },
        )


def _request(spans: list[tuple[str, Any]]) -> dict[str, Any]:
    by_service = itertools.groupby(
        sorted(spans, key=lambda each: each[0]), key=lambda each: each[0]
    )
    return {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": [{"key": "service.name", "value": {"stringValue": service}}]
                },
                "scopeSpans": [{"spans": [span for _, span in found]}],
            }
            for service, found in by_service
        ]
    }
