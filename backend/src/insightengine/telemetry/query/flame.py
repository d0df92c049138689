"""Spans of traces added up by the way of names from the root. Pure, without recursion over spans.

Self time is a span's duration without what its children cover, so that children that run at the
same time are not taken off twice.
"""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from insightengine.telemetry.query.statement import Row, Statement, statement, whole
from insightengine.telemetry.query.traces import of_traces
from insightengine.telemetry.schema import SPANS
from insightengine.telemetry.search_models import FlameGraph, FlameNode

MOST_TRACES: Final = 100
MOST_SPANS: Final = 50_000
_DEEPEST: Final = 128  # what is deeper is added to its ancestor of this depth


@dataclass(slots=True)
class _Node:
    service: str
    name: str
    spans: int = 0
    total_ns: int = 0
    self_ns: int = 0
    errors: int = 0
    children: dict[tuple[str, str], _Node] = field(default_factory=dict)


def spans_statement(found: Sequence[Row]) -> Statement:
    """All spans of traces; `found` are rows with their ids and bounds, not none."""
    where = of_traces(found)
    return statement(
        "SELECT TraceId, SpanId, ParentSpanId, ServiceName, SpanName, "
        "toUnixTimestamp64Nano(Timestamp) AS begin_ns, DurationNs, StatusCode "
        f"FROM {SPANS} WHERE {where.sql} ORDER BY Timestamp LIMIT {MOST_SPANS + 1}",
        where,
    )


def flame_graph(traces: int, found: Sequence[Row]) -> FlameGraph:
    spans = found[:MOST_SPANS]
    top = _Node("", "")
    by_id = {(str(row["TraceId"]), str(row["SpanId"])): row for row in spans}
    children: dict[tuple[str, str], list[Row]] = {}
    roots: list[Row] = []
    for row in spans:
        parent = (str(row["TraceId"]), str(row["ParentSpanId"]))
        if parent in by_id and by_id[parent] is not row:
            children.setdefault(parent, []).append(row)
        else:
            roots.append(row)
    waiting = [(row, top, 0) for row in roots]
    seen: set[int] = set()
    while waiting:
        row, parent_node, depth = waiting.pop()
        if id(row) in seen:
            continue
        seen.add(id(row))
        below = children.get((str(row["TraceId"]), str(row["SpanId"])), [])
        node = _add(parent_node, row, below)
        shown = node if depth < _DEEPEST else parent_node
        waiting += [(child, shown, depth + 1) for child in below]
    return FlameGraph(
        traces=traces, spans=len(seen), truncated=len(found) > MOST_SPANS, roots=_shown(top)
    )


def _add(parent: _Node, row: Row, children: Sequence[Row]) -> _Node:
    key = (str(row["ServiceName"]), str(row["SpanName"]))
    node = parent.children.setdefault(key, _Node(*key))
    duration_ns = whole(row["DurationNs"])
    node.spans += 1
    node.total_ns += duration_ns
    node.self_ns += duration_ns - _covered_ns(row, children)
    node.errors += row["StatusCode"] == "error"
    return node


def _covered_ns(span: Row, children: Sequence[Row]) -> int:
    """How much of the span its children cover, each moment once."""
    begin = whole(span["begin_ns"])
    end = begin + whole(span["DurationNs"])
    covered, reached = 0, begin
    for child in sorted(children, key=lambda row: whole(row["begin_ns"])):
        first = max(whole(child["begin_ns"]), reached)
        last = min(whole(child["begin_ns"]) + whole(child["DurationNs"]), end)
        if last > first:
            covered += last - first
            reached = last
    return covered


def _shown(node: _Node) -> tuple[FlameNode, ...]:
    """Built from the leaves up: the depth is bounded, the order is that of total time."""
    ordered = sorted(node.children.values(), key=lambda child: -child.total_ns)
    return tuple(
        FlameNode(
            service=child.service,
            name=child.name,
            spans=child.spans,
            total_ms=child.total_ns / 1e6,
            self_ms=child.self_ns / 1e6,
            errors=child.errors,
            children=_shown(child),
        )
        for child in ordered
    )
