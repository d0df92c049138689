"""SQL of upkeep. Values stand in it as literals: it is written into the store's own journal."""

# ruff: noqa: S608  values are literals that are escaped here

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

from insightengine.telemetry.schema import names
from insightengine.telemetry.schema.layout import Layout
from insightengine.telemetry.schema.tables import INSERTED, TABLES
from insightengine.telemetry.store_query import literal
from insightengine.telemetry.upkeep.retention_plan import DeleteServices, DropDay, Step

POLICY_SQL: Final = (
    f"SELECT Signal, ServiceName, Days FROM {names.DATABASE}.{names.RETENTION} FINAL WHERE Days > 0"
)
_PARAMETER: Final = re.compile(r"\{(\w+):[^{}]*\}")
_DAYS: Final = {table.name: table.day for table in TABLES}
# The tables that a condition asks do not change while it is carried out.
_WAIT: Final = "SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1"


def stored_statement(layout: Layout) -> str:
    """What each table holds of each day; of a cluster, one replica of each shard counts."""
    return (
        "SELECT replaceRegexpOne(table, '_local$', '') AS name, partition, sum(rows), "
        f"sum(bytes_on_disk) FROM {_parts(layout)} WHERE active AND database = '{names.DATABASE}' "
        "AND match(partition, '^[0-9]{4}-') GROUP BY name, partition ORDER BY partition, name"
    )


def cooling_statement(layout: Layout) -> str:
    """The tables that move to a volume `cold`, with their policy and after how many days."""
    names_ = ", ".join(literal(layout.local(table.name).partition(".")[2]) for table in INSERTED)
    days = "extract(create_table_query, 'toIntervalDay\\\\((\\\\d+)\\\\) TO VOLUME \\'cold\\'')"
    return (
        f"SELECT replaceRegexpOne(name, '_local$', ''), storage_policy, {days} AS days "
        f"FROM system.tables WHERE database = '{names.DATABASE}' AND name IN ({names_}) "
        "AND days != '' ORDER BY name"
    )


def cold_bytes_statement(policy: str, layout: Layout) -> str:
    return (
        f"SELECT sum(bytes_on_disk) FROM {_parts(layout)} WHERE active "
        f"AND database = '{names.DATABASE}' AND disk_name IN (SELECT arrayJoin(disks) "
        f"FROM system.storage_policies WHERE policy_name = {literal(policy)} "
        "AND volume_name = 'cold')"
    )


def step_statement(step: Step, layout: Layout) -> str:
    """Repeatable: what is gone already is not missed."""
    where = f"ALTER TABLE {layout.local(step.table)}{layout.on_cluster}"
    if isinstance(step, DropDay):
        return f"{where} DROP PARTITION '{step.day.isoformat()}'"
    return f"{where} DELETE WHERE {step_condition(step)} {_WAIT}"


def step_condition(step: DeleteServices) -> str:
    services = ", ".join(map(literal, step.services)) or "''"
    inside = "NOT IN" if step.is_all_others else "IN"
    day = f"{_DAYS[step.table]} = '{step.day.isoformat()}'"
    return f"{day} AND ServiceName {inside} ({services})"


def count_statement(table: str, condition: str) -> str:
    return f"SELECT count() FROM {names.DATABASE}.{table} WHERE {condition}"


def delete_statement(table: str, condition: str, layout: Layout) -> str:
    """Rows are gone from the disk when it returns, not only hidden."""
    return f"ALTER TABLE {layout.local(table)}{layout.on_cluster} DELETE WHERE {condition} {_WAIT}"


def policy_statement(signal: str, service: str, days: int, by: str) -> str:
    """`days` 0 takes the entry back."""
    values = f"{literal(signal)}, {literal(service)}, {days:d}, now64(6), {literal(by)}"
    return f"INSERT INTO {names.DATABASE}.{names.RETENTION} VALUES ({values})"


def _parts(layout: Layout) -> str:
    return f"cluster({literal(layout.cluster)}, system.parts)" if layout.cluster else "system.parts"


def inlined(sql: str, parameters: Mapping[str, object]) -> str:
    """The SQL with its `{name:Type}` replaced by literals."""
    return _PARAMETER.sub(lambda match: value(parameters[match[1]]), sql)


def value(given: object) -> str:
    if isinstance(given, bool | int | float):
        return repr(given) if not isinstance(given, bool) else str(int(given))
    if isinstance(given, list | tuple):
        return f"[{', '.join(map(value, given))}]"
    if isinstance(given, date):
        return f"'{given.isoformat()}'"
    return literal(str(given))
