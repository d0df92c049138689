"""One trace: its spans, the request at the edge that it belongs to, and what is missing."""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

from collections.abc import Sequence
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
_AROUND: Final = "toIntervalHour(1)"
_ONE_THREAD: Final = "SETTINGS max_threads = 1"  # few granules: more threads cost more than they do


def bounds_statement(trace_id: str) -> Statement:
    return Statement(
        "SELECT toUnixTimestamp64Nano(min(Start)) AS begin_ns, "
        "toUnixTimestamp64Nano(max(End)) AS finish_ns "
        f"FROM {TRACE_INDEX} WHERE TraceId = {{trace_id:String}} HAVING count() > 0",
        {"trace_id": trace_id},
    )


def spans_statement(trace_id: str) -> Statement:
    return Statement(
        "SELECT toUnixTimestamp64Nano(Timestamp) AS begin_ns, SpanId, ParentSpanId, SpanName, "
        "SpanKind, ServiceName, ResourceAttributes, SpanAttributes, DurationNs, StatusCode, "
        "StatusMessage, arrayMap(t -> toUnixTimestamp64Nano(t), Events.Timestamp) AS event_times, "
        "Events.Name AS event_names, Events.Attributes AS event_attributes, "
        "Links.TraceId AS link_traces, Links.SpanId AS link_spans, "
        f"Links.TraceState AS link_states, Links.Attributes AS link_attributes FROM {SPANS} "
        f"WHERE TraceId = {{trace_id:String}} "
        f"AND {_between(_known('min(Start)'), _known('max(End)'))} "
        f"ORDER BY Timestamp, SpanId LIMIT {MOST_SPANS} {_ONE_THREAD}",
        {"trace_id": trace_id},
    )


def edge_statement(trace_id: str) -> Statement:
    """Requests of the trace, the outermost first. Without spans the bloom filter finds them."""
    first = f"if(count() = 0, fromUnixTimestamp64Nano(0, 'UTC'), min(Start) - {_AROUND})"
    last = f"if(count() = 0, now64(9, 'UTC') + {_AROUND}, max(End) + {_AROUND})"
    return Statement(
        "SELECT toUnixTimestamp64Nano(Timestamp) AS finish_ns, Method, Path, Status, DurationMs, "
        f"Site, Release, Colour, RequestId, SpanId FROM {EDGE_REQUESTS} "
        f"WHERE TraceId = {{trace_id:String}} AND {_between(_known(first), _known(last))} "
        "ORDER BY toUnixTimestamp64Nano(Timestamp) - DurationMs * 1e6, DurationMs DESC "
        f"LIMIT {_MOST_EDGE_REQUESTS} {_ONE_THREAD}",
        {"trace_id": trace_id},
    )


def _known(bound: str) -> str:
    """From the index of traces, by which the spans lie within few granules."""
    found = f"SELECT {bound} FROM {TRACE_INDEX} WHERE TraceId = {{trace_id:String}}"
    return f"assumeNotNull(({found}))"


def _between(first: str, last: str) -> str:
    return (
        f"Timestamp >= {first} AND Timestamp <= {last} "
        f"AND {from_five_minutes(first)} AND {to_five_minutes(last)}"
    )


def detail(trace_id: str, spans: Sequence[Row], edge: Sequence[Row]) -> TraceDetail | None:
    """None when nothing is known of the trace."""
    if not spans and not edge:
        return None
    begin_ns, finish_ns = _extent(spans) if spans else _edge_extent(edge[0])
    return TraceDetail(
        trace_id=trace_id,
        start=from_ns(begin_ns),
        duration_ms=(finish_ns - begin_ns) / 1e6,
        spans=tuple(_span(row, begin_ns) for row in spans),
        missing_parents=missing_parents(spans, edge),
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
