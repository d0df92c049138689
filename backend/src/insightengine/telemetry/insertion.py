"""One spool segment on its way into the store: verified, flattened or split where it must be."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import structlog

from insightengine.core.errors import InvalidInputError
from insightengine.telemetry import segments
from insightengine.telemetry.ingest_plan import Remedy, remedy
from insightengine.telemetry.messages import flatten
from insightengine.telemetry.port import Signal
from insightengine.telemetry.segment_writer import sync_folder
from insightengine.telemetry.segments import CLOSED_SUFFIX, Record, SegmentName
from insightengine.telemetry.setaside import SetAside, set_aside

_log = structlog.get_logger("telemetry.ingest")
JOURNAL_SUFFIX: Final = ".refused"


class StoreRefusedError(Exception):
    """The store did not insert; `code` is ClickHouse's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Inserter(Protocol):
    """Blocking; called from one thread a signal."""

    def insert(self, signal: Signal, segment: Path, token: str) -> None:
        """Returns when all rows of the file are on disk, or were stored under `token` before.

        Raises StoreRefusedError with nothing stored.
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
    flattened_segments: int = 0
    failures: int = 0


@dataclass(slots=True)
class Workplace:
    """What the insertions of one signal share. `attempts` is by token."""

    inserter: Inserter
    folder: Path
    counters: IngestCounters
    attempts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Part:
    """Records `low` to `high` of a segment; the whole of it carries the segment's own token."""

    low: int
    high: int

    def token(self, name: SegmentName, count: int) -> str:
        whole = self == _Part(0, count)
        return name.token if whole else f"{name.token}.{self.low}-{self.high}"

    def halves(self) -> tuple[_Part, _Part]:
        middle = (self.low + self.high) // 2
        return _Part(self.low, middle), _Part(middle, self.high)


class Insertion:
    """`run` may be repeated after a kill at any point; every record ends up stored or set aside."""

    def __init__(self, workplace: Workplace, name: SegmentName, path: Path) -> None:
        self._workplace = workplace
        self._name = name
        self._path = path
        self._content = path.read_bytes()
        scan = segments.scan(self._content)
        self._records = scan.records
        self._damages = scan.damages
        self._journal = path.with_suffix(JOURNAL_SUFFIX)
        self._refused = _read_journal(self._journal)

    def run(self) -> None:
        """Raises RetryLaterError when the store cannot take the rows now."""
        for damage in self._damages:
            self._set_aside(damage.start, damage.end, "checksum mismatch", entries=None)
        if self._records:
            self._insert(_Part(0, len(self._records)))
        self._workplace.counters.inserted_segments += 1

    def _insert(self, part: _Part) -> None:
        if part in self._refused:
            self._split(part, self._refused[part])
            return
        try:
            self._try(part, flattened=False)
        except _UnfitError as error:
            _append_journal(self._journal, part, str(error))
            self._split(part, str(error))
            return
        entries = sum(record.entries for record in self._part_of(part))
        self._workplace.counters.inserted_entries += entries

    def _split(self, part: _Part, reason: str) -> None:
        if part.high - part.low > 1:
            for half in part.halves():
                self._insert(half)
            return
        record = self._records[part.low]
        self._set_aside(record.start, record.end, reason, entries=record.entries)

    def _try(self, part: _Part, *, flattened: bool) -> None:
        token = part.token(self._name, len(self._records))
        file = self._file(part, token, flattened=flattened)
        attempts = self._workplace.attempts
        try:
            self._workplace.inserter.insert(self._name.signal, file, token)
        except StoreRefusedError as error:
            attempts[token] = attempts.get(token, 0) + 1
            self._after_refusal(part, error, attempts[token], flattened=flattened)
        finally:
            if file != self._path:
                file.unlink(missing_ok=True)
        attempts.pop(token, None)

    def _after_refusal(
        self, part: _Part, error: StoreRefusedError, attempt: int, *, flattened: bool
    ) -> None:
        count = part.high - part.low
        match remedy(error.code, records=count, attempt=attempt, flattened=flattened):
            case Remedy.RETRY_LATER:
                raise RetryLaterError(str(error)) from error
            case Remedy.FLATTEN:
                self._workplace.counters.flattened_segments += 1
                self._try(part, flattened=True)
            case Remedy.SPLIT | Remedy.SET_ASIDE:
                raise _UnfitError(str(error)) from error

    def _file(self, part: _Part, token: str, *, flattened: bool) -> Path:
        """The segment itself where nothing had to change, else a copy that is not kept."""
        if part == _Part(0, len(self._records)) and not self._damages and not flattened:
            return self._path
        self._workplace.folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        copy = self._workplace.folder / f"{token}{CLOSED_SUFFIX}"
        with copy.open("wb") as file:
            for record in self._part_of(part):
                whole = self._content[record.start : record.end]
                file.write(self._flattened(record) if flattened else whole)
        return copy

    def _flattened(self, record: Record) -> bytes:
        request = self._content[record.request_start : record.end]
        try:
            return segments.encode(flatten(self._name.signal, request), record.entries)
        except InvalidInputError:  # the store will refuse it, and the split isolates it
            return self._content[record.start : record.end]

    def _part_of(self, part: _Part) -> tuple[Record, ...]:
        return self._records[part.low : part.high]

    def _set_aside(self, start: int, end: int, reason: str, *, entries: int | None) -> None:
        what = SetAside(self._name.token, start, end, reason[:4000], entries)
        kept = set_aside(self._path.parent, what, self._content[start:end])
        counters = self._workplace.counters
        counters.set_aside_stretches += 1
        counters.set_aside_bytes += end - start
        counters.set_aside_entries += entries or 0
        _log.error(
            "telemetry set aside",
            segment=self._name.token,
            size_bytes=end - start,
            entries=entries,
            reason=reason[:500],
            kept=str(kept),
        )


def _read_journal(path: Path) -> dict[_Part, str]:
    """Refused parts and why. A torn last line was not acted upon, so it is left out."""
    if not path.exists():
        return {}
    refused: dict[_Part, str] = {}
    for line in path.read_text(errors="replace").splitlines():
        try:
            entry = json.loads(line)
            refused[_Part(int(entry["low"]), int(entry["high"]))] = str(entry["reason"])
        except (ValueError, KeyError, TypeError):
            continue
    return refused


def _append_journal(path: Path, part: _Part, reason: str) -> None:
    line = json.dumps({"low": part.low, "high": part.high, "reason": reason[:4000]})
    with path.open("a") as file:
        file.write(f"\n{line}\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
