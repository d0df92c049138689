import os
import subprocess
import sys
import time
from pathlib import Path

from insightengine.runtimes.local.launch import start_ticks
from insightengine.runtimes.local.records import (
    Record,
    alive_records,
    kill_session,
    read_record,
    record_path,
    session_members,
    write_own_record,
)


def test_a_process_finds_its_own_record_alive(tmp_path: Path) -> None:
    own = write_own_record(tmp_path, "supervisor")
    assert own.pid == os.getpid()
    assert alive_records(tmp_path) == {"supervisor": own}


def test_another_process_with_the_same_pid_is_not_the_recorded_one() -> None:
    ticks = start_ticks(os.getpid())
    assert Record("x", os.getpid(), ticks, "", 0.0).is_alive()
    assert not Record("x", os.getpid(), ticks - 1, "", 0.0).is_alive()


def test_a_torn_record_is_no_record(tmp_path: Path) -> None:
    record_path(tmp_path, "web").write_text('{"pid": 1')
    assert read_record(tmp_path, "web") is None
    assert alive_records(tmp_path) == {}


def test_a_folder_that_does_not_exist_has_no_records(tmp_path: Path) -> None:
    assert alive_records(tmp_path / "none") == {}


def test_killing_a_session_ends_its_children_too() -> None:
    script = "import subprocess; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True)"
    leader = subprocess.Popen(
        [sys.executable, "-c", f"{script}; p.wait()"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with leader:
        assert leader.stdout is not None
        child = int(leader.stdout.readline())
        assert set(session_members(leader.pid)) == {leader.pid, child}
        assert kill_session(leader.pid) == 2
        leader.wait()
    deadline = time.monotonic() + 5  # a killed process takes a moment to go
    while set(session_members(leader.pid)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert set(session_members(leader.pid)) == set()
