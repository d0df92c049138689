"""Deletion of the records that a search finds, such as those of one person, as a job with a result.

Of logs, the entries that fit. Of traces, whole traces with a span that fits: the spans below one
carry what belongs to it. What was derived of them goes first, while they can still be found by
their own records; so a job that was killed is simply run again.
"""

# ruff: noqa: S608  values are literals that `statements` escapes

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog

from insightengine.core.errors import InvalidInputError
from insightengine.core.time import TimeRange
from insightengine.telemetry.query.filters import in_range
from insightengine.telemetry.query.language import parse
from insightengine.telemetry.query.language.sql import condition
from insightengine.telemetry.query.language.vocabulary import LOG_WORDS, SPAN_WORDS
from insightengine.telemetry.schema import names
from insightengine.telemetry.schema.layout import Layout
from insightengine.telemetry.schema.views import VIEWS
from insightengine.telemetry.store_query import StoreQueryError, literal
from insightengine.telemetry.upkeep.arrivals import Arrivals
from insightengine.telemetry.upkeep.retention import Executor
from insightengine.telemetry.upkeep.statements import (
    count_statement,
    delete_statement,
    inlined,
    value,
)

_log = structlog.get_logger("telemetry.deletion")
_SETTLED: Final = timedelta(hours=1)  # later slots still grow, and are not counted again
_BY_SLOT: Final = (names.LOG_FACETS, names.LOG_PATTERNS)  # hold texts, by quarter hour and service
_IDS_AT_ONCE: Final = 20_000
_TRACE_TABLES: Final = (names.EXCEPTIONS, names.TRACES, names.TRACE_INDEX, names.SPANS)
_COLUMNS: Final = (
    "Id, Version, toUnixTimestamp64Micro(RequestedAt), RequestedBy, Filter, "
    "toUnixTimestamp64Micro(Start), toUnixTimestamp64Micro(End), State, Detail, "
    "toJSONString(Deleted)"
)


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Deletion:
    """`deleted` counts rows by table. `filter` holds the searches over logs and spans as JSON."""

    id: str
    version: int
    requested_at: datetime
    requested_by: str
    filter: Mapping[str, str]
    range: TimeRange
    state: State
    detail: str = ""
    deleted: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """Of the job that runs: `table` is that of `step`, `rows` went in the steps before it."""

    step: int
    steps: int
    table: str
    rows: int


