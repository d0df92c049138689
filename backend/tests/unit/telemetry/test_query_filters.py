from __future__ import annotations

from datetime import UTC, datetime, timedelta

from insightengine.core.time import TimeRange
from insightengine.telemetry.models import Scope
from insightengine.telemetry.query import TraceFilter, log_filter
from insightengine.telemetry.query.filters import logs_where
from insightengine.telemetry.query.traces import page_statement
from insightengine.telemetry.schema.inserted import OWN_LOG

END = datetime(2026, 1, 1, tzinfo=UTC)
RANGE = TimeRange(END - timedelta(minutes=15), END)


def test_lines_of_the_platform_are_left_out() -> None:
    assert "NOT IsOwn" in logs_where(RANGE, log_filter(scope=Scope.APPLICATION)).sql
    assert "IsOwn" not in logs_where(RANGE, log_filter()).sql


def test_lines_of_the_edge_for_an_application_are_not_the_platforms() -> None:
    assert "NOT (ServiceName = 'edge' AND LogAttributes['site'] NOT IN (" in OWN_LOG
    assert "NOT IN ('', 'console', 'otlp')" in OWN_LOG


def test_traces_of_the_platform_are_left_out() -> None:
    sql = page_statement(RANGE, TraceFilter(scope=Scope.APPLICATION), None, 10).sql
    assert "NOT is_own" in sql


def test_traces_of_failed_requests_are_those_that_the_edge_answered_so() -> None:
    asked = page_statement(RANGE, TraceFilter(status_min=500), None, 10)
    assert "SELECT TraceId FROM edge_requests" in asked.sql.replace("insight.", "")
    assert asked.parameters["status_min"] == 500


def test_everything_is_everything() -> None:
    assert "insightengine" not in logs_where(RANGE, log_filter()).sql
    assert "NOT is_own" not in page_statement(RANGE, TraceFilter(), None, 10).sql
