"""Disks that fill: the server's, that of backups, that of received log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from benchmarks.commits import Commits
from insightengine.recovery.journal import OperationKind, OperationState
from tests.scenarios.platform import eventually
from tests.scenarios.recovery.disks import MIB, NEEDS_ROOT, disk, new_folder
from tests.scenarios.recovery.ground import Ground, ground, open_folder
from tests.scenarios.recovery.outcomes import longest_pause_s, lost_within_s, told

pytestmark = [
    NEEDS_ROOT,
    pytest.mark.slow,
    pytest.mark.timeout(300),
]


@pytest.fixture
def beside() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def stalls(commits: Commits, for_s: float = 2.0) -> bool:
    return time.monotonic() - commits.last_at > for_s


def test_a_full_disk_of_the_server_costs_time_and_no_transaction(beside: Path) -> None:
    folder = new_folder()
    (folder / ".insight").mkdir()
    with (
        disk(folder / ".insight", 2600) as own,
        ground(to=f"{{folder: {beside}}}", in_folder=folder) as one,
    ):
        commits = one.commits()
        with commits.running():
            commits.wait_for(200)
            full_at = time.monotonic()
            own.fill()
            eventually(lambda: stalls(commits) or fills(one), 60, "nothing is committed any more")
            own.free()
            freed_at = time.monotonic()
            commits.wait_for(200)
        pause_s = longest_pause_s(commits, freed_at)
        assert commits.lost() == commits.torn() == 0
        one.writable()
        one.done(OperationKind.BACKUP, kind="incremental")
        wiped_at = one.wipe()
        one.restored()
        assert lost_within_s(commits, wiped_at) == 0
        told(
            "the server's disk is full (with it that of received log and of the journal); "
            "freed, then the data directory is wiped",
            False,
            f"no commit for {freed_at - full_at:.0f} s until it was freed; serves again by itself, "
            "next backup proven, restored",
            commits,
            f"{pause_s:.1f} s from freed to the next commit",
            since=wiped_at,
        )


def fills(one: Ground) -> bool:
    """Has the server begin another segment; False, as it is asked again."""
    with suppress(psycopg.Error):
        one.value("SELECT pg_switch_wal()")
    return False


def test_a_full_disk_of_the_backups_stops_backups_and_nothing_else(beside: Path) -> None:
    with (
        disk(beside, 400) as other,
        ground(to=f"{{folder: {beside}}}", wal=", spool_limit: 64MiB") as one,
    ):
        commits = one.commits()
        with commits.running():
            commits.wait_for(100)
            one.shipped()
            other.fill()
            refused = one.run(OperationKind.BACKUP, kind="incremental")
            assert refused.state is OperationState.FAILED
            assert "No space left" in str(refused.error)
            begun = len(one.house.backups())
            eventually(lambda: "No space left" in told_by(one), 30, "the status says why")
            overfilled(one)
            eventually(lambda: gap(one), 60, "what had to be given up is noted")
            commits.wait_for(100)
            freed_at = time.monotonic()
            other.free()
            # A new backup closes the gap, and nobody has to ask for it.
            eventually(lambda: len(one.house.backups()) > begun, 150, "a backup closes the gap")
            one.calm()
            closed_s = time.monotonic() - freed_at
            commits.wait_for(100)
        one.shipped()
        wiped_at = one.wipe()
        one.wipe_spool()
        one.restored()
        assert commits.lost() == commits.torn() == 0
        told(
            "the disk of the backups is full until received log has to be given up; freed, then "
            "data directory and received log are wiped",
            False,
            "the server goes on; backups fail and say why; the gap is told and closed by a backup "
            "that nobody asked for; restored from the repository alone",
            commits,
            f"{closed_s:.1f} s from freed to closed",
            since=wiped_at,
        )


def told_by(one: Ground) -> str:
    fact = one.house.catalogue.fact(f"shipped {one.house.repositories[0].name}")
    return str(fact["error"])


def gap(one: Ground) -> bool:
    return one.house.catalogue.fact("received WAL was given up up to") is not None


def overfilled(one: Ground) -> None:
    """More log than the spool may hold."""
    one.value("CREATE TABLE IF NOT EXISTS filler (t text)")
    for _ in range(8):
        one.value(
            "INSERT INTO filler SELECT repeat(md5(n::text), 30) FROM generate_series(1, 15000) n"
        )
        one.value("SELECT pg_switch_wal()")


@pytest.mark.parametrize("synchronous", [True, False], ids=["synchronous", "asynchronous"])
def test_a_full_disk_of_received_log(beside: Path, synchronous: bool) -> None:
    with (
        disk(beside, 300) as spool,
        ground(synchronous=synchronous, wal=f", folder: {beside / 'wal'}") as one,
    ):
        commits = one.commits()
        with commits.running():
            commits.wait_for(100)
            spool.fill(leave_bytes=MIB)
            filled_at = time.monotonic()
            if synchronous:
                # Nothing is acknowledged that would be lost: what was promised.
                with psycopg.connect(one.conninfo(), autocommit=True) as local:
                    local.execute(b"SET synchronous_commit = local")
                    local.execute(b"SELECT pg_switch_wal()")
                eventually(lambda: stalls(commits), 60, "commits wait for the receiver")
            else:
                one.value("SELECT pg_switch_wal()")
                commits.wait_for(500)
            spool.free()
            freed_at = time.monotonic()
            commits.wait_for(300)
        pause_s = longest_pause_s(commits, filled_at)
        one.shipped()
        wiped_at = one.wipe()
        one.restored()
        assert commits.lost() == commits.torn() == 0
        state = "commits wait until it is freed" if synchronous else "commits go on"
        told(
            "the disk of received log is full; freed, then the data directory is wiped",
            synchronous,
            f"{state}; received without a gap; restored",
            commits,
            f"full for {freed_at - filled_at:.1f} s, longest pause {pause_s:.1f} s",
            since=wiped_at,
        )
