"""The clock of recovery is set back: of the worker, of its operations and of the commands.

It is set at the house, which everything of recovery asks for the time (`clock/sitecustomize.py`).
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

SET = Path(__file__).with_name("clock")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Clock:
    """Seconds by which the processes' time differs from this machine's."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.offset_s = 0
        self.set(0)

    def set(self, offset_s: int) -> None:
        self.offset_s = offset_s
        temporary = self._file.with_suffix(".new")
        temporary.write_text(str(offset_s), encoding="utf-8")
        temporary.chmod(0o644)
        temporary.replace(self._file)

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(SET), "CLOCK_OFFSET": str(self._file)}

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.offset_s)


@pytest.fixture
def clocked() -> Iterator[tuple[Ground, Clock]]:
    with open_folder() as folder:
        clock = Clock(folder)
        with ground(environment=clock.environment) as one:
            yield one, clock


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
        clock.set(-10)
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
    restored = one.restored(to=position)
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
        clock.set(-3600)
        commits.wait_for(200)
        later = str(one.done(OperationKind.BACKUP, kind="incremental").result["backup"])
        commits.wait_for(100)
        wiped_at = one.wipe()
    assert later < before.id, "its name tells the time that the clock told"
    assert one.house.backups()[-1].id == later, "its position tells that it is newer"
    restored = one.restored()
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
