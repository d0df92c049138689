"""kill -9 of the server, of the receiver, and of operations at each of their steps."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.commits import Commits
from insightengine.recovery.journal import Operation, OperationKind, OperationState
from tests.scenarios.platform import eventually
from tests.scenarios.recovery.ground import Ground, ground, open_folder
from tests.scenarios.recovery.outcomes import longest_pause_s, lost_within_s, told

DYING = Path(__file__).with_name("dying")
MOST_LOST_S = 1.0  # without a synchronous receiver: the objective of docs/concepts/recovery.md
SHIPPED_WITHIN_S = 5.0  # `ship_every` is 1 s, and the machine is busy
JOURNAL, EVERYTHING = "journal", "everything"


WAYS = [
    pytest.param(True, id="synchronous"),
    pytest.param(False, id="asynchronous", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module", params=WAYS)
def running(request: pytest.FixtureRequest) -> Iterator[tuple[Ground, bool]]:
    with ground(synchronous=request.param) as one:
        yield one, request.param


def killed_three_times(one: Ground, commits: Commits, name: str) -> float:
    """Commits were acknowledged before and after each; when the first kill was."""
    began_at = 0.0
    for _ in range(3):
        commits.wait_for(200)
        began_at = began_at or time.monotonic()
        one.killed(name)
    commits.wait_for(200)
    return began_at


@pytest.mark.timeout(240)
def test_a_killed_server_comes_back_by_itself_with_everything(
    running: tuple[Ground, bool],
) -> None:
    one, synchronous = running
    commits = one.commits()
    with commits.running():
        began_at = killed_three_times(one, commits, "postgres")
    assert commits.lost() == commits.torn() == 0
    state = "serves again by itself"
    told(
        "`kill -9` of PostgreSQL, 3 times",
        synchronous,
        state,
        commits,
        longest_pause_s(commits, began_at),
    )


@pytest.mark.timeout(240)
def test_a_killed_receiver_loses_nothing_even_if_the_server_is_lost_then(
    running: tuple[Ground, bool],
) -> None:
    one, synchronous = running
    commits = one.commits()
    with commits.running():
        began_at = killed_three_times(one, commits, "wal-receiver")
        pause_s = longest_pause_s(commits, began_at)
        wiped_at = one.wipe()
    done = one.restored()
    assert commits.torn() == 0
    assert commits.lost() == 0 if synchronous else lost_within_s(commits, wiped_at) < MOST_LOST_S
    told(
        "`kill -9` of the WAL receiver, 3 times; then the data directory is wiped",
        synchronous,
        f"restored; commits paused for at most {pause_s:.1f} s while the receiver was away",
        commits,
        float(done.result["seconds"]),
        since=wiped_at,
    )


RECEIVED = "the data directory is wiped under load", "and the log that was received here"
REPOSITORY = "data directory and received log are wiped under load", "alone"
WIPED = [
    pytest.param(*RECEIVED, id="received-log-left"),
    pytest.param(*REPOSITORY, id="repository-alone", marks=pytest.mark.slow),
]


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("failure", "source"), WIPED)
def test_what_is_wiped_under_load_comes_back(
    running: tuple[Ground, bool], failure: str, source: str
) -> None:
    """With the received log nothing is lost that it had; the repository is a little older."""
    one, synchronous = running
    is_alone = source == "alone"
    one.settled()  # of a timeline that no repository heard of, the loss is refused: rightly
    commits = one.commits()
    with commits.running():
        commits.wait_for(500)
        wiped_at = one.wipe()
        if is_alone:
            one.wipe_spool()
    done = one.restored()
    assert commits.torn() == 0
    if synchronous and not is_alone:
        assert commits.lost() == 0
    limit_s = SHIPPED_WITHIN_S if is_alone else MOST_LOST_S
    assert lost_within_s(commits, wiped_at) < limit_s
    told(
        failure,
        synchronous,
        f"restored from the repository {source}",
        commits,
        float(done.result["seconds"]),
        since=wiped_at,
    )


class Moments:
    """Operations of one platform, each of which dies once at a moment of its own."""

    def __init__(self, one: Ground, file: Path) -> None:
        self.one, self.file = one, file

    def at(self, moment: int, kinds: str, verb: OperationKind, /, **request: object) -> Operation:
        self.one.calm()
        for mark in (self.died, self.lived):
            mark.unlink(missing_ok=True)
        self.file.write_text(f"{moment} {kinds}", encoding="utf-8")
        self.file.chmod(0o666)
        operation = self.one.run(verb, **request)
        eventually(lambda: self.died.exists() or self.lived.exists(), 20, "it died or lived")
        return operation

    @property
    def died(self) -> Path:
        return self.file.with_suffix(".died")

    @property
    def lived(self) -> Path:
        """The operation has no such moment any more: all of them were gone through."""
        return self.file.with_suffix(".lived")


@pytest.fixture(scope="module")
def moments() -> Iterator[Moments]:
    with open_folder() as folder:
        environment = {"PYTHONPATH": str(DYING), "DIES_AT": str(folder / "moment")}
        with ground(environment=environment) as one:
            yield Moments(one, folder / "moment")


def took_s(operation: Operation) -> float:
    assert operation.ended_at is not None
    return (operation.ended_at - operation.asked_at).total_seconds()


CASES = [
    pytest.param("incremental", JOURNAL, id="incremental-journal"),
    pytest.param("incremental", EVERYTHING, marks=pytest.mark.slow, id="incremental-everything"),
    pytest.param("full", EVERYTHING, marks=pytest.mark.slow, id="full-everything"),
]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "kinds"), CASES)
def test_a_backup_killed_at_each_of_its_moments_is_taken_up_and_proven(
    moments: Moments, kind: str, kinds: str
) -> None:
    one = moments.one
    one.settled()
    commits = one.commits()
    longest_s = 0.0
    with commits.running():
        for moment in itertools.count():
            before = one.count_proven()
            done = moments.at(moment, kinds, OperationKind.BACKUP, kind=kind)
            assert done.state is OperationState.DONE, (moment, done)
            assert one.count_proven() == before + 1, (moment, one.house.standings())
            longest_s = max(longest_s, took_s(done))
            if moments.lived.exists():
                break
        wiped_at = one.wipe()
    one.restored()
    assert commits.torn() == 0
    assert lost_within_s(commits, wiped_at) < MOST_LOST_S
    what = "journal entries" if kinds == JOURNAL else "journal entries and objects"
    told(
        f"`kill -9` of {'an' if kind == 'incremental' else 'a'} {kind} backup before and after "
        f"each of its {what}; then the data directory is wiped",
        False,
        f"at {moment} moments: each was taken up, ended once and is proven; restored from the last",
        commits,
        f"{longest_s:.1f} s for the slowest backup",
        since=wiped_at,
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_restore_killed_at_each_of_its_moments_is_taken_up(moments: Moments) -> None:
    one = moments.one
    lost, acknowledged, longest_s = 0, 0, 0.0
    for moment in itertools.count():
        commits = one.commits()
        with commits.running():
            commits.wait_for(100)
        one.shipped()
        one.calm()  # the backup of the new timeline would wait two minutes for log that is gone
        one.wipe()
        done = moments.at(moment, JOURNAL, OperationKind.RESTORE, to="latest")
        assert done.state is OperationState.DONE, (moment, done)
        one.writable()
        assert commits.torn() == 0, moment
        lost, acknowledged = lost + commits.lost(), acknowledged + len(commits.acknowledged)
        longest_s = max(longest_s, took_s(done))
        if moments.lived.exists():
            break
    assert lost == 0
    told(
        "`kill -9` of a restore before and after each of its journal entries",
        False,
        f"at {moment} moments: each was taken up and serves; of {acknowledged} transactions before "
        f"them {lost} lost",
        seconds=f"{longest_s:.1f} s for the slowest restore",
    )
