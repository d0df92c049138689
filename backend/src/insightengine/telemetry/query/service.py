"""Asks the store what the other modules of this package decide to ask."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from insightengine.core.errors import NotFoundError
from insightengine.core.time import TimeRange
from insightengine.telemetry import models
from insightengine.telemetry.query import comparison, logs, requests, resources, trace, traces
from insightengine.telemetry.query.asker import Asker
from insightengine.telemetry.query.cursors import decode_log_cursor, decode_trace_cursor
from insightengine.telemetry.query.filters import LogFilter, TraceFilter, normal_trace_id
from insightengine.telemetry.query.ranges import before, grid_over, settled
from insightengine.telemetry.query.statement import Row, whole


class TelemetryQueries:
    """Every answer is bounded in time, rows and duration.

    Raises the errors of `TelemetryStore.query`, and InvalidInputError for what cannot be asked.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._now = asker.now

    async def overview(self, asked: TimeRange, *, service: str | None = None) -> models.Overview:
        """Totals of one service or of all; the list of services is always whole."""
        asked = settled(asked, self._now())
        now, earlier, services = await asyncio.gather(
            self._asker.rows(requests.totals_statement(asked, service), asked),
            self._asker.rows(requests.totals_statement(before(asked), service), asked),
            self._asker.rows(requests.services_statement(asked), asked),
        )
        return requests.overview(asked, now, earlier, services)

    async def requests(
        self,
        asked: TimeRange,
        *,
        step_s: int | None = None,
        service: str | None = None,
        route: str | None = None,
    ) -> models.RequestSeries:
        grid = grid_over(settled(asked, self._now()), step_s)
        return requests.series(
            grid,
            await self._asker.rows(requests.series_statement(grid, service, route), grid.range),
        )

    async def routes(self, asked: TimeRange, *, service: str | None = None) -> models.RouteList:
        asked = settled(asked, self._now())
        return requests.routes(
            asked, await self._asker.rows(requests.routes_statement(asked, service), asked)
        )

    async def releases(self, asked: TimeRange, releases: Sequence[str]) -> models.ReleaseComparison:
        grid = grid_over(settled(asked, self._now()), None)
        rows = await self._asker.rows(comparison.comparison_statement(grid, releases), grid.range)
        return comparison.comparison(grid, releases, rows)

    async def resources(
        self, asked: TimeRange, *, step_s: int | None = None
    ) -> models.ResourceSeries:
        grid = grid_over(settled(asked, self._now()), step_s, at_least_s=resources.SHORTEST_STEP_S)
        gauges, counters, processes = await asyncio.gather(
            self._asker.rows(resources.gauges_statement(grid), grid.range),
            self._asker.rows(resources.counters_statement(grid), grid.range),
            self._asker.rows(resources.processes_statement(grid), grid.range),
        )
        return resources.resources(grid, gauges, counters, processes)

    async def logs(
        self,
        asked: TimeRange,
        wanted: LogFilter,
        *,
        cursor: str | None = None,
        limit: int = 100,
        order: models.SortOrder = models.SortOrder.DESCENDING,
    ) -> models.LogPage:
        at = decode_log_cursor(cursor) if cursor else None
        asked = at.range if at else asked
        rows = await self._asker.rows(logs.page_statement(asked, wanted, at, order, limit), asked)
        return logs.page(asked, at, limit, rows)

    async def log_histogram(
        self, asked: TimeRange, wanted: LogFilter, *, step_s: int | None = None
    ) -> models.LogHistogram:
        grid = grid_over(asked, step_s)
        return logs.histogram(
            grid, await self._asker.rows(logs.histogram_statement(grid, wanted), grid.range)
        )

    async def traces(
        self,
        asked: TimeRange,
        wanted: TraceFilter,
        *,
        cursor: str | None = None,
        limit: int = 100,
    ) -> models.TracePage:
        at = decode_trace_cursor(cursor) if cursor else None
        asked = at.range if at else asked
        found: list[Row] = []
        for window in traces.windows(asked, at):
            left = limit + 1 - len(found)
            found += await self._asker.rows(traces.page_statement(window, wanted, at, left), asked)
            if len(found) > limit:
                break
        return traces.page(asked, limit, found)

    async def trace(self, trace_id: str) -> models.TraceDetail:
        """Raises NotFoundError when neither a span nor a request of it is known."""
        wanted = normal_trace_id(trace_id)
        edge, spans = await asyncio.gather(
            self._asker.rows(trace.edge_statement(wanted)),
            self._asker.rows(trace.spans_statement(wanted)),
        )
        if not spans:
            until = self._now() + trace.AROUND
            edge = await self._asker.rows(trace.edge_until_statement(wanted, until))
        found = trace.detail(wanted, spans, edge, await self._total(wanted, spans))
        if found is None:
            raise NotFoundError(
                f"trace {wanted} is not in the telemetry store",
                code="trace_not_found",
                hint="it may be older than the retention, or its spans are still on their way",
            )
        return found

    async def _total(self, trace_id: str, spans: Sequence[Row]) -> int | None:
        """Counted only where there are more than are read."""
        if len(spans) <= trace.MOST_SPANS:
            return None
        rows = await self._asker.rows(trace.count_statement(trace_id))
        return whole(rows[0]["spans"])

    async def services(self) -> models.ServiceList:
        """Services that sent logs or spans within the last 24 hours."""
        now = self._now()
        recent = TimeRange(now - traces.SERVICES_SEEN_WITHIN, now)
        return traces.services(await self._asker.rows(traces.services_statement(recent)))
