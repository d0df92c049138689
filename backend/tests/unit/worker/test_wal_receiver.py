"""What makes ready for the WAL receiver."""

from __future__ import annotations

from pathlib import Path

from insightengine.core.lsn import SEGMENT_BYTES
from insightengine.worker.wal_receiver import remove_unpadded


def test_a_segment_that_a_full_disk_left_unpadded_is_removed(tmp_path: Path) -> None:
    unpadded = tmp_path / "000000010000000000000003.partial"
    unpadded.write_bytes(b"\0" * 1000)
    empty = tmp_path / "000000010000000000000004.partial"
    empty.touch()
    padded = tmp_path / "000000010000000000000002.partial"
    padded.write_bytes(b"log".ljust(SEGMENT_BYTES, b"\0"))
    history = tmp_path / "00000002.history"
    history.write_bytes(b"1\t0/5000000\tpromoted\n")
    remove_unpadded(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([padded, empty, history])
