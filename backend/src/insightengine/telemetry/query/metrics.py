"""Which metrics there are, and their labels."""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from insightengine.core.time import TimeRange, from_ns
from insightengine.telemetry.metric_models import (
    Host,
    HostList,
    HostProcess,
    HostProcessList,
    Label,
    LabelList,
    LabelValue,
    Metric,
    MetricList,
)
from insightengine.telemetry.query.filters import Where, in_range
from insightengine.telemetry.query.statement import (
    Row,
    Statement,
    items,
    known,
    statement,
    texts,
    whole,
)
from insightengine.telemetry.schema import HOSTS, METRICS, SERIES

_MOST_METRICS: Final = 1000
_MOST_HOSTS: Final = 500
_MOST_LABELS: Final = 60
_MOST_VALUES: Final = 30
_ACTIVE: Final = (
    "Day >= toDate(fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')) "
    "AND Day <= toDate(fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC'))"
)
_NEWEST: Final = {
    "system.cpu.utilization": "cpu_ratio",
    "system.memory.usage": "memory_bytes",
    "system.memory.limit": "memory_limit_bytes",
    "system.filesystem.usage": "filesystem_bytes",
    "system.filesystem.limit": "filesystem_limit_bytes",
}
_CPU: Final = "process.cpu.utilization"
_MEMORY: Final = "process.memory.usage"


def active(asked: TimeRange) -> Where:
    """Series and hosts are known by day."""
    return Where((_ACTIVE,), {"start_ns": asked.start_ns, "end_ns": asked.end_ns})


def names_statement(asked: TimeRange, contains: str | None, service: str | None) -> Statement:
    where = active(asked)
    if contains:
        where = where.and_(
            "positionCaseInsensitive(MetricName, {contains:String}) > 0", contains=contains
        )
    if service:
        where = where.and_("ServiceName = {service:String}", service=service)
    return statement(
        "SELECT MetricName, anyLast(MetricType) AS type, anyLast(MetricUnit) AS unit, "
        "anyLast(MetricDescription) AS description, uniqExact(SeriesId) AS series, "
        "arraySort(groupUniqArray(50)(toString(ServiceName))) AS services, "
        f"toUnixTimestamp64Nano(max(Last)) AS last_ns FROM {SERIES} WHERE {where.sql} "
        f"GROUP BY MetricName ORDER BY MetricName LIMIT {_MOST_METRICS}",
        where,
    )


def metric_list(rows: Sequence[Row]) -> MetricList:
    return MetricList(
        items=tuple(
            Metric(
                name=str(row["MetricName"]),
                type=str(row["type"]),
                unit=str(row["unit"]),
                description=str(row["description"]),
                services=tuple(map(str, items(row["services"]))),
                series=whole(row["series"]),
                last_seen=from_ns(whole(row["last_ns"])),
            )
            for row in rows
        )
    )


def labels_statement(asked: TimeRange, name: str) -> Statement:
    where = active(asked).and_("MetricName = {name:String}", name=name)
    return statement(
        "SELECT pair.1 AS key, pair.2 AS value, uniqExact(SeriesId) AS series FROM ("
        "SELECT SeriesId, arrayJoin(arrayConcat([('service', toString(ServiceName))], "
        "arrayZip(mapKeys(Attributes), mapValues(Attributes)), "
        "arrayZip(mapKeys(ResourceAttributes), mapValues(ResourceAttributes)))) AS pair "
        f"FROM {SERIES} WHERE {where.sql}) GROUP BY key, value "
        f"ORDER BY key, series DESC, value LIMIT {_MOST_VALUES} BY key "
        f"LIMIT {_MOST_LABELS * _MOST_VALUES}",
        where,
    )


def label_list(rows: Sequence[Row]) -> LabelList:
    by_key: dict[str, list[LabelValue]] = {}
    for row in rows:
        value = LabelValue(value=str(row["value"]), series=whole(row["series"]))
        by_key.setdefault(str(row["key"]), []).append(value)
    return LabelList(items=tuple(Label(key=k, values=tuple(v)) for k, v in by_key.items()))


def hosts_statement(asked: TimeRange) -> Statement:
    where = active(asked)
    return statement(
        "SELECT Host, toUnixTimestamp64Nano(min(First)) AS first_ns, "
        "toUnixTimestamp64Nano(max(Last)) AS last_ns, "
        f"arraySort(groupUniqArray(100)(toString(ServiceName))) AS services FROM {HOSTS} "
        f"WHERE {where.sql} GROUP BY Host ORDER BY Host LIMIT {_MOST_HOSTS}",
        where,
    )


def newest_statement(asked: TimeRange) -> Statement:
    """The last value of each figure of each host; file systems of a host are added up."""
    where = in_range(asked).and_("MetricName IN {names:Array(String)}", names=list(_NEWEST))
    return statement(
        "SELECT host, MetricName, sum(newest) AS value FROM (SELECT MetricName, SeriesId, "
        "any(ResourceAttributes['host.name']) AS host, argMax(Value, Timestamp) AS newest "
        f"FROM {METRICS} WHERE {where.sql} GROUP BY MetricName, SeriesId) "
        "GROUP BY host, MetricName",
        where,
    )


def host_list(hosts: Sequence[Row], newest: Sequence[Row]) -> HostList:
    figures: dict[str, dict[str, float | None]] = {}
    for row in newest:
        of_host = figures.setdefault(str(row["host"]), {})
        of_host[_NEWEST[str(row["MetricName"])]] = known(row["value"])
    nothing = dict.fromkeys(_NEWEST.values())
    return HostList(
        items=tuple(
            Host(
                host=str(row["Host"]),
                first_seen=from_ns(whole(row["first_ns"])),
                last_seen=from_ns(whole(row["last_ns"])),
                services=tuple(map(str, items(row["services"]))),
                **{**nothing, **figures.get(str(row["Host"]), {})},
            )
            for row in hosts
        )
    )


def processes_statement(asked: TimeRange, host: str | None) -> Statement:
    where = in_range(asked).and_("MetricName IN {names:Array(String)}", names=[_CPU, _MEMORY])
    if host is not None:
        where = where.and_("ResourceAttributes['host.name'] = {host:String}", host=host)
    return statement(
        "SELECT ResourceAttributes['host.name'] AS host, ServiceName, "
        "Attributes['insight.process'] AS process, "
        "mapFromArrays(groupArray(toString(MetricName)), groupArray(newest)) AS figures, "
        "max(last_ns) AS last_ns FROM (SELECT MetricName, ServiceName, SeriesId, "
        "any(Attributes) AS Attributes, any(ResourceAttributes) AS ResourceAttributes, "
        "argMax(Value, Timestamp) AS newest, toUnixTimestamp64Nano(max(Timestamp)) AS last_ns "
        f"FROM {METRICS} WHERE {where.sql} GROUP BY MetricName, ServiceName, SeriesId) "
        "GROUP BY host, ServiceName, process ORDER BY host, process LIMIT 1000",
        where,
    )


def process_list(rows: Sequence[Row]) -> HostProcessList:
    def figure(row: Row, name: str) -> float | None:
        found = texts(row["figures"]).get(name)
        return None if found is None else known(float(found))

    return HostProcessList(
        items=tuple(
            HostProcess(
                host=str(row["host"]),
                process=str(row["process"]),
                service=str(row["ServiceName"]),
                cpu_ratio=figure(row, _CPU),
                memory_bytes=figure(row, _MEMORY),
                last_seen=from_ns(whole(row["last_ns"])),
            )
            for row in rows
        )
    )
