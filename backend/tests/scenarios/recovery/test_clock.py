"""The clock is set back: that of the server, of the receiver, of the worker and of the commands.

libfaketime stands between these processes and the kernel's clock, which it leaves alone for the
rest of the machine; monotonic clocks go on, as they do when a person or NTP sets the time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from insightengine.recovery.journal import OperationKind
from tests.scenarios.platform import eventually
from tests.scenarios.recovery.ground import Ground, ground, open_folder
from tests.scenarios.recovery.outcomes import lost_within_s, told

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
pytestmark = [
    pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed (Debian: faketime)"),
    pytest.mark.slow,
    pytest.mark.timeout(300),
]


class Clock:
    """Seconds by which the processes' time differs from this machine's."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.offset_s = 0
        self.set(0)

    def set(self, offset_s: int) -> None:
        self.offset_s = offset_s
        temporary = self._file.with_suffix(".new")
        temporary.write_text(f"{offset_s:+d}\n", encoding="utf-8")
        temporary.chmod(0o644)
        temporary.replace(self._file)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.offset_s)


@pytest.fixture
def clocked() -> Iterator[tuple[Ground, Clock]]:
    with open_folder() as folder:
        clock = Clock(folder)
        with ground(environment=clock.environment) as one:
            yield one, clock


def server_time(one: Ground) -> datetime:
    found = one.value("SELECT clock_timestamp()")
    assert isinstance(found, datetime)
    return found


def set_back(one: Ground, clock: Clock, offset_s: int) -> None:
    """Returns once the server goes by it."""
    clock.set(offset_s)
    eventually(
        lambda: abs(server_time(one) - clock.now()) < timedelta(seconds=1), 10, "the clock is set"
    )


def test_a_time_that_passed_twice_is_refused_with_both_positions(
    clocked: tuple[Ground, Clock],
) -> None:
    one, clock = clocked
    commits = one.commits()
    with commits.running():
        began = clock.now()
        commits.wait_for(300)
        eventually(lambda: clock.now() > began + timedelta(seconds=12), 30, "time passes")
        twice = clock.now() - timedelta(seconds=5)
        set_back(one, clock, -10)
        commits.wait_for(100)
        eventually(lambda: clock.now() > twice + timedelta(seconds=3), 30, "it has passed again")
    one.shipped()
    asked = ("restore", "--plan", "--to", twice.isoformat())
    refused = one.insight(*asked, check=False)
    assert refused.returncode != 0
    assert "2 times: it was set back" in refused.stderr, refused.stderr
    position = refused.stderr.partition("--to ")[2].split(",")[0].strip()
    planned = one.insight("restore", "--plan", "--to", position)
    assert "restore to" in planned.stdout + planned.stderr
    restored = one.done(OperationKind.RESTORE, to=position)
    one.writable()
    assert commits.torn() == 0
    told(
        "the clock is set back by 10 s; a restore to a time that passed twice",
        False,
        "refused, names both positions; restored to the first of them",
        seconds=float(restored.result["seconds"]),
    )


def test_a_clock_that_is_set_back_by_an_hour_loses_nothing_and_backs_up_once(
    clocked: tuple[Ground, Clock],
) -> None:
    one, clock = clocked
    before = one.house.backups()[-1]
    commits = one.commits()
    with commits.running():
        commits.wait_for(200)
        set_back(one, clock, -3600)
        commits.wait_for(200)
        later = str(one.done(OperationKind.BACKUP, kind="incremental").result["backup"])
        commits.wait_for(100)
        wiped_at = one.wipe()
    assert later < before.id, "its name tells the time that the clock told"
    assert one.house.backups()[-1].id == later, "its position tells that it is newer"
    restored = one.done(OperationKind.RESTORE, to="latest")
    one.writable()
    assert restored.result["backup"] == later
    assert commits.torn() == 0
    assert lost_within_s(commits, wiped_at) < 1
    # The new timeline needs a full backup. One is enough, although its name sorts first.
    eventually(lambda: one.house.backups()[-1].timeline > before.timeline, 60, "it was taken")
    one.calm()
    count = len(one.house.backups())
    settled = time.monotonic() + 5
    eventually(lambda: time.monotonic() > settled, 10, "a worker that loops would have begun")
    one.calm()
    assert len(one.house.backups()) == count
    told(
        "the clock is set back by an hour under load; then the data directory is wiped",
        False,
        "positions decide: the later backup is the newer one, restored from it; "
        "one full backup follows",
        commits,
        float(restored.result["seconds"]),
        since=wiped_at,
    )
