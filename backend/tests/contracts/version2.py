"""What makes a new store one of schema version 2, as it was before the version after it."""

from __future__ import annotations

from insightengine.telemetry.schema.inserted import VALUE_INDEXES
from insightengine.telemetry.schema.views import VIEWS

_DATABASE = "insight"
_CHANGED = ("trace_index_from", "traces_from", "series_from")
_VIEWS = (
    """trace_index_from TO insight.trace_index AS SELECT TraceId, min(Timestamp) AS Start,
    max(addNanoseconds(Timestamp, DurationNs)) AS End FROM insight.spans WHERE TraceId != ''
    GROUP BY TraceId""",
    """traces_from TO insight.traces AS SELECT toStartOfFiveMinutes(min(Timestamp)) AS Slot,
    TraceId, min(Timestamp) AS Start, max(addNanoseconds(Timestamp, DurationNs)) AS End,
    min((toUInt8(ParentSpanId != ''), Timestamp, toString(ServiceName), toString(SpanName)))
    AS Root,
    groupUniqArray(toString(ServiceName)) AS Services, count() AS Spans,
    countIf(StatusCode = 'error') AS Errors,
    max(ResourceAttributes['service.namespace'] = 'insightengine') AS IsOwn
    FROM insight.spans WHERE TraceId != '' GROUP BY TraceId""",
    """series_from TO insight.series AS SELECT toDate(Timestamp) AS Day, MetricName, ServiceName,
    SeriesId, any(MetricType) AS MetricType, any(MetricUnit) AS MetricUnit,
    any(MetricDescription) AS MetricDescription, any(Temporality) AS Temporality,
    any(IsMonotonic) AS IsMonotonic, any(Attributes) AS Attributes,
    any(ResourceAttributes) AS ResourceAttributes, min(Timestamp) AS First, max(Timestamp) AS Last
    FROM insight.metrics GROUP BY Day, MetricName, ServiceName, SeriesId""",
)


def statements() -> list[str]:
    """For a store without records."""
    dropped = (*_CHANGED, *(view.name for view in VIEWS if view.target == "log_patterns"))
    return [
        *(f"DROP VIEW {_DATABASE}.{name} SYNC" for name in dropped),
        f"DROP TABLE {_DATABASE}.log_patterns SYNC",
        *(
            f"ALTER TABLE {_DATABASE}.{table} DROP INDEX {index}"
            for table in ("logs", "spans")
            for index in VALUE_INDEXES
        ),
        *(
            f"ALTER TABLE {_DATABASE}.{table} RESET SETTING min_compress_block_size"
            for table in ("logs", "spans", "trace_index")
        ),
        *(
            f"ALTER TABLE {_DATABASE}.{table} RESET SETTING min_bytes_for_wide_part"
            for table in ("logs", "spans", "metrics")
        ),
        *(f"CREATE MATERIALIZED VIEW {_DATABASE}.{view}" for view in _VIEWS),
        f"TRUNCATE TABLE {_DATABASE}.schema_migrations",
        f"INSERT INTO {_DATABASE}.schema_migrations (Version) VALUES (1), (2)",
    ]
