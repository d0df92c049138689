"""One trace: its spans, the request at the edge that it belongs to, and what is missing."""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from insightengine.core.time import from_ns, to_ns
from insightengine.telemetry.models import (
    EdgeRequest,
    Span,
    SpanEvent,
    SpanKind,
    SpanLink,
    SpanStatus,
    TraceDetail,
)
from insightengine.telemetry.query.filters import AT, from_five_minutes, to_five_minutes
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
# Few granules: more threads, and looking for a better plan, cost more than they save.
_QUICKLY: Final = "SETTINGS max_threads = 1, query_plan_enable_optimizations = 0"

_BOUNDS: Final = f"FROM {TRACE_INDEX} WHERE TraceId = {{trace_id:String}}"
# The moments between which its spans are: found while the question is planned, so that it reads few
# granules. 1970 where nothing is known of the trace.
_WITHIN: Final = f"WITH (SELECT (min(Start), max(End)) {_BOUNDS}) AS within "
_AROUND_S: Final = int(AROUND.total_seconds())
_LAST_TIME: Final = (
    f"fromUnixTimestamp64Nano(toInt64({2**63 - 1} - {_AROUND_S} * 1000000000), 'UTC')"
)


def bounds_statement(trace_id: str) -> Statement:
    return Statement(
        "SELECT toUnixTimestamp64Nano(min(Start)) AS begin_ns, "
        f"toUnixTimestamp64Nano(max(End)) AS finish_ns {_BOUNDS} "
        "HAVING count() > 0 SETTINGS max_threads = 1",
        {"trace_id": trace_id},
    )


def _of_trace(first: str, last: str, at: str) -> str:
    return (
        f"TraceId = {{trace_id:String}} AND {at} >= {first} AND {at} <= {last} "
        f"AND {from_five_minutes(first)} AND {to_five_minutes(last)}"
    )


_SPANS_OF_TRACE: Final = f"FROM {SPANS} WHERE {_of_trace('within.1', 'within.2', AT)}"


def spans_statement(trace_id: str) -> Statement:
    """One more than MOST_SPANS, which tells whether there are more."""
    return Statement(
        f"{_WITHIN}SELECT toUnixTimestamp64Nano(Timestamp) AS begin_ns, SpanId, ParentSpanId, "
        "SpanName, SpanKind, ServiceName, ResourceAttributes, SpanAttributes, DurationNs, "
        "StatusCode, StatusMessage, "
        "arrayMap(t -> toUnixTimestamp64Nano(t), Events.Timestamp) AS event_times, "
        "Events.Name AS event_names, Events.Attributes AS event_attributes, "
        "Links.TraceId AS link_traces, Links.SpanId AS link_spans, "
        "Links.TraceState AS link_states, Links.Attributes AS link_attributes "
        f"{_SPANS_OF_TRACE} ORDER BY Timestamp, SpanId LIMIT {MOST_SPANS + 1} {_QUICKLY}",
        {"trace_id": trace_id},
    )


def count_statement(trace_id: str) -> Statement:
    return Statement(
        f"{_WITHIN}SELECT count() AS spans {_SPANS_OF_TRACE} {_QUICKLY}", {"trace_id": trace_id}
    )


def edge_statement(trace_id: str) -> Statement:
    """Requests around the spans of the trace, the outermost first. Their table is small and has a
    bloom filter."""
    first = f"within.1 - toIntervalSecond({_AROUND_S})"
    last = f"least(within.2, {_LAST_TIME}) + toIntervalSecond({_AROUND_S})"
    return Statement(f"{_WITHIN}{_edge(first, last)}", {"trace_id": trace_id})


def edge_until_statement(trace_id: str, until: datetime) -> Statement:
    """The same of a trace without spans, which may be anywhere."""
    last = "fromUnixTimestamp64Nano({last_ns:Int64}, 'UTC')"
    sql = _edge("fromUnixTimestamp64Nano(toInt64(0), 'UTC')", last)
    return Statement(sql, {"trace_id": trace_id, "last_ns": to_ns(until)})


def _edge(first: str, last: str) -> str:
    return (
        "SELECT toUnixTimestamp64Nano(Timestamp) AS finish_ns, Method, Path, Status, DurationMs, "
        f"Site, Release, Colour, RequestId, SpanId FROM {EDGE_REQUESTS} "
        f"WHERE {_of_trace(first, last, 'Timestamp')} "
        "ORDER BY toUnixTimestamp64Nano(Timestamp) - DurationMs * 1e6, DurationMs DESC "
        f"LIMIT {_MOST_EDGE_REQUESTS} {_QUICKLY}"
    )


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
        edge=_edge_request(edge[0]) if edge else None,
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


def _edge_request(row: Row) -> EdgeRequest:
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
