"""One trace: its spans, the request at the edge that it belongs to, and what is missing."""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from insightengine.core.time import from_ns
from insightengine.telemetry.models import (
    EdgeRequest,
    Span,
    SpanEvent,
    SpanKind,
    SpanLink,
    SpanStatus,
    TraceDetail,
)
from insightengine.telemetry.query.filters import from_five_minutes, to_five_minutes
from insightengine.telemetry.query.statement import (
    Row,
    Statement,
    items,
    number,
    texts,
    whole,
)
from insightengine.telemetry.schema import EDGE_REQUESTS, SPANS, TRACE_INDEX

MOST_SPANS: Final = 10_000
_MOST_EDGE_REQUESTS: Final = 100
AROUND: Final = timedelta(hours=1)  # of the spans lies the request at the edge
_ONE_THREAD: Final = "SETTINGS max_threads = 1"  # few granules: more threads cost more than they do


_FIRST: Final = "fromUnixTimestamp64Nano({first_ns:Int64}, 'UTC')"
_LAST: Final = "fromUnixTimestamp64Nano({last_ns:Int64}, 'UTC')"
_OF_TRACE: Final = (
    f"TraceId = {{trace_id:String}} AND Timestamp >= {_FIRST} AND Timestamp <= {_LAST} "
    f"AND {from_five_minutes(_FIRST)} AND {to_five_minutes(_LAST)}"
)


@dataclass(frozen=True, slots=True)
class Extent:
    """First and last moment of a trace's spans, as the index of traces knows them."""

    first_ns: int
    last_ns: int

    def around(self, margin: timedelta) -> Extent:
        margin_ns = margin // timedelta(microseconds=1) * 1000
        return Extent(self.first_ns - margin_ns, self.last_ns + margin_ns)


def bounds_statement(trace_id: str) -> Statement:
    return Statement(
        "SELECT toUnixTimestamp64Nano(min(Start)) AS begin_ns, "
        "toUnixTimestamp64Nano(max(End)) AS finish_ns "
        f"FROM {TRACE_INDEX} WHERE TraceId = {{trace_id:String}} "
        f"HAVING count() > 0 {_ONE_THREAD}",
        {"trace_id": trace_id},
    )


def extent(rows: Sequence[Row]) -> Extent | None:
    """Of the answer to `bounds_statement`; None for a trace without spans."""
    return Extent(whole(rows[0]["begin_ns"]), whole(rows[0]["finish_ns"])) if rows else None


def spans_statement(trace_id: str, within: Extent) -> Statement:
    """One more than MOST_SPANS, which tells whether there are more."""
    return Statement(
        "SELECT toUnixTimestamp64Nano(Timestamp) AS begin_ns, SpanId, ParentSpanId, SpanName, "
        "SpanKind, ServiceName, ResourceAttributes, SpanAttributes, DurationNs, StatusCode, "
        "StatusMessage, arrayMap(t -> toUnixTimestamp64Nano(t), Events.Timestamp) AS event_times, "
        "Events.Name AS event_names, Events.Attributes AS event_attributes, "
        "Links.TraceId AS link_traces, Links.SpanId AS link_spans, "
        f"Links.TraceState AS link_states, Links.Attributes AS link_attributes FROM {SPANS} "
        f"WHERE {_OF_TRACE} ORDER BY Timestamp, SpanId LIMIT {MOST_SPANS + 1} {_ONE_THREAD}",
        _given(trace_id, within),
    )


def count_statement(trace_id: str, within: Extent) -> Statement:
    return Statement(
        f"SELECT count() AS spans FROM {SPANS} WHERE {_OF_TRACE} {_ONE_THREAD}",
        _given(trace_id, within),
    )


def edge_statement(trace_id: str, within: Extent) -> Statement:
    """Requests of the trace, the outermost first. Their table is small and has a bloom filter."""
    return Statement(
        "SELECT toUnixTimestamp64Nano(Timestamp) AS finish_ns, Method, Path, Status, DurationMs, "
        f"Site, Release, Colour, RequestId, SpanId FROM {EDGE_REQUESTS} WHERE {_OF_TRACE} "
        "ORDER BY toUnixTimestamp64Nano(Timestamp) - DurationMs * 1e6, DurationMs DESC "
        f"LIMIT {_MOST_EDGE_REQUESTS} {_ONE_THREAD}",
        _given(trace_id, within),
    )


