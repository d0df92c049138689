"""Utilisation of the host and of each process, from the collector's own measurements."""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from insightengine.core.time import TimeRange
from insightengine.telemetry.models import (
    HostPoint,
    HostSeries,
    ProcessPoint,
    ProcessSeries,
    ResourceSeries,
)
from insightengine.telemetry.query.filters import in_range
from insightengine.telemetry.query.ranges import SECOND_NS, Grid
from insightengine.telemetry.query.statement import Row, Statement, known, statement, whole
from insightengine.telemetry.schema import METRICS

SHORTEST_STEP_S: Final = 10  # two of the usual measurements
_MOST_PROCESSES: Final = 200
_LOOK_BACK: Final = timedelta(minutes=2)  # for the sample that the first difference starts from
_NEWEST_WITHIN_S: Final = 30
_SLOT: Final = (
    "intDiv(toUnixTimestamp64Nano(Timestamp), {step_ns:Int64}) * {step_ns:Int64} AS slot_ns"
)
_SERIES: Final = "MetricName, Attributes, ResourceAttributes['host.name']"

_GAUGES: Final = {
    "system.cpu.utilization": "cpu_ratio",
    "system.memory.usage": "memory_bytes",
    "system.memory.limit": "memory_limit_bytes",
    "system.filesystem.usage": "filesystem_bytes",
    "system.filesystem.limit": "filesystem_limit_bytes",
}
_COUNTERS: Final = {
    ("system.disk.io", "read"): "disk_read_bytes_per_s",
    ("system.disk.io", "write"): "disk_write_bytes_per_s",
    ("system.network.io", "receive"): "network_receive_bytes_per_s",
    ("system.network.io", "transmit"): "network_transmit_bytes_per_s",
}
_CPU: Final = "process.cpu.utilization"
_MEMORY: Final = "process.memory.usage"
_DISK_READ: Final = "insight.process.disk.read"
_DISK_WRITE: Final = "insight.process.disk.write"


def gauges_statement(grid: Grid) -> Statement:
    """Bytes of several hosts or file systems are added up; utilisation is averaged."""
    where = in_range(grid.range).and_(
        "ServiceName = 'host' AND MetricName IN {names:Array(String)}", names=list(_GAUGES)
    )
    return statement(
        "SELECT slot_ns, MetricName, if(MetricName = 'system.cpu.utilization', avg(mean), "
        f"sum(mean)) AS value FROM (SELECT {_SLOT}, {_SERIES} AS host, avg(Value) AS mean "
        f"FROM {METRICS} WHERE {where.sql} GROUP BY slot_ns, {_SERIES}) "
        "GROUP BY slot_ns, MetricName",
        where,
        step_ns=grid.step_ns,
    )


def counters_statement(grid: Grid) -> Statement:
    """Growth per second between neighbouring samples; one after a restart is left out."""
    wide = TimeRange(grid.range.start - _LOOK_BACK, grid.range.end)
    where = in_range(wide).and_(
        "ServiceName = 'host' AND MetricName IN {names:Array(String)}",
        names=sorted({name for name, _ in _COUNTERS}),
    )
    window = f"OVER (PARTITION BY {_SERIES} ORDER BY Timestamp)"
    return statement(
        "SELECT slot_ns, MetricName, direction, sum(rate) AS value FROM ("
        "SELECT slot_ns, MetricName, Attributes['direction'] AS direction, "
        "sum(growth) / sum(passed) * 1e9 AS rate FROM ("
        f"SELECT {_SLOT}, Timestamp, {_SERIES} AS host, "
        f"Value - lagInFrame(Value) {window} AS growth, "
        "toUnixTimestamp64Nano(Timestamp) - "
        f"lagInFrame(toUnixTimestamp64Nano(Timestamp)) {window} AS passed, "
        f"row_number() {window} AS position FROM {METRICS} WHERE {where.sql}) "
        "WHERE position > 1 AND growth >= 0 AND passed > 0 "
        "AND Timestamp >= fromUnixTimestamp64Nano({first_ns:Int64}, 'UTC') "
        "GROUP BY slot_ns, MetricName, Attributes, host) "
        "GROUP BY slot_ns, MetricName, direction",
        where,
        step_ns=grid.step_ns,
        first_ns=grid.range.start_ns,
    )


