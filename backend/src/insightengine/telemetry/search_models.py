"""What the routes answer that help to search: facets, completions, context, live entries."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from insightengine.telemetry.models import LogEntry, LogSeverity, Model


class Signals(StrEnum):
    """What a search is over."""

    LOGS = "logs"
    TRACES = "traces"


class FacetValue(Model):
    value: str
    entries: int


class Facet(Model):
    """`key` can be searched for as `key:value`; the values with the most entries come first."""

    key: str
    values: tuple[FacetValue, ...]


class FacetList(Model):
    """Entries of traces are traces. `sampled_entries` is null where all are counted, log entries by
    whole quarter hours; else facets are those of so many of the newest that were found."""

    items: tuple[Facet, ...]
    sampled_entries: int | None


class LogPattern(Model):
    """A text with `<*>` where entries differ, and `<...>` where only its beginning is known.

    `level` is the severest of its entries; `search` finds them, and is empty when every word
    differs.
    """

    pattern: str
    entries: int
    services: tuple[str, ...]
    level: LogSeverity
    search: str


class LogPatternList(Model):
    """The most frequent first. `shown_entries` of all `entries` have a pattern that is listed.

    `sampled_entries` is as in FacetList.
    """

    items: tuple[LogPattern, ...]
    entries: int
    shown_entries: int
    sampled_entries: int | None


class CompletionKind(StrEnum):
    FIELD = "field"
    VALUE = "value"


class Completion(Model):
    """`text` replaces the characters from `start` to `end` of what was typed."""

    text: str
    kind: CompletionKind
    description: str
    entries: int | None


class CompletionList(Model):
    start: int
    end: int
    items: tuple[Completion, ...]


class LogContext(Model):
    """Entries of the same service around one, in the order of time."""

    before: tuple[LogEntry, ...]
    after: tuple[LogEntry, ...]


class LogTail(Model):
    """The data of an event `entries`: new ones since the last event, in the order of time.

    `skipped` says that more arrived than are shown.
    """

    items: tuple[LogEntry, ...]
    skipped: bool


class ErrorGroup(Model):
    """Exceptions that are taken for the same. `group_id` holds as long as `group_version`."""

    group_id: str
    group_version: int
    type: str
    message: str
    service: str
    occurrences: int
    first_seen: datetime
    last_seen: datetime
    releases: tuple[str, ...]
    trace_id: str | None


class ErrorGroupList(Model):
    items: tuple[ErrorGroup, ...]


class ExceptionOccurrence(Model):
    t: datetime
    source: str
    message: str
    stacktrace: str
    release: str
    colour: str
    trace_id: str | None
    span_id: str | None


class ExceptionCount(Model):
    t: datetime
    occurrences: int


class ExceptionDetail(Model):
    """The newest occurrences of one group, and how many there were over time."""

    group: ErrorGroup
    step_s: int
    points: tuple[ExceptionCount, ...]
    occurrences: tuple[ExceptionOccurrence, ...]


class FlameNode(Model):
    """Spans of the same names on the way from the root, added up. `self_ms` is without children."""

    service: str
    name: str
    spans: int
    total_ms: float
    self_ms: float
    errors: int
    children: tuple[FlameNode, ...]


class FlameGraph(Model):
    """`traces` is how many were added up; `truncated` says that they have more than `spans`."""

    traces: int
    spans: int
    truncated: bool
    roots: tuple[FlameNode, ...]
