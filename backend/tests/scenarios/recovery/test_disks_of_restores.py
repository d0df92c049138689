"""The disk fills while something is restored: into the platform, a table of it, an empty machine.

There was room when it began. Each is told, loses nothing, leaves nothing behind, and succeeds when
it is asked for again.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from insightengine.recovery.journal import Operation, OperationKind, OperationState
from tests.ports import free_base_port
from tests.scenarios.platform import INSIGHT, eventually
from tests.scenarios.recovery.disks import MIB, NEEDS_ROOT, Disk, disk, new_folder
from tests.scenarios.recovery.ground import Ground, ground, open_folder
from tests.scenarios.recovery.outcomes import lost_within_s, told

pytestmark = [NEEDS_ROOT, pytest.mark.slow, pytest.mark.timeout(300)]
_FULL = "No space left on device"
_MUCH = (  # 400 MB that do not compress, so that a restore of them takes its time
    "CREATE TABLE much AS SELECT n, (SELECT string_agg(md5((n * 100 + i)::text), '') "
    "FROM generate_series(1, 60) i) AS text FROM generate_series(1, 200000) n"
)


@contextmanager
def filled_once(own: Disk, moment: Callable[[Path], bool], work: Path) -> Iterator[None]:
    """From the moment of the restore on, of which `work` has the files, nothing is free."""
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            if moment(work):
                own.fill()
                return
            time.sleep(0.002)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


def extracts(work: Path) -> bool:
    """It has written its first megabytes."""
    return written_bytes(work) > 20 * MIB


def replays(work: Path) -> bool:
    return any(work.glob("*/server.log"))


def written_bytes(work: Path) -> int:
    total = 0
    for folder, _, files in os.walk(work):
        for name in files:
            try:
                total += (Path(folder) / name).stat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total


@pytest.fixture(scope="module")
def small() -> Iterator[tuple[Ground, Disk, Path]]:
    """A platform on a small disk, its repository on another one, and a recovery key of it."""
    folder = new_folder()
    (folder / ".insight").mkdir()
    with (
        open_folder() as repository,
        disk(folder / ".insight", 3600) as own,
        ground(to=f"{{folder: {repository}}}", in_folder=folder) as one,
    ):
        key = repository.parent / "recovery.key"
        one.insight("recover", "key", "create", "--out", str(key))
        one.kill("backups")  # it reads the keys anew
        one.value(_MUCH)
        one.done(OperationKind.BACKUP, kind="full")
        yield one, own, key


def failed_for_want_of_room(one: Ground, operation: Operation) -> None:
    """What was told, and that nothing of it lies around."""
    assert operation.state is OperationState.FAILED, operation
    assert _FULL in str(operation.error), operation
    assert "free some space" in str(operation.hint)
    assert not (one.house.folders.work / operation.id).exists()


@pytest.mark.parametrize("moment", [extracts, replays])
def test_a_disk_that_fills_during_a_restore(
    small: tuple[Ground, Disk, Path], moment: Callable[[Path], bool]
) -> None:
    one, own, _ = small
    one.settled()
    commits = one.commits()
    with commits.running():
        commits.wait_for(200)
        if moment is replays:
            one.value("CREATE TABLE more AS SELECT * FROM much")
        wiped_at = one.wipe()
        with filled_once(own, moment, one.house.folders.work):
            ended = one.run(OperationKind.RESTORE, to="latest")
        failed_for_want_of_room(one, ended)
        own.free()
        done = one.restored()
        commits.wait_for(200)
    assert commits.torn() == 0
    assert lost_within_s(commits, wiped_at) < 1.0
    what = "files are" if moment is extracts else "write-ahead log is"
    told(
        f"the data directory is wiped, and the disk fills while {what} brought back; freed, then "
        "asked for again",
        False,
        "told, nothing left behind; restored by the second attempt",
        commits,
        float(done.result["seconds"]),
        since=wiped_at,
    )


def test_a_disk_that_fills_while_a_table_is_restored(small: tuple[Ground, Disk, Path]) -> None:
    """The server, which runs on the same disk, goes on with what it has."""
    one, own, _ = small
    one.settled()
    commits = one.commits()
    wanted = {"database": "postgres", "table": "public.much"}
    with commits.running():
        commits.wait_for(200)
        with filled_once(own, extracts, one.house.folders.work):
            ended = one.run(OperationKind.RESTORE, **wanted)
        failed_for_want_of_room(one, ended)
        own.free()
        freed_at = time.monotonic()
        commits.wait_for(200)
    one.writable()
    done = one.done(OperationKind.RESTORE, **wanted)
    restored = str(done.result["as"]).removeprefix("postgres.")
    assert one.value(f"SELECT count(*) FROM {restored}") == 200_000
    assert one.value("SELECT count(*) FROM much") == 200_000
    assert commits.lost() == commits.torn() == 0
    told(
        "the disk fills while a table is restored beside a server under load; freed, then asked "
        "for again",
        False,
        "told, nothing left behind; the server serves again by itself; restored by the second "
        "attempt",
        commits,
        f"{min(at for at in commits.acknowledged.values() if at > freed_at) - freed_at:.1f} s from "
        "freed to the next commit",
    )


def test_a_disk_that_fills_during_a_recovery_of_an_empty_machine(
    small: tuple[Ground, Disk, Path],
) -> None:
    one, _, key = small
    one.settled()
    bare = new_folder()
    command = [str(INSIGHT), "recover", "--from", str(one.repository), "--key", str(key), "--yes"]
    command += ["--no-start", "--json", "--project", str(bare)]
    environment = {**os.environ, "INSIGHT_BASE_PORT": str(free_base_port())}

    def recover() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=environment, text=True, capture_output=True, timeout=120, check=False
        )

    (bare / ".insight").mkdir()
    with disk(bare / ".insight", 2400) as own:
        work = bare / ".insight/recovery/work"
        with filled_once(own, extracts, work):
            first = recover()
        assert first.returncode == 4, first
        assert _FULL in first.stderr
        assert not (bare / ".insight/postgres").exists()
        assert written_bytes(work) == 0
        own.free()
        began = time.monotonic()
        second = recover()
        assert second.returncode == 0, second.stderr
        assert json.loads(second.stdout)["backup"] == one.house.backups()[-1].id
        assert (bare / ".insight/postgres/PG_VERSION").exists()
        eventually(lambda: written_bytes(work) == 0, 10, "nothing is left of the attempts")
        told(
            "the disk fills during `insight recover` into an empty folder; freed, then run again",
            None,
            "told, nothing left behind; the same command recovers",
            seconds=time.monotonic() - began,
        )
