"""Received WAL goes into a repository: whole segments, and of the newest one what is there so far.

One shipper serves one repository, so that a slow one holds up no other. Shipping again what is
already stored changes nothing; that another content stands there under the same name means that
two servers write one timeline, and is an error that stays until a person has looked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from insightengine.core.errors import ConflictError, InsightError
from insightengine.core.lsn import Lsn, Segment
from insightengine.recovery import names
from insightengine.recovery.models import Coverage
from insightengine.recovery.repository import Repository

PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class Shipped:
    """How far a repository has the WAL. `error` is why it has no more."""

    repository: str
    timeline: int
    lsn: Lsn
    at: datetime
    error: str | None = None


@dataclass(slots=True)
class Shipper:
    repository: Repository
    spool: Path
    now: Callable[[], datetime]
    shipped: Shipped | None = None
    _stored: set[str] | None = None
    _slices: dict[Segment, int] = field(default_factory=dict)
    _modified: dict[Path, float] = field(default_factory=dict)

    def step(self, flushed: Lsn | None) -> Shipped | None:
        """Ships what is new. `flushed` is what the receiver had confirmed before this call."""
        try:
            self._ship(flushed)
        except InsightError as error:
            if self.shipped is not None:
                self.shipped = Shipped(
                    self.repository.name,
                    self.shipped.timeline,
                    self.shipped.lsn,
                    self.shipped.at,
                    error.message,
                )
            else:
                self.shipped = Shipped(self.repository.name, 0, Lsn(0), self.now(), error.message)
        return self.shipped

    def has(self, name: str) -> bool:
        """Whether a file of the spool is stored whole."""
        return self._stored is not None and name in self._stored

    def coverage(self) -> list[Coverage]:
        """Unbroken stretches of whole segments that this shipper knows of."""
        now = self.now()
        found: list[Coverage] = []
        segments = sorted(filter(None, map(Segment.parse, self._stored or ())))
        for segment in segments:
            last = found[-1] if found else None
            if last and last.timeline == segment.timeline and last.end == segment.start:
                found[-1] = Coverage(last.timeline, last.start, segment.end, last.first_at, now)
            else:
                found.append(Coverage(segment.timeline, segment.start, segment.end, now, now))
        return found

    def _ship(self, flushed: Lsn | None) -> None:
        stored = self._known()
        for path in self._files():
            if path.name.endswith(PARTIAL):
                self._ship_partial(path, flushed)
            elif path.name not in stored:
                self._ship_whole(path)
                stored.add(path.name)

    def _known(self) -> set[str]:
        if self._stored is None:
            found: set[str] = set()
            for stored in self.repository.objects("wal/"):
                segment, timeline = names.segment_of(stored.key), names.history_of(stored.key)
                if segment is not None:
                    found.add(segment.name)
                elif timeline is not None:
                    found.add(f"{timeline:08X}.history")
            self._stored = found
        return self._stored

    def _files(self) -> Iterator[Path]:
        folders = [f for f in self.spool.glob("*") if f.is_dir() and not f.is_symlink()]
        for folder in sorted(folders, key=lambda one: one.stat().st_mtime):
            yield from sorted(p for p in folder.iterdir() if _is_wal(p.name))

    def _ship_whole(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return
        segment = Segment.parse(path.name)
        if segment is None:
            self._put_once(names.history(int(path.name[:8], 16)), content)
            return
        self._put_once(names.wal(segment), content)
        self._advance(segment.timeline, segment.end)
        slices = [found.key for found in self.repository.objects(names.wal_slices(segment))]
        self.repository.delete(slices)  # where the store refuses, they stay and do no harm
        self._slices.pop(segment, None)

    def _ship_partial(self, path: Path, flushed: Lsn | None) -> None:
        segment = Segment.parse(path.name.removesuffix(PARTIAL))
        if segment is None:
            return
        try:
            modified = path.stat().st_mtime
            if self._modified.get(path) == modified:
                self._advance_to(segment, self._slices.get(segment, 0), flushed)
                return
            content = path.read_bytes().rstrip(b"\0")
        except FileNotFoundError:  # it became whole just now
            return
        begin = self._slices.get(segment, 0)
        if len(content) > begin:
            key = names.wal_slice(segment, begin)
            self.repository.put(key, content[begin:], temporary=True)
            self._slices[segment] = len(content)
        self._modified[path] = modified
        self._advance_to(segment, len(content), flushed)

    def _advance_to(self, segment: Segment, length: int, flushed: Lsn | None) -> None:
        """Zeros at the end of what was flushed are no content, and are as good as shipped."""
        end = segment.start.value + length
        if flushed is not None and flushed.segment == segment.number:
            end = max(end, flushed.value)
        self._advance(segment.timeline, Lsn(end))

    def _put_once(self, key: str, content: bytes) -> None:
        if not self.repository.exists(key):
            self.repository.put(key, content, only_new=True)
        elif self.repository.get(key) != content:
            raise ConflictError(
                f"{self.repository.name} has another {key}: two servers write the same timeline",
                code="split_brain",
                hint="stop the one that should not write; then: insight backup create --full",
            )

    def _advance(self, timeline: int, lsn: Lsn) -> None:
        known = self.shipped
        if known is None or (timeline, lsn) >= (known.timeline, known.lsn):
            self.shipped = Shipped(self.repository.name, timeline, lsn, self.now())


def _is_wal(name: str) -> bool:
    whole = name.removesuffix(PARTIAL)
    return Segment.parse(whole) is not None or (len(name) == 16 and name.endswith(".history"))
