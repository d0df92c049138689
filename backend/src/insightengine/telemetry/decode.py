"""SQL with which ClickHouse itself decodes a spool segment; no record passes through Python.

One INSERT makes one block: all of a segment's rows or none of them get into a partition, and the
deduplication token then makes a repeated insert harmless. Attribute values become text: numbers and
booleans as written, bytes as base64, a list or map as JSON; `ValueTypes` keeps what they were. A
value nested deeper than one list or map ends the query with NESTED_CODE; `flatten` turns such
values into JSON text in the segment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from insightengine.telemetry.decoding.columns import COLUMNS, PATHS, Columns, entries
from insightengine.telemetry.decoding.metrics import METRIC_COLUMNS, points
from insightengine.telemetry.decoding.structures import STRUCTURES
from insightengine.telemetry.decoding.values import NESTED_CODE
from insightengine.telemetry.port import Signal
from insightengine.telemetry.schema import DATABASE, LOGS, METRICS, SPANS

__all__ = ["NESTED_CODE", "SCHEMA_FILE", "TABLES", "insert_statement", "sent_insert_statement"]

SCHEMA_FILE: Final = Path(__file__).with_name("proto") / "segment.proto"
TABLES: Final = {Signal.TRACES: SPANS, Signal.METRICS: METRICS, Signal.LOGS: LOGS}

# One block an insert (no limit that would cut it), in the order of the file, from one thread; what
# only odd records need (`Exact`) is made for those alone.
_SETTINGS = (
    "max_threads = 1, max_insert_threads = 1, max_block_size = 65536, "
    "max_insert_block_size = 1000000000, min_insert_block_size_rows = 1000000000, "
    "min_insert_block_size_bytes = 0, max_partitions_per_insert_block = 0, "
    "insert_deduplicate = 1, deduplicate_blocks_in_dependent_materialized_views = 1, "
    "query_plan_enable_optimizations = 0, input_format_protobuf_oneof_presence = 1, "
    "output_format_json_escape_forward_slashes = 0, "
    "short_circuit_function_evaluation = 'force_enable'"
)

# What a view that fails does not get, it lacks; the table and the other views have it.
VIEWS_MAY_FAIL: Final = "materialized_views_ignore_errors"


def columns_of(signal: Signal) -> Columns:
    """Names of the columns that are inserted, and what they are made of."""
    return METRIC_COLUMNS if signal is Signal.METRICS else COLUMNS[signal]


def insert_statement(
    signal: Signal, segment: Path, token: str, columns: Columns | None = None
) -> str:
    """Decodes and inserts a whole segment. Repeating it with the same token changes nothing.

    `columns` are those of an older table.
    """
    source = f"file({_quoted(str(segment))}, 'Protobuf', {_quoted(STRUCTURES[signal])})"
    schema = f"format_schema = {_quoted(f'{SCHEMA_FILE}:{_message(signal)}')}"
    selected = _select(signal, source, columns or columns_of(signal))
    return _insert(f"{DATABASE}.{TABLES[signal]}", selected, schema, token)


def sent_insert_statement(signal: Signal, table: str, token: str) -> str:
    """The same for a server that gets the segment as the body of the request."""
    schema = (
        "format_schema_source = 'string', "
        f"format_schema_message_name = {_quoted(_message(signal))}, "
        f"format_schema = {_quoted(SCHEMA_FILE.read_text(encoding='utf-8'))}"
    )
    selected = _select(signal, f"input({_quoted(STRUCTURES[signal])})", columns_of(signal))
    return f"{_insert(table, selected, schema, token)}\nFORMAT Protobuf"


def _message(signal: Signal) -> str:
    return f"{signal.value.title()}Record"


def _select(signal: Signal, source: str, columns: Columns) -> str:
    is_metrics = signal is Signal.METRICS
    rows = points(source) if is_metrics else entries(source, *PATHS[signal])
    names = ", ".join(f"`{name}`" for name in columns)
    return f"({names}) SELECT {', '.join(columns.values())}{rows}"


def _insert(table: str, selected: str, schema: str, token: str) -> str:
    return (
        f"INSERT INTO {table} {selected}\n"
        f"SETTINGS {schema}, insert_deduplication_token = {_quoted(token)}, {_SETTINGS}"
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
