"""Notices that a source of the application was saved, by looking at times and sizes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from insightengine.runtimes.local.sources import tree_of
from insightengine.wiring.application import Placed

_PAUSE_S = 0.25
_SHARE = 10  # of the time, at most one part in so many is spent looking
Seen = Mapping[Path, tuple[int, int]]


def sources_of(placed: Placed) -> Iterator[Path]:
    """Every file that a version is made of, the Compose file and its overlays."""
    file = Path(placed.application.file)
    yield from file.parent.glob(f"{file.stem}*.y*ml")
    roots = {tree_of(one, placed.folder).root: one for one in placed.started}
    for service in roots.values():
        for _, path in tree_of(service, placed.folder).files():
            yield path


class Saves:
    """`files` is asked at every look, so that new files are noticed."""

    def __init__(self, files: Callable[[], Iterator[Path]]) -> None:
        self._files = files
        self._seen = _look(files)

    def await_next(self) -> tuple[Path, ...]:
        """What was changed, made or removed; returns once it was quiet for one look, because an
        editor or a checkout writes more than one file."""
        changed: set[Path] = set()
        while True:
            began = time.monotonic()
            now = _look(self._files)
            found = _differing(self._seen, now)
            self._seen = now
            if changed and not found:
                return tuple(sorted(changed))
            changed |= found
            time.sleep(max(_PAUSE_S, _SHARE * (time.monotonic() - began)))


def _look(files: Callable[[], Iterator[Path]]) -> Seen:
    seen: dict[Path, tuple[int, int]] = {}
    for path in files():
        with suppress(OSError):  # removed in this moment
            found = path.lstat()
            seen[path] = (found.st_mtime_ns, found.st_size)
    return seen


def _differing(before: Seen, now: Seen) -> set[Path]:
    return {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
