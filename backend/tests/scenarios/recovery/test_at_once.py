"""Two at once, and one after a timeline was left."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from insightengine.core.errors import ConflictError
from insightengine.recovery.journal import Operation, OperationKind, OperationState
from insightengine.wiring.recovery_verbs import ask_for
from tests.scenarios.platform import eventually
from tests.scenarios.recovery.ground import Ground, ground, open_folder
from tests.scenarios.recovery.outcomes import lost_within_s, told

pytestmark = pytest.mark.timeout(300)
_AT_ONCE = 8


@pytest.fixture(scope="module")
def one() -> Iterator[Ground]:
    with ground() as made:
        yield made


def test_of_backups_that_are_asked_for_at_once_one_is_taken(one: Ground) -> None:
    def asked(number: int) -> Operation | None:
        try:
            return ask_for(one.folder, OperationKind.BACKUP, {"kind": "incremental"}, str(number))
        except ConflictError as error:
            if error.code == "operation_under_way":
                return None
            raise

    one.calm()
    before = len(one.house.backups())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        accepted = [found for found in pool.map(asked, range(_AT_ONCE)) if found]
    assert len(accepted) == 1
    done = one.ended(accepted[0])
    assert done.state is OperationState.DONE
    one.calm()
    assert len(one.house.backups()) == before + 1
    assert done.ended_at is not None
    told(
        f"{_AT_ONCE} backups are asked for at once",
        None,
        f"one is taken and proven, {_AT_ONCE - 1} are refused and told which one is under way",
        seconds=(done.ended_at - done.asked_at).total_seconds(),
    )


def test_a_worker_that_is_killed_during_a_backup_finds_it_going_on(one: Ground) -> None:
    one.calm()
    before = one.count_proven()
    operation = one.ask(OperationKind.BACKUP, kind="full")
    eventually(lambda: one.house.journal.get(operation.id).step == "streaming", 30, "it streams")
    one.killed("backups")
    done = one.ended(operation)
    assert done.state is OperationState.DONE
    one.calm()
    assert one.count_proven() == before + 1
    assert done.ended_at is not None
    told(
        "`kill -9` of the worker during a backup",
        None,
        "the backup is taken once and is proven",
        seconds=(done.ended_at - done.asked_at).total_seconds(),
    )


@pytest.mark.slow
def test_of_two_repositories_one_suffices() -> None:
    with (
        open_folder() as other,
        ground(to=f"{{folder: {other}}}, {{folder: .insight/backups}}") as one,
    ):
        commits = one.commits()
        with commits.running():
            commits.wait_for(200)
        one.shipped()
        away = one.repository.with_name("away")
        one.repository.rename(away)
        wiped_at = one.wipe()
        one.wipe_spool()
        restored = one.restored()
        assert commits.lost() == commits.torn() == 0
        away.rename(one.repository)
        told(
            "one of two repositories is away; data directory and received log are wiped",
            False,
            "restored from the other one",
            commits,
            float(restored.result["seconds"]),
            since=wiped_at,
        )


@pytest.mark.slow
def test_after_a_restore_to_an_earlier_moment_the_next_one_follows_the_new_timeline(
    one: Ground,
) -> None:
    """A backup of the old timeline lies behind the point where it was left: it leads nowhere."""
    one.calm()
    commits = one.commits()
    with commits.running():
        commits.wait_for(100)
    point = str(one.value("SELECT pg_create_restore_point('here')::text"))
    one.value("CREATE TABLE undone ()")
    dead_end = str(one.done(OperationKind.BACKUP, kind="incremental").result["backup"])
    one.shipped()
    one.restored(to=point)
    assert one.value("SELECT to_regclass('undone')") is None
    with commits.running():
        receives(one, 2)
        commits.wait_for(100)
        wiped_at = one.wipe()  # before a backup of the new timeline is proven, if it is quick
    restored = one.restored()
    assert restored.result["backup"] != dead_end
    assert commits.torn() == 0
    assert lost_within_s(commits, wiped_at) < 1
    told(
        "timeline switch: restored to an earlier moment, then the data directory is wiped before "
        "the new timeline has a backup",
        False,
        "restored from a backup in the past of the new timeline and the log of both",
        commits,
        float(restored.result["seconds"]),
        since=wiped_at,
    )


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("synchronous", [True, False], ids=["synchronous", "asynchronous"])
def test_a_failover_switches_the_timeline_and_the_log_goes_on(synchronous: bool) -> None:
    with ground(synchronous=synchronous) as one:
        one.insight("replica", "add")
        eventually(lambda: streams(one), 90, "the replica streams")
        commits = one.commits()
        with commits.running():
            commits.wait_for(300)
            following = walreceiver(one)
            following.suspend()  # the replica is behind; the receiver of backups is not
            commits.wait_for(300)
            killed_at = one.wipe()
            following.resume()
            eventually(lambda: commits.last_at > killed_at + 1, 60, "the replica took over")
            promoted_s = min(t for t in commits.acknowledged.values() if t > killed_at + 1)
            promoted_s -= killed_at
            lost_s, first = lost_within_s(commits, killed_at), commits.lost_commits()
            told(
                "timeline switch: the replica is behind by 300 transactions, `kill -9` of the "
                "primary and its data directory is wiped; nobody does anything",
                synchronous,
                "the replica gets what the WAL receiver has, and serves on the primary's address",
                commits,
                f"{promoted_s:.1f} s until the next commit",
                since=killed_at,
            )
            receives(one, 2)
            commits.wait_for(200)
            one.insight("replica", "remove", check=False)
            wiped_at = one.wipe()
        assert not first if synchronous else lost_s < 1
        restored = one.restored()
        assert commits.torn() == 0
        more = commits.lost_commits() - first
        assert all(wiped_at - commits.acknowledged[one] < 1 for one in more)
        assert int(restored.result["timeline"]) >= 3
        told(
            "the same again without a replica, before the new timeline has a proven backup",
            synchronous,
            "restored across the switch",
            commits,
            float(restored.result["seconds"]),
            since=wiped_at,
            besides=first,
        )


def test_a_failover_does_not_wait_for_a_backup_that_hangs() -> None:
    with ground() as one:
        one.insight("replica", "add")
        eventually(lambda: streams(one), 90, "the replica streams")
        commits = one.commits()
        with commits.running():
            commits.wait_for(100)
            backup = one.ask(OperationKind.BACKUP, kind="full")
            hanging = eventually(lambda: operating(one), 30, "the backup runs")
            hanging.suspend()
            killed_at = one.wipe()
            eventually(lambda: commits.last_at > killed_at + 1, 60, "the replica took over")
            promoted_s = min(t for t in commits.acknowledged.values() if t > killed_at + 1)
            promoted_s -= killed_at
        given_up = one.house.journal.get(backup.id)
        assert given_up.state is OperationState.FAILED
        assert "gave way" in str(given_up.error)
        assert lost_within_s(commits, killed_at) < 1
        assert commits.torn() == 0
        told(
            "a backup hangs; `kill -9` of the primary and its data directory is wiped",
            False,
            "the backup gives way, the replica serves on the primary's address",
            commits,
            f"{promoted_s:.1f} s until the next commit",
            since=killed_at,
        )


def operating(one: Ground) -> psutil.Process | None:
    """The process that carries out an operation, if there is one."""
    children = psutil.Process(one.pid("backups")).children()
    return next((child for child in children if "operation" in " ".join(child.cmdline())), None)


def walreceiver(one: Ground) -> psutil.Process:
    """The process of the replica that takes the log from the primary."""
    children = psutil.Process(one.pid("replica")).children()
    return next(child for child in children if "walreceiver" in " ".join(child.cmdline()))


def receives(one: Ground, timeline: int) -> None:
    """Returns when log of that timeline is received: before, what is committed on it is lost."""
    spool = one.house.folders.spool
    eventually(lambda: list(spool.glob(f"*/{timeline:08X}.history")), 60, "it is received")


def streams(one: Ground) -> bool:
    return one.insight("replica", "status", check=False).returncode == 0
