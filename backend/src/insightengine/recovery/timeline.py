"""Backups and write-ahead log over time: what is covered, where it is torn, which moments can come
back. Pure: positions are turned into times by a function that is handed in."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from insightengine.core.lsn import SEGMENT_BYTES, Lsn
from insightengine.recovery.models import Backup, Coverage

Reached = Callable[[int, Lsn], datetime | None]


@dataclass(frozen=True, slots=True)
class Position:
    """Where somebody is in the WAL of a timeline."""

    timeline: int
    lsn: Lsn


@dataclass(frozen=True, slots=True)
class WalSpan:
    """An unbroken stretch of WAL in one repository. None is a time that nobody noted."""

    timeline: int
    start: Lsn
    end: Lsn
    from_at: datetime | None
    until_at: datetime | None


@dataclass(frozen=True, slots=True)
class Window:
    """Every moment in it can be restored to, beginning with the end of a backup."""

    from_at: datetime
    until_at: datetime
    backup: str


def wal_spans(
    coverage: Sequence[Coverage],
    shipped: Position | None,
    server: Lsn | None,
    reached: Reached,
    now: datetime,
) -> tuple[WalSpan, ...]:
    """The stretches of one repository, the oldest first.

    `coverage` is of whole segments; `shipped` reaches into the one that is being written. A
    repository that has all that the server wrote covers the time until now.
    """
    stretches = [(one.timeline, one.start, one.end) for one in coverage]
    if shipped is not None and shipped.timeline:
        stretches = _with_tail(stretches, shipped)
    spans = []
    for timeline, start, end in sorted(stretches):
        until = reached(timeline, end)
        if shipped == Position(timeline, end) and server is not None and end >= server:
            until = now
        spans.append(WalSpan(timeline, start, end, reached(timeline, start), until))
    return tuple(spans)


def _with_tail(
    stretches: list[tuple[int, Lsn, Lsn]], shipped: Position
) -> list[tuple[int, Lsn, Lsn]]:
    begin = Lsn(shipped.lsn.value // SEGMENT_BYTES * SEGMENT_BYTES)
    for at, (timeline, start, end) in enumerate(stretches):
        if timeline == shipped.timeline and start <= begin <= end:
            longer = (timeline, start, max(end, shipped.lsn))
            return [*stretches[:at], longer, *stretches[at + 1 :]]
    return [*stretches, (shipped.timeline, begin, shipped.lsn)]


def gaps(spans: Sequence[WalSpan]) -> tuple[WalSpan, ...]:
    """What is missing between stretches of one timeline: moments in it cannot come back."""
    ordered = sorted(spans, key=lambda span: (span.timeline, span.start))
    return tuple(
        WalSpan(left.timeline, left.end, right.start, left.until_at, right.from_at)
        for left, right in itertools.pairwise(ordered)
        if left.timeline == right.timeline and left.end < right.start
    )


def windows(backups: Sequence[Backup], spans: Sequence[WalSpan]) -> tuple[Window, ...]:
    """The moments that a restore can bring back, without overlaps, the oldest first.

    `backups` are those that can be used, `spans` those of all repositories. Of a timeline that was
    left, only the part before the next one began belongs to the history that recovery follows.
    """
    found: list[Window] = []
    for backup in sorted(backups, key=lambda one: one.ended_at):
        ends = [
            end
            for span in spans
            if span.timeline == backup.timeline and span.start <= backup.stop <= span.end
            if (end := _end(span, spans)) is not None and end > backup.ended_at
        ]
        if ends:
            found.append(Window(backup.ended_at, max(ends), backup.id))
    return tuple(_merged(found))


def _end(span: WalSpan, spans: Sequence[WalSpan]) -> datetime | None:
    later = [one.from_at for one in spans if one.timeline > span.timeline and one.from_at]
    ends = [at for at in (span.until_at, min(later, default=None)) if at is not None]
    return min(ends) if span.until_at is not None else None


def _merged(found: Sequence[Window]) -> list[Window]:
    merged: list[Window] = []
    for window in found:
        last = merged[-1] if merged else None
        if last is not None and window.from_at <= last.until_at:
            until = max(last.until_at, window.until_at)
            merged[-1] = Window(last.from_at, until, last.backup)
        else:
            merged.append(window)
    return merged
