"""Files that are written in large stretches, past the page cache.

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
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from insightengine.recovery.blocks import Changes, Read

STRETCH_BYTES = 1024 * 1024
_SECTOR_BYTES = 4096
_DIRECT = getattr(os, "O_DIRECT", 0)


def new_stretch() -> memoryview:
    """Memory as writing past the page cache asks for it: it begins with a page."""
    return memoryview(mmap.mmap(-1, STRETCH_BYTES))


class _Stretched:
    """Collects what is written into a stretch, and puts each full one into its file."""

    def __init__(self, descriptor: int, stretch: memoryview) -> None:
        self._descriptor, self._stretch = descriptor, stretch
        self._start = 0  # of the stretch in the file
        self._filled = 0

    def write(self, part: bytes | memoryview) -> None:
        view = memoryview(part)
        while view:
            taken = min(len(view), STRETCH_BYTES - self._filled)
            self._stretch[self._filled : self._filled + taken] = view[:taken]
            self._filled += taken
            view = view[taken:]
            if self._filled == STRETCH_BYTES:
                self._put()

    def _put(self) -> None:
        self._put_part(self._stretch)
        self._start += STRETCH_BYTES
        self._filled = 0

    def _put_part(self, part: memoryview) -> None:
        offset = self._start
        while part:
            try:
                taken = os.pwrite(self._descriptor, part, offset)
            except OSError as error:
                if error.errno == errno.EINVAL and _through_the_cache(self._descriptor):
                    continue  # it wants other sizes or places than ours
                raise
            part = part[taken:]
            offset += taken


class Spill(_Stretched):
    """Content that is needed again soon, in a file without a name: it ends with its process."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        super().__init__(self._file.fileno(), new_stretch())
        _past_the_cache(self._descriptor)
        self._readable = 0  # bytes that are in the file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def length_bytes(self) -> int:
        return self._start + self._filled

    def read(self, offset: int, views: Sequence[memoryview]) -> None:
        """Fills parts of a stretch, in their order, with what was written from `offset` on."""
        size = sum(map(len, views))
        if offset + size > max(self._readable, self._start):
            self._put_part(self._stretch)  # unfinished: it is put again when it is full
            self._readable = self.length_bytes
        taken = os.preadv(self._descriptor, views, offset)
        if taken != size:
            raise OSError(f"{taken} of {size} bytes were read back at {offset}")


class ChangedFile(_Stretched):
    """Takes the content of a file from its beginning, and writes it with `changes`, oldest first.

    `size_bytes` is that of the content. The file is there whole after `end()`.
    """

    def __init__(
        self,
        target: Path,
        size_bytes: int,
        changes: Sequence[Changes],
        read: Read,
        stretch: memoryview,
    ) -> None:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        super().__init__(descriptor, stretch)
        self._changes, self._read = changes, read
        self._length = changes[-1].length_bytes if changes else size_bytes
        if self._length >= STRETCH_BYTES and self._length % _SECTOR_BYTES == 0:
            _past_the_cache(descriptor)

    def end(self) -> None:
        try:
            while self._start < self._length:
                if self._changes:
                    self._stretch[self._filled :] = bytes(STRETCH_BYTES - self._filled)
                self._put()
        finally:
            os.close(self._descriptor)

    def _put_part(self, part: memoryview) -> None:
        part = part[: max(0, min(STRETCH_BYTES, self._length - self._start))]
        for changes in self._changes:
            changes.apply(part, self._start, self._read)
        super()._put_part(part)


def _past_the_cache(descriptor: int) -> None:
    """Where the file system cannot, as in memory, the file stays an ordinary one."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | _DIRECT)
    except OSError:
        return


def _through_the_cache(descriptor: int) -> bool:
    """Whether it went past it until now."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags & ~_DIRECT)
    return bool(flags & _DIRECT)
