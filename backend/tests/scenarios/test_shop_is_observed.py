"""The shop's real requests are seen: at the edge, in its traces, in its logs, on the host."""

from __future__ import annotations

import httpx

from tests.scenarios.platform import Platform, eventually


def test_requests_of_visitors_become_numbers_within_a_minute(demo: Platform) -> None:
    def requests_seen() -> int:
        rows = demo.sql("SELECT count() AS n FROM edge_requests WHERE Site = 'web'")
        return int(rows[0]["n"])

    eventually(lambda: requests_seen() > 20, 60, "visitors' requests are in edge_requests")


def test_one_trace_joins_the_edge_the_shop_and_its_logs(demo: Platform) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = httpx.get(
        demo.shop, headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}, timeout=5
    )
    assert answer.status_code == 200

    def seen(table: str) -> bool:
        where = f"TraceId = '{trace_id}'"
        return int(demo.sql(f"SELECT count() AS n FROM {table} WHERE {where}")[0]["n"]) > 0

    for table in ("edge_requests", "spans", "logs"):
        eventually(lambda table=table: seen(table), 20, f"the trace is in {table}")  # type: ignore[misc]


def test_host_and_process_metrics_are_stored(demo: Platform) -> None:
    wanted = {"system.cpu.utilization", "system.memory.usage", "process.memory.usage"}

    def names() -> set[str]:
        rows = demo.sql("SELECT DISTINCT MetricName FROM metrics")
        return {row["MetricName"] for row in rows}

    eventually(lambda: wanted <= names(), 30, "host and process metrics")


def test_the_output_of_every_process_is_collected(demo: Platform) -> None:
    def services() -> set[str]:
        return {r["ServiceName"] for r in demo.sql("SELECT DISTINCT ServiceName FROM logs")}

    eventually(lambda: {"web", "postgres", "edge"} <= services(), 30, "logs of each service")
