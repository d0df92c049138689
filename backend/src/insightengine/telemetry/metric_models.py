"""What the routes for metrics, infrastructure and SQL answer."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from insightengine.telemetry.models import Model, Ratio


class Metric(Model):
    name: str
    type: str
    unit: str
    description: str
    services: tuple[str, ...]
    series: int
    last_seen: datetime


class MetricList(Model):
    items: tuple[Metric, ...]


class LabelValue(Model):
    value: str
    series: int


class Label(Model):
    key: str
    values: tuple[LabelValue, ...]


class LabelList(Model):
    items: tuple[Label, ...]


class Aggregate(StrEnum):
    """How series are joined. Percentiles are of a histogram, or else of the series' values."""

    AVG = "avg"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    COUNT = "count"
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"

    @property
    def quantile(self) -> float | None:
        return int(self.value[1:]) / 100 if self.value.startswith("p") else None


class MetricPoint(Model):
    """`value` is null in a slot without any sample."""

    t: datetime
    value: float | None


class MetricSeries(Model):
    """`labels` are those that were grouped by."""

    labels: dict[str, str]
    points: tuple[MetricPoint, ...]


class MetricResult(Model):
    """`truncated` says that there are more groups than are shown."""

    name: str
    unit: str
    type: str
    step_s: int
    series: tuple[MetricSeries, ...]
    truncated: bool


class Host(Model):
    """The newest figures of a host within the range; null where it sent none."""

    host: str
    first_seen: datetime
    last_seen: datetime
    cpu_ratio: Ratio | None
    memory_bytes: float | None
    memory_limit_bytes: float | None
    filesystem_bytes: float | None
    filesystem_limit_bytes: float | None
    services: tuple[str, ...]


class HostList(Model):
    items: tuple[Host, ...]


class HostProcess(Model):
    host: str
    process: str
    service: str
    cpu_ratio: Ratio | None
    memory_bytes: float | None
    last_seen: datetime


class HostProcessList(Model):
    items: tuple[HostProcess, ...]


class SqlColumn(Model):
    name: str
    type: str


class SqlResult(Model):
    """Values as JSON has them; what JSON lacks as text. `truncated`: there are more rows."""

    columns: tuple[SqlColumn, ...]
    rows: tuple[tuple[object, ...], ...]
    truncated: bool
    took_ms: float
