"""What a recovering server asks for and gets; the server is played by the test."""

from __future__ import annotations

import shlex
import subprocess
import time
from pathlib import Path

import pytest

from insightengine.core.errors import LimitExceededError
from insightengine.core.lsn import Segment
from insightengine.recovery.walfeed import WalFeed
from insightengine.recovery.walsource import WalFile

NAME = "000000010000000000000007"


class Everything:
    """Has every segment, while it `has` any."""

    def __init__(self, *, has: bool = True) -> None:
        self.read: list[str] = []
        self.has = has

    def history(self, timeline: int) -> bytes | None:
        del timeline
        return None

    def segment(self, segment: Segment) -> WalFile | None:
        self.read.append(segment.name)
        return WalFile(b"log", is_whole=True) if self.has else None


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

    source = Everything()
    with WalFeed(folder, source, server_takes_it_and_asks_again):
        (folder / "want" / NAME).touch()
        deadline = time.monotonic() + 10
        while len(answers) < 2:
            assert time.monotonic() < deadline, "the second wish was lost"
            time.sleep(0.005)
    assert (folder / "have" / NAME).exists()
    assert source.read.count(NAME) == 1, "it was read and opened a second time"


def until(folder: Path, name: str) -> None:
    deadline = time.monotonic() + 10
    while not (folder / name).exists():
        assert time.monotonic() < deadline, f"{name} never came"
        time.sleep(0.005)


def test_a_segment_that_was_missing_is_looked_for_again(tmp_path: Path) -> None:
    """A server that still runs writes more while another one recovers beside it."""
    folder = tmp_path / "feed"
    source = Everything(has=False)
    with WalFeed(folder, source, lambda _: None):
        (folder / "want" / NAME).touch()
        until(folder, f"none/{NAME}")
        source.has = True
        (folder / "want" / NAME).touch()
        until(folder, f"have/{NAME}")


class Nothing(Everything):
    def segment(self, segment: Segment) -> WalFile | None:
        del segment


def asked(feed: WalFeed, target: Path) -> int:
    """What the server's `restore_command` exits with."""
    command = feed.restore_command.replace("%f", NAME).replace("%p", shlex.quote(str(target)))
    return subprocess.run(["sh", "-c", command], timeout=10, check=False).returncode


@pytest.mark.parametrize(("source", "code"), [(Everything(), 0), (Nothing(), 1)])
def test_the_command_tells_whether_there_is_such_a_file(
    tmp_path: Path, source: Everything, code: int
) -> None:
    target = tmp_path / "segment"
    with WalFeed(tmp_path / "feed", source, lambda size: None) as feed:
        assert asked(feed, target) == code
    assert target.exists() is (code == 0)


def test_a_full_disk_stops_the_server_which_would_wait_for_ever(tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    (folder / f"arriving.{NAME}").symlink_to("/dev/full")
    with WalFeed(folder, Everything(), lambda size: None) as feed:
        assert asked(feed, tmp_path / "segment") == 255
    assert isinstance(feed.failure, LimitExceededError)
    assert feed.failure.code == "disk_full"


def test_what_cannot_be_put_in_its_place_is_not_taken_for_the_end_of_the_log(
    tmp_path: Path,
) -> None:
    with WalFeed(tmp_path / "feed", Everything(), lambda size: None) as feed:
        assert asked(feed, tmp_path / "no folder" / "segment") == 255
        (tmp_path / "feed/want").rmdir()
        assert asked(feed, tmp_path / "segment") == 255
