"""What each column of spans and log records is made of.

`e` is the entry; beside it stand what `entries` gives it of its resource and scope.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from insightengine.telemetry.decoding.values import (
    Field,
    absent_or_late,
    attribute_map,
    exact,
    flat_map,
    hex_id,
    late,
    pairs,
    pairs_of_each,
    text,
    time,
    time_or_now,
    types_of,
)
from insightengine.telemetry.port import Signal
from insightengine.telemetry.schema.inserted import OWN, RESOURCE_MAP

Columns = Mapping[str, str]

ORIGIN: Final[Columns] = {
    "ServiceName": "service",
    "ResourceAttributes": "resource",
    "ResourceSchemaUrl": "resource_url",
    "ResourceDroppedAttributesCount": "resource_dropped",
    "ScopeName": "scope_name",
    "ScopeVersion": "scope_version",
    "ScopeAttributes": "scope",
    "ScopeSchemaUrl": "scope_url",
    "ScopeDroppedAttributesCount": "scope_dropped",
    "IngestSource": "ingest_source",
}
# `IsOwn` of a log record is left to the column's default, which is quicker than any of ours.
_MARKS: Final[Columns] = {"Release": "release", "Colour": "colour"}
ENTITIES: Final = pairs(Field("resource.entity_refs", "entities != ''", "entities"))
_NAMES: Final[Columns] = {
    "service": "if(resource['service.name'] = '', 'unknown_service', resource['service.name'])",
    "release": "resource['service.version']",
    "colour": "resource['insight.colour']",
    "ingest_source": "source",
    "resource_url": "rs.schema_url",
}
_OF_RESOURCE: Final = "resource, resource_dropped, own, entities"


def entries(source: str, resources: str, scopes: str, entries: str) -> str:
    """One row an entry; what entries of a resource or scope share is made before rows multiply."""
    named = ", ".join(f"{value} AS {name}" for name, value in _NAMES.items())
    return f"""
    FROM (SELECT {", ".join(_NAMES)}, {_OF_RESOURCE},
            ss.scope.name AS scope_name, ss.scope.version AS scope_version,
            {flat_map("ss.scope.attributes")} AS scope, ss.schema_url AS scope_url,
            ss.scope.dropped_attributes_count AS scope_dropped,
            arrayConcat(resource_types, {types_of("ss.scope.attributes")}) AS types,
            arrayJoin(ss.{entries}) AS e
        FROM (SELECT {named}, CAST({attribute_map("rs.resource.attributes")},
                    '{RESOURCE_MAP}') AS resource,
                {OWN.replace("ResourceAttributes", "resource")} AS own,
                {types_of("rs.resource.attributes")} AS resource_types,
                rs.resource.dropped_attributes_count AS resource_dropped,
                if(empty(rs.resource.entity_refs), '', toJSONString(rs.resource.entity_refs))
                    AS entities,
                arrayJoin(rs.{scopes}) AS ss
            FROM (SELECT source, arrayJoin(request.{resources}) AS rs FROM {source})))"""  # noqa: S608 - names from this module


_SPANS: Final[Columns] = {
    "Timestamp": time_or_now("e.start_time_unix_nano"),
    "TraceId": hex_id("e.trace_id"),
    "SpanId": hex_id("e.span_id"),
    "ParentSpanId": hex_id("e.parent_span_id"),
    "TraceState": "e.trace_state",
    "TraceFlags": "e.flags",
    "SpanName": "e.name",
    "SpanKind": "transform(e.kind, [1, 2, 3, 4, 5], "
    "['internal', 'server', 'client', 'producer', 'consumer'], 'unspecified')",
    **ORIGIN,
    **_MARKS,
    "IsOwn": "own",
    "SpanAttributes": attribute_map("e.attributes"),
    "DroppedAttributesCount": "e.dropped_attributes_count",
    "DurationNs": "if(e.start_time_unix_nano > 0 AND e.end_time_unix_nano > "
    "e.start_time_unix_nano, e.end_time_unix_nano - e.start_time_unix_nano, 0)",
    "StatusCode": "transform(e.status.code, [1, 2], ['ok', 'error'], 'unset')",
    "StatusMessage": "e.status.message",
    "Events.Timestamp": f"arrayMap(v -> {time('v.time_unix_nano')}, e.events)",
    "Events.Name": "e.events.name",
    "Events.Attributes": f"arrayMap(v -> {flat_map('v.attributes')}, e.events)",
    "Events.DroppedAttributesCount": "e.events.dropped_attributes_count",
    "DroppedEventsCount": "e.dropped_events_count",
    "Links.TraceId": f"arrayMap(l -> {hex_id('l.trace_id')}, e.links)",
    "Links.SpanId": f"arrayMap(l -> {hex_id('l.span_id')}, e.links)",
    "Links.TraceState": "e.links.trace_state",
    "Links.Attributes": f"arrayMap(l -> {flat_map('l.attributes')}, e.links)",
    "Links.DroppedAttributesCount": "e.links.dropped_attributes_count",
    "Links.Flags": "e.links.flags",
    "DroppedLinksCount": "e.dropped_links_count",
    "ValueTypes": f"arrayConcat(types, {types_of('e.attributes')}, "
    f"arrayFlatten(arrayMap(v -> {types_of('v.attributes')}, e.events)), "
    f"arrayFlatten(arrayMap(l -> {types_of('l.attributes')}, e.links)))",
    "Exact": exact(
        ENTITIES,
        pairs(
            absent_or_late("start_time_unix_nano", "e.start_time_unix_nano"),
            Field.number(
                "end_time_unix_nano",
                "e.end_time_unix_nano",
                "{0} < e.start_time_unix_nano OR e.start_time_unix_nano = 0",
            ),
            Field.number("kind", "e.kind", "{} NOT BETWEEN 0 AND 5"),
            Field.number("status.code", "e.status.code", "{} NOT BETWEEN 0 AND 2"),
            *(Field.id(name, f"e.{name}") for name in ("trace_id", "span_id", "parent_span_id")),
        ),
        pairs_of_each("events", "e.events", late("time_unix_nano", "x.time_unix_nano")),
        pairs_of_each(
            "links", "e.links", Field.id("trace_id", "x.trace_id"), Field.id("span_id", "x.span_id")
        ),
    ),
}

_LOGS: Final[Columns] = {
    "Timestamp": time_or_now("e.time_unix_nano", "e.observed_time_unix_nano"),
    "ObservedTimestamp": time_or_now("e.observed_time_unix_nano", "e.time_unix_nano"),
    "TraceId": hex_id("e.trace_id"),
    "SpanId": hex_id("e.span_id"),
    "TraceFlags": "e.flags",
    "SeverityText": "e.severity_text",
    "SeverityNumber": "toUInt8(greatest(0, least(e.severity_number, 255)))",
    "Body": text("e.body"),
    "EventName": "e.event_name",
    **ORIGIN,
    **_MARKS,
    "LogAttributes": attribute_map("e.attributes"),
    "DroppedAttributesCount": "e.dropped_attributes_count",
    "ValueTypes": f"arrayConcat(types, [toInt8(e.body.t)], {types_of('e.attributes')})",
    "Exact": exact(
        ENTITIES,
        pairs(
            absent_or_late("time_unix_nano", "e.time_unix_nano"),
            absent_or_late("observed_time_unix_nano", "e.observed_time_unix_nano"),
            Field.number("severity_number", "e.severity_number", "{} NOT BETWEEN 0 AND 255"),
            Field.id("trace_id", "e.trace_id"),
            Field.id("span_id", "e.span_id"),
        ),
    ),
}

COLUMNS: Final = {Signal.TRACES: _SPANS, Signal.LOGS: _LOGS}
PATHS: Final = {
    Signal.TRACES: ("resource_spans", "scope_spans", "spans"),
    Signal.LOGS: ("resource_logs", "scope_logs", "log_records"),
    Signal.METRICS: ("resource_metrics", "scope_metrics", "metrics"),
}
