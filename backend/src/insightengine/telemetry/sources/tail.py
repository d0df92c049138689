"""Follows the log files of a folder into the spool. Nothing is lost; a kill may double a moment."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from insightengine.telemetry.port import Signal
from insightengine.telemetry.sources import positions
from insightengine.telemetry.sources.access_log import FILE_NAME, access_record
from insightengine.telemetry.sources.join import Entry, EntryJoiner, LineSplitter
from insightengine.telemetry.sources.parse import parse_entry
from insightengine.telemetry.sources.positions import HEAD_BYTES, Position, head_of
from insightengine.telemetry.sources.records import Attributes, Record, encode_logs
from insightengine.telemetry.sources.status import read_snapshot, resource_of
from insightengine.telemetry.spool import Spool, SpoolUnavailableError

POLL_S: Final = 0.25
_PATIENCE_S: Final = 0.5  # how long an entry waits for lines that continue it
_READ_BYTES: Final = 1024 * 1024  # of one file in one round, so that none starves the others
_RETRY_S: Final = 1.0
_log = structlog.get_logger("collector.logs")


@dataclass(slots=True)
class _Followed:
    """One file; `safe` is the offset up to which everything was handed on."""

    path: Path
    device: int
    inode: int
    safe: int
    splitter: LineSplitter
    head: tuple[int, int] = (0, 0)
    joiner: EntryJoiner = field(default_factory=EntryJoiner)
    grew_at: float = 0.0

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(".log")

    def position(self) -> Position:
        return Position(self.name, self.device, self.inode, self.safe, *self.head)


class LogTailer:
    """Reads each `*.log` once, from where the last collector was sure, and on from there."""

    def __init__(self, logs: Path, positions_file: Path, status_file: Path, spool: Spool) -> None:
        self._logs = logs
        self._positions_file = positions_file
        self._status_file = status_file
        self._spool = spool
        self._host = socket.gethostname()
        self._known = {entry.name: entry for entry in positions.load(positions_file)}
        self._files: dict[str, _Followed] = {}

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                found = await asyncio.to_thread(self._round)
                await self._hand_on(found)
            except OSError as error:
                _log.warning("logs cannot be read", reason=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), POLL_S)

    def _round(self) -> list[tuple[_Followed, list[Entry]]]:
        found = []
        for path in sorted(self._logs.glob("*.log")):
            with contextlib.suppress(OSError):  # moved away meanwhile, or not ours to read
                followed = self._follow(path)
                entries = _read(followed)
                if entries:
                    found.append((followed, entries))
        return found

    def _follow(self, path: Path) -> _Followed:
        """The file as it was known, or anew when it was cut, replaced, or is not known."""
        stat = path.stat()
        now = self._files.get(path.name)
        if now is not None and now.inode == stat.st_ino and now.splitter.offset <= stat.st_size:
            if _has_head(path, now.head):
                return now
        elif now is None:
            before = self._known.get(path.name.removesuffix(".log"))
            if before is not None and _is_same(path, stat.st_ino, stat.st_size, before):
                now = _Followed(
                    path, stat.st_dev, stat.st_ino, before.offset, LineSplitter(before.offset)
                )
                now.head = (before.head_size, before.head_crc)
                self._files[path.name] = now
                return now
        fresh = _Followed(path, stat.st_dev, stat.st_ino, 0, LineSplitter(0))
        self._files[path.name] = fresh
        return fresh

    async def _hand_on(self, found: Sequence[tuple[_Followed, list[Entry]]]) -> None:
        if not found:
            return
        observed_ns = time.time_ns()
        snapshot = await asyncio.to_thread(read_snapshot, self._status_file)
        groups: list[tuple[Attributes, list[Record]]] = []
        for followed, entries in found:
            resource = resource_of(snapshot.process(followed.name), self._host)
            groups.append((resource, [_record(followed, one, observed_ns) for one in entries]))
        count = sum(len(records) for _, records in groups)
        await self._append(encode_logs(groups), count)
        for followed, entries in found:
            followed.safe = entries[-1].end
        kept = [followed.position() for followed in self._files.values()]
        await asyncio.to_thread(positions.save, self._positions_file, kept)

    async def _append(self, payload: bytes, count: int) -> None:
        """Waits as long as the spool is full: the files keep what is not taken yet."""
        while True:
            try:
                await self._spool.append(Signal.LOGS, payload, count)
            except SpoolUnavailableError as error:
                if error.code == "spool_closed":
                    raise
                await asyncio.sleep(_RETRY_S)
            else:
                return


def _read(followed: _Followed) -> list[Entry]:
    """Entries that are complete now."""
    with followed.path.open("rb") as file:
        if followed.head[0] < HEAD_BYTES:
            followed.head = head_of(file.read(HEAD_BYTES))
        file.seek(followed.splitter.offset)
        read = file.read(_READ_BYTES)
    entries: list[Entry] = []
    for line in followed.splitter.feed(read):
        entries += followed.joiner.add(line)
    now = time.monotonic()
    if read:
        followed.grew_at = now
    elif followed.joiner.is_waiting and now - followed.grew_at > _PATIENCE_S:
        entries += followed.joiner.flush()
    return [entry for entry in entries if entry.text]


def _record(followed: _Followed, entry: Entry, observed_ns: int) -> Record:
    parse = access_record if followed.path.name == FILE_NAME else parse_entry
    return parse(entry.text, observed_ns, is_cut=entry.is_cut)


def _is_same(path: Path, inode: int, size: int, before: Position) -> bool:
    same = inode == before.inode and size >= before.offset
    return same and _has_head(path, (before.head_size, before.head_crc))


def _has_head(path: Path, head: tuple[int, int]) -> bool:
    with path.open("rb") as file:
        return head_of(file.read(head[0])) == head
