"""Asks the store what helps to search, and what is neither a log nor one trace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

from insightengine.core.errors import InvalidInputError, NotFoundError
from insightengine.core.time import TimeRange, from_ns
from insightengine.telemetry import metric_models, search_models
from insightengine.telemetry.models import LogEntry, SortOrder
from insightengine.telemetry.query import (
    builder,
    completion,
    exceptions,
    facets,
    flame,
    logs,
    metrics,
    patterns,
    traces,
)
from insightengine.telemetry.query.asker import Asker
from insightengine.telemetry.query.cursors import LogCursor
from insightengine.telemetry.query.filters import LogFilter, TraceFilter, normal_trace_id
from insightengine.telemetry.query.ranges import grid_over
from insightengine.telemetry.query.statement import Row
from insightengine.telemetry.query.trace import bounds_statement
from insightengine.telemetry.search_models import Signals

_COMPLETED_OVER: Final = timedelta(hours=24)
_CONTEXT_WITHIN: Final = timedelta(hours=1)
_LATEST_ENTRY: Final = timedelta(seconds=30)  # how much later than it happened one may be stored
_MOST_LIVE: Final = 200
_NEWEST_FIGURES: Final = timedelta(minutes=5)


class SearchQueries:
    """Bounded like TelemetryQueries, with the same errors."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def facets(self, asked: TimeRange, wanted: LogFilter) -> search_models.FacetList:
        rows = await self._asker.rows(facets.statement_of(asked, wanted), asked)
        sampled = None if facets.is_counted(asked, wanted) else facets.SAMPLE
        return facets.facets(rows, sampled)

    async def trace_facets(self, asked: TimeRange, wanted: TraceFilter) -> search_models.FacetList:
        """Of all traces that fit, or of the newest thousand."""
        found = await self._newest(asked, wanted, facets.TRACE_SAMPLE)
        if not found:
            return facets.facets([], None)
        rows = await self._asker.rows(facets.trace_statement(found, wanted), asked)
        return facets.facets(rows, len(found) if len(found) >= facets.TRACE_SAMPLE else None)

    async def patterns(self, asked: TimeRange, wanted: LogFilter) -> search_models.LogPatternList:
        rows = await self._asker.rows(patterns.statement_of(asked, wanted), asked)
        sampled = None if patterns.is_counted(asked, wanted) else facets.SAMPLE
        return patterns.patterns(rows, sampled)

    async def completions(
        self, signals: Signals, q: str, position: int | None
    ) -> search_models.CompletionList:
        """What may stand at `position`, which is the end when absent; of the last 24 hours."""
        at = len(q) if position is None else min(position, len(q))
        typed = completion.typed_at(q, at)
        if typed is None:
            return search_models.CompletionList(start=at, end=at, items=())
        now = self._asker.now()
        wanted = completion.statement_of(signals, typed, TimeRange(now - _COMPLETED_OVER, now))
        rows = await self._asker.rows(wanted) if wanted else []
        found = completion.completions(typed, completion.fixed(signals, typed), rows)
        return search_models.CompletionList(start=typed.start, end=typed.end, items=found)

    async def context(
        self, entry_id: str, wanted: LogFilter, count: int
    ) -> search_models.LogContext:
        """Up to `count` entries just before and just after one, of those that fit."""
        at_ns, digest = logs.position_of(entry_id)
        at = from_ns(at_ns)

        async def beside(order: SortOrder) -> list[LogEntry]:
            later = order is SortOrder.ASCENDING
            start, end = (at, at + _CONTEXT_WITHIN) if later else (at - _CONTEXT_WITHIN, at)
            asked = TimeRange(start, end + timedelta(microseconds=1))
            cursor = LogCursor(asked.start_ns, asked.end_ns, at_ns, digest, 0)
            page = logs.page_statement(asked, wanted, cursor, order, count + 1)
            found = logs.page(asked, cursor, count + 1, await self._asker.rows(page)).items
            return [entry for entry in found if entry.id != entry_id][:count]

        before, after = await asyncio.gather(
            beside(SortOrder.DESCENDING), beside(SortOrder.ASCENDING)
        )
        return search_models.LogContext(before=tuple(reversed(before)), after=tuple(after))

    async def tail(
        self, wanted: LogFilter, *, poll_s: float = 1.0
    ) -> AsyncIterator[search_models.LogTail]:
        """New entries as they are stored, for ever; an empty part is news, too: nothing arrived.

        Entries are looked for again for 30 s, since one may be stored later than another that
        happened after it; each is given once.
        """
        begun = self._asker.now() - timedelta(seconds=2)
        given: dict[str, LogEntry] = {}
        while True:
            now = self._asker.now()
            asked = TimeRange(max(begun, now - _LATEST_ENTRY), now + timedelta(seconds=5))
            wanted_page = logs.page_statement(asked, wanted, None, SortOrder.DESCENDING, _MOST_LIVE)
            page = logs.page(asked, None, _MOST_LIVE, await self._asker.rows(wanted_page))
            new = [entry for entry in page.items if entry.id not in given]
            skipped = page.next_cursor is not None and len(new) == len(page.items)
            given = {key: entry for key, entry in given.items() if entry.timestamp >= asked.start}
            given.update((entry.id, entry) for entry in new)
            yield search_models.LogTail(items=tuple(reversed(new)), skipped=skipped)
            await asyncio.sleep(poll_s)

    async def exceptions(
        self, asked: TimeRange, service: str | None
    ) -> search_models.ErrorGroupList:
        wanted = exceptions.groups_statement(asked, service, None)
        return exceptions.group_list(await self._asker.rows(wanted, asked))

    async def exception(
        self, asked: TimeRange, group_id: str, step_s: int | None
    ) -> search_models.ExceptionDetail:
        """Raises NotFoundError for a group without an occurrence in the range."""
        grid = grid_over(asked, step_s)
        groups, counts, found = await asyncio.gather(
            self._asker.rows(exceptions.groups_statement(asked, None, group_id), asked),
            self._asker.rows(exceptions.counts_statement(grid, group_id), asked),
            self._asker.rows(exceptions.occurrences_statement(asked, group_id), asked),
        )
        if not groups:
            raise NotFoundError(
                f"exception group {group_id[:64]} has no occurrence in this range",
                code="exception_not_found",
                hint="ask for a longer range",
            )
        return exceptions.detail(grid, groups[0], counts, found)

    async def flame_graph(
        self, asked: TimeRange, wanted: TraceFilter, trace_id: str | None
    ) -> search_models.FlameGraph:
        """Of one trace, or of the newest hundred that fit."""
        found = await self._flamed(asked, wanted, trace_id)
        if not found:
            return search_models.FlameGraph(traces=0, spans=0, truncated=False, roots=())
        spans = await self._asker.rows(flame.spans_statement(found))
        return flame.flame_graph(len(found), spans)

    async def _flamed(
        self, asked: TimeRange, wanted: TraceFilter, trace_id: str | None
    ) -> list[Row]:
        if trace_id is not None:
            normal = normal_trace_id(trace_id)
            rows = await self._asker.rows(bounds_statement(normal))
            return [{**row, "TraceId": normal} for row in rows]
        return await self._newest(asked, wanted, flame.MOST_TRACES)

    async def _newest(self, asked: TimeRange, wanted: TraceFilter, most: int) -> list[Row]:
        """The newest traces that fit, as the list has them."""
        found: list[Row] = []
        for window in traces.windows(asked, None):
            page = traces.page_statement(window, wanted, None, most - len(found))
            found += await self._asker.rows(page, asked)
            if len(found) >= most:
                break
        return found


