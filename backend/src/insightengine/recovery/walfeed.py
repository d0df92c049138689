"""Hands WAL to a server that recovers.

The server asks through `restore_command` for one file after the other and waits for each. Starting
Python for every segment would take longer than replaying it. So the command is a few lines of
shell that leave a wish in a folder and take what appears; this thread fulfils the wishes and has
the next segments ready before they are asked for.
"""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from insightengine.core.disk import is_full
from insightengine.core.errors import InsightError, LimitExceededError, UnavailableError
from insightengine.core.lsn import Segment
from insightengine.recovery.walsource import WalFile, WalSource

_AHEAD = 3
_POLL_S = 0.002
_SCRIPT = """#!/bin/sh
# restore_command of a recovery: asks for one file of WAL and waits for the answer. Only 1 says that
# there is no such file, and the server then takes the log for ended; 255 stops it.
true > "$1/want/$2" || exit 255
while [ -e "$1/alive" ]; do
    if [ -e "$1/have/$2" ]; then mv "$1/have/$2" "$3" || exit 255; exit 0; fi
    if [ -e "$1/none/$2" ]; then rm "$1/none/$2" || exit 255; exit 1; fi
    sleep 0.004
done
exit 255
"""


class WalFeed:
    """Use it as a context around the server. `failure` is why a wish could not be fulfilled."""

    def __init__(self, folder: Path, source: WalSource, fed: Callable[[int], None]) -> None:
        self._folder = folder
        self._source = source
        self._fed = fed
        self._stop = threading.Event()
        self._ready: dict[Segment, Future[WalFile | None]] = {}
        self._thread = threading.Thread(target=self._run, name="wal-feed")
        self.failure: InsightError | None = None

    @property
    def restore_command(self) -> str:
        script, folder = shlex.quote(str(self._folder / "fetch")), shlex.quote(str(self._folder))
        return f'/bin/sh {script} {folder} "%f" "%p"'

    def __enter__(self) -> WalFeed:
        for name in ("want", "have", "none"):
            (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / "fetch").write_text(_SCRIPT, encoding="utf-8")
        (self._folder / "alive").touch()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        (self._folder / "alive").unlink(missing_ok=True)
        self._thread.join()

    def _run(self) -> None:
        """The server must not go on as if the log ended where it cannot be handed over, nor wait
        for ever: then it is stopped."""
        with ThreadPoolExecutor(2, thread_name_prefix="wal-read") as readers:
            try:
                while not self._stop.wait(_POLL_S):
                    self._fulfil(readers)
            except InsightError as error:
                self._fail(error)
            except OSError as error:
                self._fail(self._told(error))
            for future in self._ready.values():
                future.cancel()

    def _fulfil(self, readers: ThreadPoolExecutor) -> None:
        for wish in os.listdir(self._folder / "want"):  # noqa: PTH208 -- polled
            # Before the answer: once it has it, the server may ask for the same again.
            (self._folder / "want" / wish).unlink()
            self._give(wish, self._content(wish, readers))

    def _fail(self, error: InsightError) -> None:
        self.failure = error
        (self._folder / "alive").unlink(missing_ok=True)

    def _told(self, error: OSError) -> InsightError:
        where = f"{self._folder}: {error.strerror} while write-ahead log was replayed"
        if is_full(error):
            return LimitExceededError(where, code="disk_full", hint="free some space")
        return UnavailableError(where, hint=f"look at the disk and the owner of {self._folder}")

    def _give(self, name: str, content: bytes | None) -> None:
        if content is None:
            (self._folder / "none" / name).touch()
            return
        arriving = self._folder / f"arriving.{name}"
        arriving.write_bytes(content)
        arriving.replace(self._folder / "have" / name)
        self._fed(len(content))

    def _content(self, name: str, readers: ThreadPoolExecutor) -> bytes | None:
        if name.endswith(".history"):
            return self._source.history(int(name[:8], 16))
        segment = Segment.parse(name)
        if segment is None:
            return None
        following = [Segment(segment.timeline, segment.number + n) for n in range(_AHEAD + 1)]
        for one in following:
            if one not in self._ready:
                self._ready[one] = readers.submit(self._source.segment, one)
        for old in [one for one in self._ready if one < segment]:
            self._ready.pop(old).cancel()
        found = self._ready[segment].result()
        if found is None:
            del self._ready[segment]  # it may come
            return None
        return found.padded  # and is kept: at its end, a recovery asks for the last one again
