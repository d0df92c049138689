"""Which batches of a signal are on their way into the store, on disk. Blocking.

A signal has slots, one a batch. `<signal>.<slot>.batch` names the segments of a batch before
anything of it is inserted; it is renamed to `….stored` when all of it is, and removed after its
segments are. `….refused` lists the parts of it that the store refused. Each change is on disk
before the next one begins.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from insightengine.core.errors import InsightError, InvalidInputError
from insightengine.telemetry.ingest_plan import Batch, Committed
from insightengine.telemetry.port import Signal
from insightengine.telemetry.segment_writer import sync_folder
from insightengine.telemetry.segments import SegmentName
from insightengine.telemetry.setaside import write_synced


@dataclass(frozen=True, slots=True)
class Part:
    """Records `low` to `high` (exclusive) of a batch."""

    low: int
    high: int

    def halves(self) -> tuple[Part, Part]:
        middle = (self.low + self.high) // 2
        return Part(self.low, middle), Part(middle, self.high)


class BatchJournal:
    """One slot's; used by one thread."""

    def __init__(self, spool: Path, signal: Signal, slot: int) -> None:
        self._spool = spool
        self._committed = spool / f"{signal.value}.{slot}.batch"
        self._stored = spool / f"{signal.value}.{slot}.stored"
        self._refused = spool / f"{signal.value}.{slot}.refused"

    def read(self) -> Committed | None:
        """Raises InsightError when the file is not what `commit` wrote."""
        for path, is_stored in ((self._stored, True), (self._committed, False)):
            if path.exists():
                return Committed(_parse(path), is_stored)
        return None

    def commit(self, batch: Batch) -> None:
        self._refused.unlink(missing_ok=True)
        names = [segment.token for segment in batch.segments]
        write_synced(self._committed, json.dumps({"segments": names}).encode())

    def mark_stored(self) -> None:
        self._committed.rename(self._stored)
        sync_folder(self._spool)

    def forget(self) -> None:
        """To be called when the segments are removed: they must not come back without this."""
        sync_folder(self._spool)
        self._refused.unlink(missing_ok=True)
        self._stored.unlink()

    def refuse(self, batch: Batch, part: Part, reason: str) -> None:
        line = {"batch": batch.token, "low": part.low, "high": part.high, "reason": reason[:4000]}
        with self._refused.open("a") as file:
            file.write(f"\n{json.dumps(line)}\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self._spool)

    def refused(self, batch: Batch) -> Mapping[Part, str]:
        """Refused parts and why. A torn last line was not acted upon, so it is left out."""
        if not self._refused.exists():
            return {}
        refused: dict[Part, str] = {}
        for line in self._refused.read_text(errors="replace").splitlines():
            try:
                entry = json.loads(line)
                if entry["batch"] == batch.token:
                    refused[Part(int(entry["low"]), int(entry["high"]))] = str(entry["reason"])
            except (ValueError, KeyError, TypeError):
                continue
        return refused


def _parse(path: Path) -> Batch:
    try:
        first, *others = json.loads(path.read_bytes())["segments"]
        return Batch(tuple(SegmentName.parse(name) for name in (first, *others)))
    except (ValueError, KeyError, TypeError, InvalidInputError) as error:
        raise InsightError(
            f"{path} does not name a batch of segments: {error}; what waits stays in the spool",
            code="batch_unreadable",
            hint=f"rm {path}, after which rows of that batch may be stored twice",
        ) from error