class Deletions:
    """Jobs, one at a time. One thread carries them out, others may ask at any time."""

    def __init__(
        self,
        executor: Executor,
        *,
        arrivals: Arrivals | None = None,
        layout: Layout | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._executor = executor
        self._arrivals = arrivals or Arrivals(frozenset)
        self._layout = layout or Layout()
        self._now = now
        self._progress: tuple[str, Progress] | None = None
        self._awaited: tuple[str, int] | None = None

    def count(self, filter_: Mapping[str, str], asked: TimeRange) -> Mapping[str, int]:
        """What a deletion would take. Raises InvalidInputError for a search that finds all."""
        counts: dict[str, int] = {}
        for signal, search in checked(filter_).items():
            for table, where in targets(signal, search, asked):
                (rows,) = self._executor.lines(count_statement(table, where))
                counts[table] = counts.get(table, 0) + int(rows)
        return counts

    def request(self, filter_: Mapping[str, str], asked: TimeRange, by: str) -> Deletion:
        """Written down; `run_next` carries it out."""
        made = Deletion(
            id=uuid.uuid4().hex,
            version=1,
            requested_at=self._now(),
            requested_by=by,
            filter=checked(filter_),
            range=asked,
            state=State.QUEUED,
        )
        self._arrivals.see(made.id)
        self._write(made)
        return made

    @property
    def is_waiting(self) -> bool:
        """Whether the next job only waits for records that are on their way into the store."""
        return self._awaited is not None

    def progress_of(self, job: str) -> Progress | None:
        """None for a job that does not run."""
        now = self._progress
        return now[1] if now is not None and now[0] == job else None

    def awaited_by(self, job: str) -> int | None:
        """How many segments of the spool it waits for; None for a job that waits for none."""
        now = self._awaited
        return now[1] if now is not None and now[0] == job else None

    def newest(self, most: int = 100) -> list[Deletion]:
        """The newest first."""
        sql = (
            f"SELECT {_COLUMNS} FROM {names.DATABASE}.{names.DELETIONS} FINAL "
            f"ORDER BY RequestedAt DESC LIMIT {most:d} FORMAT JSONCompactEachRow"
        )
        return [_deletion(json.loads(line)) for line in self._executor.lines(sql)]

    def run_next(self) -> bool:
        """Carries out the oldest that is not done, also one that was killed.

        False for none, and while what was received before it is not stored yet.
        """
        open_ = [one for one in self.newest() if one.state in (State.QUEUED, State.RUNNING)]
        self._awaited = None
        if not open_:
            return False
        job = open_[-1]
        awaited = self._arrivals.awaited(job.id)
        if awaited.holds_up:
            self._awaited = (job.id, awaited.segments)
            return False
        if job.state is State.QUEUED:
            job = self._now_is(job, State.RUNNING)
        self._finish(job, awaited.segments)
        self._arrivals.forget(job.id)
        return True

    def _finish(self, job: Deletion, left_waiting: int) -> None:
        try:
            deleted = self._carry_out(job)
        except (StoreQueryError, InvalidInputError) as error:
            self._now_is(job, State.FAILED, detail=str(error)[:2000])
            _log.error("deletion failed", id=job.id, error=str(error)[:500])
            return
        finally:
            self._progress = None
        self._now_is(job, State.DONE, detail=_missed(left_waiting), deleted=deleted)
        _log.info("records deleted", id=job.id, deleted=dict(deleted), not_stored=left_waiting)

    def repeat(self) -> None:
        """Those that are done are queued again: records of before may have come back."""
        for one in self.newest():
            if one.state is State.DONE:
                self._now_is(one, State.QUEUED)

    def _carry_out(self, job: Deletion) -> Mapping[str, int]:
        deleted: dict[str, int] = {}
        targets_of = {
            signal: list(self._targets(signal, search, job.range))
            for signal, search in job.filter.items()
        }
        steps, step = sum(map(len, targets_of.values())), 0
        for signal, search in job.filter.items():
            slots = self._slots(search, job.range) if signal == "logs" else []
            for table, where in targets_of[signal]:
                step += 1
                rows = sum(deleted.values())
                self._progress = (job.id, Progress(step, steps, table, rows))
                deleted[table] = deleted.get(table, 0) + self._delete(table, where)
            self._count_again(slots)
        return deleted

    def _targets(self, signal: str, search: str, asked: TimeRange) -> Iterator[tuple[str, str]]:
        """Of traces by their ids: a search could not find the rest of a half-deleted trace."""
        if signal == "logs":
            yield from targets(signal, search, asked)
            return
        sql = f"SELECT DISTINCT TraceId FROM {names.DATABASE}.{names.SPANS} WHERE "
        ids = self._executor.lines(sql + _where(search, signal, asked))
        for first in range(0, len(ids), _IDS_AT_ONCE):
            chosen = f"TraceId IN ({', '.join(map(literal, ids[first : first + _IDS_AT_ONCE]))})"
            yield from ((table, chosen) for table in _TRACE_TABLES)

    def _delete(self, table: str, where: str) -> int:
        (rows,) = self._executor.lines(count_statement(table, where))
        if not int(rows):
            return 0
        self._executor.execute(delete_statement(table, where, self._layout))
        (left,) = self._executor.lines(count_statement(table, where))
        if int(left) and table not in _BY_SLOT:  # what arrives now is counted, too
            raise StoreQueryError(0, f"{left} rows of {table} are still there after the deletion")
        return int(rows)

    def _slots(self, search: str, asked: TimeRange) -> list[tuple[str, str]]:
        """Quarter hours and services whose facets and patterns lose entries, as literals."""
        where = _where(search, "logs", asked)
        settled = value((self._now() - _SETTLED).strftime("%Y-%m-%d %H:%M:%S"))
        sql = (
            "SELECT DISTINCT toString(toStartOfFifteenMinutes(Timestamp)), ServiceName "
            f"FROM {names.DATABASE}.{names.LOGS} WHERE {where} AND Timestamp < {settled}"
        )
        pairs = (line.split("\t", 1) for line in self._executor.lines(sql))
        return [(slot, service) for slot, service in pairs]

    def _count_again(self, slots: list[tuple[str, str]]) -> None:
        views = [view for view in VIEWS if view.target in _BY_SLOT]
        for slot, service in slots:
            alike = (
                f"toStartOfFifteenMinutes(Timestamp) = {literal(slot)} "
                f"AND ServiceName = {literal(service)}"
            )
            for view in views:
                narrowed = replace(view, where=alike)
                self._executor.execute(self._layout.backfill_statement(narrowed, slot[:10]))

    def _now_is(
        self,
        job: Deletion,
        state: State,
        *,
        detail: str = "",
        deleted: Mapping[str, int] | None = None,
    ) -> Deletion:
        changed = replace(
            job,
            version=job.version + 1,
            state=state,
            detail=detail,
            deleted=job.deleted if deleted is None else deleted,
        )
        self._write(changed)
        return changed

    def _write(self, job: Deletion) -> None:
        counts = ", ".join(f"{literal(name)}, {n:d}" for name, n in job.deleted.items())
        row = (
            *(literal(job.id), f"{job.version:d}", "now64(6)", _moment(job.requested_at)),
            *(literal(job.requested_by), literal(json.dumps(dict(job.filter)))),
            *(_moment(job.range.start), _moment(job.range.end), literal(job.state.value)),
            *(literal(job.detail), f"map({counts})"),
        )
        self._executor.execute(
            f"INSERT INTO {names.DATABASE}.{names.DELETIONS} SELECT {', '.join(row)}"
        )


def _missed(segments: int) -> str:
    if not segments:
        return ""
    return (
        f"{segments} segments of the spool were still not stored when it ran: delete again once "
        "they are, or what they hold stays"
    )


def checked(filter_: Mapping[str, str]) -> dict[str, str]:
    """Searches by `logs` and `traces`. Raises InvalidInputError for one that would find all."""
    given = {signal: search for signal, search in filter_.items() if search.strip()}
    if not given or not set(given) <= {"logs", "traces"}:
        raise InvalidInputError(
            "a deletion needs a search over logs, over traces, or both",
            hint='such as "user.id:42"',
        )
    for search in given.values():
        if parse(search) is None:
            raise InvalidInputError("a search without any term would delete everything")
    return given


def targets(signal: str, search: str, asked: TimeRange) -> list[tuple[str, str]]:
    """Tables and conditions, in the order of deletion: what is found by others first."""
    where = _where(search, signal, asked)
    if signal == "traces":
        chosen = f"TraceId IN (SELECT TraceId FROM {names.DATABASE}.{names.SPANS} WHERE {where})"
        tables = (names.EXCEPTIONS, names.TRACES, names.TRACE_INDEX, names.SPANS)
        return [(table, chosen) for table in tables]
    found = f"FROM {names.DATABASE}.{names.LOGS} WHERE {where}"
    of_edge = f"{found} AND ServiceName = '{names.EDGE_SERVICE}'"
    requests = f"SELECT LogAttributes['request_id'] {of_edge}"
    same = f"(Timestamp, ServiceName) IN (SELECT Timestamp, ServiceName {found})"
    slots = f"SELECT toStartOfFifteenMinutes(Timestamp), ServiceName {found}"
    return [
        (names.EDGE_REQUESTS, f"RequestId != '' AND RequestId IN ({requests})"),
        (names.EXCEPTIONS, f"Source = 'log' AND {same}"),
        *((table, f"(Slot, ServiceName) IN ({slots})") for table in _BY_SLOT),
        (names.LOGS, where),
    ]


def _where(search: str, signal: str, asked: TimeRange) -> str:
    expression = parse(search)
    if expression is None:
        raise InvalidInputError("a search without any term would delete everything")
    bounds = in_range(asked)
    sql, parameters = condition(expression, LOG_WORDS if signal == "logs" else SPAN_WORDS)
    return inlined(f"{bounds.sql} AND {sql}", {**bounds.parameters, **parameters})


def _moment(at: datetime) -> str:
    return f"fromUnixTimestamp64Micro({int(at.timestamp() * 1_000_000)}, 'UTC')"


def _deletion(row: list[object]) -> Deletion:
    identity, version, at, by, filter_, start, end, state, detail, deleted = row

    def moment(microseconds: object) -> datetime:
        return datetime.fromtimestamp(int(str(microseconds)) / 1_000_000, UTC)

    counts = json.loads(str(deleted))
    return Deletion(
        id=str(identity),
        version=int(str(version)),
        requested_at=moment(at),
        requested_by=str(by),
        filter=json.loads(str(filter_)),
        range=TimeRange(moment(start), moment(end)),
        state=State(str(state)),
        detail=str(detail),
        deleted={name: int(count) for name, count in counts.items()},
    )
