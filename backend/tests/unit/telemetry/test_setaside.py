from __future__ import annotations

import os
from pathlib import Path

from insightengine.telemetry.setaside import FOLDER, SetAside, set_aside


def kept(spool: Path, suffix: str) -> list[str]:
    return sorted(path.name for path in (spool / FOLDER).glob(f"*{suffix}"))


def test_the_oldest_bytes_make_room_and_their_reports_stay(tmp_path: Path) -> None:
    for number in range(4):
        what = SetAside(f"logs-{number}", 0, 40, "refused")
        path = set_aside(tmp_path, what, b"x" * 40, most_bytes=100)
        os.utime(path, ns=(number, number))
    assert kept(tmp_path, ".bin") == ["logs-2.0.bin", "logs-3.0.bin"]
    assert len(kept(tmp_path, ".json")) == 4


def test_the_same_stretch_is_kept_once(tmp_path: Path) -> None:
    what = SetAside("logs-1", 7, 10, "refused", entries=2)
    paths = {set_aside(tmp_path, what, b"abc") for _ in range(2)}
    assert [path.read_bytes() for path in paths] == [b"abc"]
