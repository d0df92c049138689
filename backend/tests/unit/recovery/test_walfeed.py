"""What a recovering server asks for and gets; the server is played by the test."""

from __future__ import annotations

import time
from pathlib import Path

from insightengine.core.lsn import Segment
from insightengine.recovery.walfeed import WalFeed
from insightengine.recovery.walsource import WalFile

NAME = "000000010000000000000007"


class Everything:
    def history(self, timeline: int) -> bytes | None:
        del timeline
        return None

    def segment(self, segment: Segment) -> WalFile | None:
        del segment
        return WalFile(b"log", is_whole=True)


def test_a_segment_that_is_asked_for_again_at_once_is_given_again(tmp_path: Path) -> None:
    """At the end of a recovery the server reads its last segment a second time."""
    folder = tmp_path / "feed"
    answers: list[float] = []

    def server_takes_it_and_asks_again(size: int) -> None:
        del size
        answers.append(time.monotonic())
        if len(answers) == 1:
            (folder / "have" / NAME).rename(tmp_path / "taken")
            (folder / "want" / NAME).touch()

    with WalFeed(folder, Everything(), server_takes_it_and_asks_again):
        (folder / "want" / NAME).touch()
        deadline = time.monotonic() + 10
        while len(answers) < 2:
            assert time.monotonic() < deadline, "the second wish was lost"
            time.sleep(0.005)
    assert (folder / "have" / NAME).exists()
