"""Files that are written in large stretches, past the page cache, while others are filled.

A restore writes every page once and reads few of them soon. In the page cache they would push out
what running services need, and would all have to be written when the folder is made durable. A
virtual machine whose host takes unused memory back would also have to get a page from the host
for each of them, which was measured to take several times as long as the write.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Self

from insightengine.recovery.blocks import Changes, Read

STRETCH_BYTES = 4 * 1024 * 1024
_WRITERS = 2
_STRETCHES = 8  # all the memory there is: those being filled, and those on their way
_SECTOR_BYTES = 4096
_SMALL_BYTES = 512 * 1024  # of these a cluster has a thousand
_DIRECT = getattr(os, "O_DIRECT", 0)
_LARGE_PAGES: int | None = getattr(mmap, "MADV_HUGEPAGE", None)
Put = Callable[[memoryview], None]  # what is filled goes into its file
Flowing = tuple[Changes, Read]


def new_stretch() -> memoryview:
    """Memory as writing past the page cache asks for it: it begins with a page, of the large ones
    if there are any. Each stretch is filled many times, and each write looks up its pages."""
    memory = mmap.mmap(-1, STRETCH_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if _LARGE_PAGES is not None:
        with suppress(OSError):  # a kernel without them
            memory.madvise(_LARGE_PAGES)
    return memoryview(memory)


class Writers:
    """Threads that put stretches into their files. The first failure of any of them is kept and
    raised to whoever asks for more memory, or waits for the end."""

    def __init__(self, new: Callable[[], memoryview] = new_stretch) -> None:
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        for _ in range(_STRETCHES):
            self._free.put(new())
        self._threads = ThreadPoolExecutor(_WRITERS, thread_name_prefix="write")
        self._failure: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()

    def take(self) -> memoryview:
        """A stretch to be filled; waits while all are on their way."""
        stretch = self._free.get()
        if self._failure is not None:
            self.give_back(stretch)
            raise self._failure
        return stretch

    def give_back(self, stretch: memoryview) -> None:
        self._free.put(stretch)

    def put(self, stretch: memoryview, put: Put) -> None:
        """Has a writer call `put` with the stretch, which is free again afterwards."""
        self._threads.submit(self._put, stretch, put)

    def settle(self) -> None:
        """Returns when everything is written. Nobody may hold a stretch meanwhile."""
        for stretch in [self.take() for _ in range(_STRETCHES)]:
            self.give_back(stretch)

    def _put(self, stretch: memoryview, put: Put) -> None:
        try:
            if self._failure is None:
                put(stretch)
        except Exception as error:
            self._failure = error
        finally:
            self.give_back(stretch)


class _Stretched(ABC):
    """Collects what is written into a stretch, and hands each full one to the writers."""

    def __init__(self, writers: Writers) -> None:
        self._writers = writers
        self._stretch: memoryview | None = None
        self._start = 0  # of the stretch in the file
        self._filled = 0

    def write(self, part: bytes | memoryview) -> None:
        view = memoryview(part)
        while view:
            stretch = self._taken()
            taken = min(len(view), STRETCH_BYTES - self._filled)
            stretch[self._filled : self._filled + taken] = view[:taken]
            self._filled += taken
            view = view[taken:]
            if self._filled == STRETCH_BYTES:
                self._put()

    def close(self) -> None:
        """What was not put is given up."""
        if self._stretch is not None:
            self._writers.give_back(self._stretch)
            self._stretch = None

    def _taken(self) -> memoryview:
        if self._stretch is None:
            self._stretch = self._writers.take()
        return self._stretch

    def _put(self) -> None:
        self._writers.put(self._taken(), partial(self._write_at, self._start))
        self._stretch = None
        self._start += STRETCH_BYTES
        self._filled = 0

    @abstractmethod
    def _write_at(self, start: int, stretch: memoryview) -> None:
        """Puts a stretch that begins there into the file; called by a writer."""


class Spill(_Stretched):
    """Content that is needed again soon, in a file that its owner closes after the writers."""

    def __init__(self, descriptor: int, writers: Writers) -> None:
        super().__init__(writers)
        self._descriptor = descriptor
        self._settled = 0
        _past_the_cache(descriptor)

    @property
    def length_bytes(self) -> int:
        """Where the next part goes."""
        return self._start + self._filled

    def settle(self) -> None:
        """Returns when all of it can be read. What follows begins with a stretch of its own, so
        that nothing is written any more where somebody reads."""
        if self._filled:
            self._put()
        if self._start > self._settled:
            self._writers.settle()
            self._settled = self._start

    def read(self, offset: int, views: Sequence[memoryview]) -> None:
        """Fills parts of a stretch, in their order, with what was written from `offset` on."""
        size = sum(map(len, views))
        taken = os.preadv(self._descriptor, views, offset)
        if taken != size:
            raise OSError(f"{taken} of {size} bytes were read back at {offset}")

    def _write_at(self, start: int, stretch: memoryview) -> None:
        _write(self._descriptor, stretch, start)


class ChangedFile(_Stretched):
    """Takes the content of a new file from its beginning, and writes it with `changes`, oldest
    first.

    `size_bytes` is that of the content. Changes that are `flowing` come before the others; their
    blocks are read in their order, by whoever writes the content. The file is there whole after
    `end()` once the writers have settled; `close()` is for one that is given up.
    """

    def __init__(
        self,
        target: Path,
        size_bytes: int,
        changes: Sequence[Changes],
        read: Read,
        writers: Writers,
        flowing: Flowing | None = None,
    ) -> None:
        super().__init__(writers)
        self._target = target
        self._changes, self._read, self._flowing = changes, read, flowing
        layers = [*(flowing[:1] if flowing else ()), *changes]
        self._has_changes = bool(layers)
        self._length = layers[-1].length_bytes if layers else size_bytes

    def end(self) -> None:
        while self._start < self._length:
            if self._has_changes:
                part = self._part(self._taken(), self._start)[self._filled :]
                part[:] = bytes(len(part))
            self._put()
        if self._length == 0:
            self._target.touch(mode=0o600)
        self.close()

    def _put(self) -> None:
        if self._flowing is not None:
            changes, read = self._flowing
            changes.apply(self._part(self._taken(), self._start), self._start, read)
        if self._length <= _SMALL_BYTES:  # a whole file, written before a writer would have it
            self._write_at(self._start, self._taken())
            self._start += STRETCH_BYTES
            self._filled = 0
        else:
            super()._put()

    def _write_at(self, start: int, stretch: memoryview) -> None:
        """Each stretch opens the file for itself: nobody has to know which of them is the last."""
        part = self._part(stretch, start)
        for changes in self._changes:
            changes.apply(part, start, self._read)
        descriptor = os.open(self._target, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            if self._length >= STRETCH_BYTES and self._length % _SECTOR_BYTES == 0:
                _past_the_cache(descriptor)
            _write(descriptor, part, start)
        finally:
            os.close(descriptor)

    def _part(self, stretch: memoryview, start: int) -> memoryview:
        """What the file has of it."""
        return stretch[: max(0, min(STRETCH_BYTES, self._length - start))]


def _write(descriptor: int, part: memoryview, offset: int) -> None:
    is_cached = False
    while part:
        try:
            taken = os.pwrite(descriptor, part, offset)
        except OSError as error:
            if error.errno != errno.EINVAL or is_cached:
                raise
            _through_the_cache(descriptor)  # it wants other sizes or places than ours
            is_cached = True
            continue
        part = part[taken:]
        offset += taken


def _past_the_cache(descriptor: int) -> None:
    """Where the file system cannot, as in memory, the file stays an ordinary one."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | _DIRECT)
    except OSError:
        return


def _through_the_cache(descriptor: int) -> None:
    """Of the spill, which all writers share, another one may have done so just now."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags & ~_DIRECT)
