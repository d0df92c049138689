"""A batch of segments on its way into the store: verified, flattened or split where it must be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Protocol

import structlog

from insightengine.core.errors import InvalidInputError
from insightengine.telemetry import segments
from insightengine.telemetry.batch_journal import BatchJournal, Part
from insightengine.telemetry.ingest_plan import Batch, Remedy, remedy
from insightengine.telemetry.messages import flatten
from insightengine.telemetry.port import Signal
from insightengine.telemetry.segments import CLOSED_SUFFIX, Record, SegmentName
from insightengine.telemetry.setaside import SetAside, set_aside

_log = structlog.get_logger("telemetry.ingest")
_IN_VIEW = "while pushing to view"  # as ClickHouse words it


class StoreRefusedError(Exception):
    """The store did not insert; `code` is ClickHouse's.

    `in_view`: a materialised view failed, and the table itself may have all the rows.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.in_view = _IN_VIEW in message


class Inserter(Protocol):
    """Blocking; called from several threads."""

    def insert(
        self, signal: Signal, segment: Path, token: str, *, views_may_fail: bool = False
    ) -> None:
        """Returns when all rows of the file are on disk, or were stored under `token` before.

        With `views_may_fail` a materialised view that fails goes without the rows. Raises
        StoreRefusedError with nothing stored, unless it was in a view.
        """
        ...


class RetryLaterError(Exception):
    """The store could not take the rows now; the segment stays."""


class _UnfitError(Exception):
    """The store will never take these records together."""


@dataclass(slots=True)
class IngestCounters:
    """Since the start of the process."""

    inserted_segments: int = 0
    inserted_entries: int = 0
    set_aside_stretches: int = 0
    set_aside_bytes: int = 0
    set_aside_entries: int = 0
    without_views: int = 0  # batches that some materialised view does not have
    flattened_segments: int = 0
    failures: int = 0

    @classmethod
    def total(cls, several: Iterable[IngestCounters]) -> IngestCounters:
        """The sum of each counter."""
        return cls(*(sum(column) for column in zip(*map(astuple, several), strict=True)))


@dataclass(slots=True)
class Workplace:
    """What the insertions of one slot share. `attempts` is by token."""

    inserter: Inserter
    folder: Path
    journal: BatchJournal
    counters: IngestCounters
    attempts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Item:
    """A record and the segment that it stands in; its bytes stay in the file."""

    segment: SegmentName
    record: Record