def _given(trace_id: str, within: Extent) -> Mapping[str, object]:
    return {"trace_id": trace_id, "first_ns": within.first_ns, "last_ns": within.last_ns}


def detail(
    trace_id: str, found: Sequence[Row], edge: Sequence[Row], total: int | None = None
) -> TraceDetail | None:
    """None when nothing is known of the trace. `total` counts spans where `found` has not all."""
    if not found and not edge:
        return None
    spans = found[:MOST_SPANS]
    truncated = len(found) > MOST_SPANS
    begin_ns, finish_ns = _extent(spans) if spans else _edge_extent(edge[0])
    return TraceDetail(
        trace_id=trace_id,
        start=from_ns(begin_ns),
        duration_ms=(finish_ns - begin_ns) / 1e6,
        spans=tuple(_span(row, begin_ns) for row in spans),
        total_spans=total or len(found),
        truncated=truncated,
        missing_parents=() if truncated else missing_parents(spans, edge),
        edge=_edge(edge[0]) if edge else None,
    )


def missing_parents(spans: Sequence[Row], edge: Sequence[Row]) -> tuple[str, ...]:
    present = {str(row["SpanId"]) for row in (*spans, *edge)}
    parents = {str(row["ParentSpanId"]) for row in spans}
    return tuple(sorted(parents - present - {""}))


def _extent(spans: Sequence[Row]) -> tuple[int, int]:
    begins = [whole(row["begin_ns"]) for row in spans]
    return min(begins), max(whole(row["begin_ns"]) + whole(row["DurationNs"]) for row in spans)


def _edge_extent(row: Row) -> tuple[int, int]:
    finish_ns = whole(row["finish_ns"])
    return finish_ns - round(number(row["DurationMs"]) * 1e6), finish_ns


def _span(row: Row, trace_begin_ns: int) -> Span:
    begin_ns = whole(row["begin_ns"])
    return Span(
        span_id=str(row["SpanId"]),
        parent_span_id=str(row["ParentSpanId"]) or None,
        name=str(row["SpanName"]),
        kind=SpanKind(str(row["SpanKind"])),
        service=str(row["ServiceName"]),
        start=from_ns(begin_ns),
        offset_ms=(begin_ns - trace_begin_ns) / 1e6,
        duration_ms=whole(row["DurationNs"]) / 1e6,
        status=SpanStatus(str(row["StatusCode"])),
        status_message=str(row["StatusMessage"]),
        attributes=texts(row["SpanAttributes"]),
        resource=texts(row["ResourceAttributes"]),
        events=_events(row),
        links=_links(row),
    )


def _events(row: Row) -> tuple[SpanEvent, ...]:
    columns = (items(row[name]) for name in ("event_times", "event_names", "event_attributes"))
    return tuple(
        SpanEvent(t=from_ns(whole(at)), name=str(name), attributes=texts(attributes))
        for at, name, attributes in zip(*columns, strict=True)
    )


def _links(row: Row) -> tuple[SpanLink, ...]:
    names = ("link_traces", "link_spans", "link_states", "link_attributes")
    return tuple(
        SpanLink(
            trace_id=str(trace),
            span_id=str(span),
            trace_state=str(state),
            attributes=texts(attributes),
        )
        for trace, span, state, attributes in zip(*(items(row[n]) for n in names), strict=True)
    )


def _edge(row: Row) -> EdgeRequest:
    return EdgeRequest(
        method=str(row["Method"]),
        path=str(row["Path"]),
        status=whole(row["Status"]),
        duration_ms=number(row["DurationMs"]),
        site=str(row["Site"]),
        release=str(row["Release"]),
        colour=str(row["Colour"]),
        request_id=str(row["RequestId"]),
    )
