"""A spill with its file, for tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from insightengine.recovery.stretches import Spill, Writers


@contextmanager
def spilling(folder: Path, writers: Writers) -> Iterator[tuple[Writers, Spill]]:
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file, writers:
        yield writers, Spill(file.fileno(), writers)