def processes_statement(grid: Grid) -> Statement:
    where = in_range(grid.range).and_(
        "MetricName IN {names:Array(String)} AND Attributes['insight.process'] != ''",
        names=[_CPU, _MEMORY, _DISK_READ, _DISK_WRITE],
    )
    return statement(
        f"SELECT {_SLOT}, MetricName, Attributes['insight.process'] AS process, ServiceName, "
        "avg(Value) AS value, argMax(Value, Timestamp) AS newest, "
        "toUnixTimestamp64Nano(max(Timestamp)) AS newest_ns "
        f"FROM {METRICS} WHERE {where.sql} GROUP BY slot_ns, MetricName, process, ServiceName "
        "ORDER BY process, ServiceName, slot_ns",
        where,
        step_ns=grid.step_ns,
    )


def resources(
    grid: Grid, gauges: Sequence[Row], counters: Sequence[Row], processes: Sequence[Row]
) -> ResourceSeries:
    return ResourceSeries(
        step_s=grid.step_s,
        host=HostSeries(points=_host_points(grid, gauges, counters)),
        processes=_processes(grid, processes),
    )


def _host_points(
    grid: Grid, gauges: Sequence[Row], counters: Sequence[Row]
) -> tuple[HostPoint, ...]:
    values: dict[int, dict[str, float | None]] = defaultdict(dict)
    for row in gauges:
        values[whole(row["slot_ns"])][_GAUGES[str(row["MetricName"])]] = known(row["value"])
    for row in counters:
        field = _COUNTERS.get((str(row["MetricName"]), str(row["direction"])))
        if field is not None:
            values[whole(row["slot_ns"])][field] = known(row["value"])
    nothing = dict.fromkeys((*_GAUGES.values(), *_COUNTERS.values()))
    return tuple(
        HostPoint(t=slot.start, **{**nothing, **values.get(slot.start_ns, {})})
        for slot in grid.slots()
    )


def _processes(grid: Grid, rows: Sequence[Row]) -> tuple[ProcessSeries, ...]:
    by_process: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        by_process[str(row["process"]), str(row["ServiceName"])].append(row)
    shown = list(by_process.items())[:_MOST_PROCESSES]
    return tuple(_process(grid, process, service, found) for (process, service), found in shown)


def _process(grid: Grid, process: str, service: str, rows: Sequence[Row]) -> ProcessSeries:
    by_slot: dict[str, dict[int, Row]] = defaultdict(dict)
    for row in rows:
        by_slot[str(row["MetricName"])][whole(row["slot_ns"])] = row
    cpu, memory = by_slot[_CPU], by_slot[_MEMORY]
    return ProcessSeries(
        process=process,
        service=service,
        cpu_ratio=_newest(grid, cpu),
        memory_bytes=_newest(grid, memory),
        disk_read_bytes_per_s=_newest(grid, by_slot[_DISK_READ]),
        disk_write_bytes_per_s=_newest(grid, by_slot[_DISK_WRITE]),
        points=tuple(
            ProcessPoint(
                t=slot.start,
                cpu_ratio=_value(cpu.get(slot.start_ns)),
                memory_bytes=_value(memory.get(slot.start_ns)),
            )
            for slot in grid.slots()
        ),
    )


def _value(row: Row | None) -> float | None:
    return known(row["value"]) if row else None


def _newest(grid: Grid, by_slot: Mapping[int, Row]) -> float | None:
    """A process that ended is not shown with the numbers of its last moment."""
    if not by_slot:
        return None
    row = by_slot[max(by_slot)]
    recent_s = max(_NEWEST_WITHIN_S, 2 * grid.step_s)
    is_recent = whole(row["newest_ns"]) >= grid.range.end_ns - recent_s * SECOND_NS
    return known(row["newest"]) if is_recent else None