class MetricQueries:
    """Metrics, hosts and processes. Bounded like TelemetryQueries, with the same errors."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def names(
        self, asked: TimeRange, contains: str | None, service: str | None
    ) -> metric_models.MetricList:
        wanted = metrics.names_statement(asked, contains, service)
        return metrics.metric_list(await self._asker.rows(wanted))

    async def labels(self, asked: TimeRange, name: str) -> metric_models.LabelList:
        return metrics.label_list(await self._asker.rows(metrics.labels_statement(asked, name)))

    async def query(
        self, asked: TimeRange, wanted: builder.MetricQuery, step_s: int | None
    ) -> metric_models.MetricResult:
        """Raises NotFoundError for a metric that nobody sent in the days of the range."""
        grid = grid_over(asked, step_s, at_least_s=10)
        rows = await self._asker.rows(builder.described_statement(asked, wanted.name))
        if not rows:
            raise NotFoundError(
                f"no metric {wanted.name[:100]!r} was sent in this range",
                code="metric_not_found",
                hint="GET /telemetry/metrics lists those that were",
            )
        known_as = builder.described(rows[0])
        if len(wanted.group_by) > 5:
            raise InvalidInputError("at most 5 labels can be grouped by at once")
        points = await self._asker.rows(
            builder.points_statement(grid, wanted, known_as), grid.range
        )
        return builder.result(grid, wanted, known_as, points)

    async def hosts(self, asked: TimeRange) -> metric_models.HostList:
        hosts, newest = await asyncio.gather(
            self._asker.rows(metrics.hosts_statement(asked)),
            self._asker.rows(metrics.newest_statement(_end_of(asked))),
        )
        return metrics.host_list(hosts, newest)

    async def processes(self, asked: TimeRange, host: str | None) -> metric_models.HostProcessList:
        wanted = metrics.processes_statement(_end_of(asked), host)
        return metrics.process_list(await self._asker.rows(wanted))


def _end_of(asked: TimeRange) -> TimeRange:
    return TimeRange(max(asked.start, asked.end - _NEWEST_FIGURES), asked.end)