class Insertion:
    """`run` may be repeated after a kill at any point; every record ends up stored or set aside.

    A split is written down before its halves are inserted under tokens of their own, so that a
    later run never inserts the whole under the first token.
    """

    def __init__(self, workplace: Workplace, batch: Batch, spool: Path) -> None:
        self._workplace = workplace
        self._batch = batch
        self._spool = spool
        self._signal = batch.segments[0].signal
        self._items: list[_Item] = []
        self._is_damaged = False
        self._refused = workplace.journal.refused(batch)

    def run(self) -> None:
        """Raises RetryLaterError when the store cannot take the rows now."""
        for segment in self._batch.segments:
            self._read(segment)
        if self._items:
            self._insert(Part(0, len(self._items)))
        self._workplace.counters.inserted_segments += len(self._batch.segments)

    def _read(self, segment: SegmentName) -> None:
        try:
            content = self._path(segment).read_bytes()
        except FileNotFoundError:
            _log.error("segment was removed from the spool by others", segment=segment.token)
            return
        scan = segments.scan(content)
        self._items += [_Item(segment, record) for record in scan.records]
        for damage in scan.damages:
            self._is_damaged = True
            what = SetAside(segment.token, damage.start, damage.end, "checksum mismatch")
            self._set_aside(what, content)

    def _path(self, segment: SegmentName) -> Path:
        return self._spool / f"{segment.token}{CLOSED_SUFFIX}"

    def _insert(self, part: Part) -> None:
        if part in self._refused:
            self._split(part, self._refused[part])
            return
        try:
            self._try(part, flattened=False)
        except _UnfitError as error:
            self._workplace.journal.refuse(self._batch, part, str(error))
            self._split(part, str(error))
            return
        entries = sum(item.record.entries for item in self._items_of(part))
        self._workplace.counters.inserted_entries += entries

    def _split(self, part: Part, reason: str) -> None:
        if part.high - part.low > 1:
            for half in part.halves():
                self._insert(half)
            return
        item = self._items[part.low]
        record = item.record
        what = SetAside(item.segment.token, record.start, record.end, reason, record.entries)
        self._set_aside(what, self._path(item.segment).read_bytes())

    def _try(self, part: Part, *, flattened: bool, views_may_fail: bool = False) -> None:
        token = self._token(part)
        file = self._file(part, token, flattened=flattened)
        attempts = self._workplace.attempts
        try:
            self._workplace.inserter.insert(
                self._signal, file, token, views_may_fail=views_may_fail
            )
        except StoreRefusedError as error:
            attempts[token] = attempts.get(token, 0) + 1
            self._after_refusal(part, error, attempts[token], flattened=flattened)
        finally:
            if file.parent == self._workplace.folder:
                file.unlink(missing_ok=True)
        attempts.pop(token, None)

    def _after_refusal(
        self, part: Part, error: StoreRefusedError, attempt: int, *, flattened: bool
    ) -> None:
        count = part.high - part.low
        found = remedy(
            error.code, records=count, attempt=attempt, flattened=flattened, in_view=error.in_view
        )
        match found:
            case Remedy.RETRY_LATER:
                raise RetryLaterError(str(error)) from error
            case Remedy.WITHOUT_FAILING_VIEWS:
                self._workplace.counters.without_views += 1
                _log.error("rows are stored, but not in a view that fails", error=str(error)[:500])
                self._try(part, flattened=flattened, views_may_fail=True)
            case Remedy.FLATTEN:
                self._workplace.counters.flattened_segments += 1
                self._try(part, flattened=True)
            case Remedy.SPLIT | Remedy.SET_ASIDE:
                raise _UnfitError(str(error)) from error

    def _token(self, part: Part) -> str:
        whole = part == Part(0, len(self._items))
        return self._batch.token if whole else f"{self._batch.token}.{part.low}-{part.high}"

    def _file(self, part: Part, token: str, *, flattened: bool) -> Path:
        """The segment itself where that will do, else a copy that is not kept."""
        is_one = len(self._batch.segments) == 1 and part == Part(0, len(self._items))
        if is_one and not self._is_damaged and not flattened:
            return self._path(self._batch.segments[0])
        self._workplace.folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        copy = self._workplace.folder / f"{token}{CLOSED_SUFFIX}"
        with copy.open("wb") as file:
            for segment, items in groupby(self._items_of(part), attrgetter("segment")):
                content = self._path(segment).read_bytes()
                for item in items:
                    encoded = content[item.record.start : item.record.end]
                    file.write(self._flattened(item.record, encoded) if flattened else encoded)
        return copy

    def _flattened(self, record: Record, encoded: bytes) -> bytes:
        try:
            request = flatten(self._signal, encoded[record.request_start - record.start :])
        except InvalidInputError:  # the store will refuse it, and the split isolates it
            return encoded
        return segments.encode(request, record.entries, record.source)

    def _items_of(self, part: Part) -> list[_Item]:
        return self._items[part.low : part.high]

    def _set_aside(self, what: SetAside, content: bytes) -> None:
        kept = set_aside(self._spool, what, content[what.start : what.end])
        counters = self._workplace.counters
        counters.set_aside_stretches += 1
        counters.set_aside_bytes += what.end - what.start
        counters.set_aside_entries += what.entries or 0
        _log.error(
            "telemetry set aside",
            segment=what.segment,
            size_bytes=what.end - what.start,
            entries=what.entries,
            reason=what.reason[:500],
            kept=str(kept),
        )
