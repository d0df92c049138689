"""What a person gets wrong: a clear error each time, nothing started, nothing lost."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.scenarios.platform import Platform, eventually, throwaway_platform

RUNS = 'x-insight: {local: {command: "sleep 60"}}'
COMPOSE = {
    "an unknown key": (
        f'services:\n  web:\n    image: x\n    prots: ["80:80"]\n    {RUNS}\n',
        "compose.yaml:4:5: services.web.prots: unknown key",
        "did you mean `ports`?",
    ),
    "a circle": (
        f"services:\n  a:\n    image: x\n    depends_on: [b]\n    {RUNS}\n"
        f"  b:\n    image: x\n    depends_on: [a]\n    {RUNS}\n",
        "services.a.depends_on: waits for itself: a → b → a",
        "remove one of these dependencies",
    ),
    "no image": (
        "services:\n  web:\n    environment: {A: b}\n",
        "services.web: has neither an image nor a build",
        "x-insight.local.command",
    ),
    "no command": (
        "services:\n  web:\n    image: registry.example/own\n",
        "services.web: needs Docker",
        "x-insight.local.command",
    ),
    "a port twice": (
        f'services:\n  a:\n    image: x\n    ports: ["8000:80"]\n    {RUNS}\n'
        f'  b:\n    image: x\n    ports: ["8000:81"]\n    {RUNS}\n',
        "services.b.ports: host port 8000 is published also by services.a",
        "another host port",
    ),
    "no YAML": ("services: [1,\n", "not YAML", "look at this line"),
}


@pytest.fixture
def empty() -> Iterator[Platform]:
    with throwaway_platform() as platform:
        yield platform


def refused(platform: Platform, code: int = 2) -> str:
    """What `up` says, having started and left nothing."""
    done = platform.insight("up", "--detach", check=False)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("error: ")
    assert "\n\nhint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert platform.insight("status", check=False).returncode != 0, "something was started"
    return done.stderr


@pytest.mark.parametrize("case", COMPOSE)
def test_a_compose_file_is_refused_with_its_place_and_a_way_out(empty: Platform, case: str) -> None:
    text, what, hint = COMPOSE[case]
    (empty.folder / "compose.yaml").write_text(text, encoding="utf-8")
    said = refused(empty)
    assert what in said
    assert hint in said


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("INSIGHT_BASE_POTR=5300\n", "did you mean INSIGHT_BASE_PORT?"),
        ("INSIGHT_LOG_LEVEL=loud\n", "INSIGHT_LOG_LEVEL"),
        ("this is no setting\n", ".env:1: expected NAME=value"),
    ],
)
def test_a_wrong_env_file_is_refused_by_line(empty: Platform, text: str, what: str) -> None:
    (empty.folder / ".env").write_text(text, encoding="utf-8")
    assert what in refused(empty)


def test_an_occupied_port_is_named_with_the_process_that_holds_it(empty: Platform) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", empty.base_port + 18))
        held.listen()
        said = refused(empty, code=4)
    assert f"port {empty.base_port + 18}" in said
    assert str(os.getpid()) in said


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own under `folder`; needs root."""
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", folder], check=True
    )
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="mounting a small disk needs root"
)


@needs_root
def test_a_read_only_state_folder_is_refused(empty: Platform) -> None:
    with small_disk(empty.folder, "1m"):
        subprocess.run(["mount", "-o", "remount,ro", empty.folder], check=True)
        assert "Read-only file system" in refused(empty)
        assert list(empty.folder.iterdir()) == []


@needs_root
def test_a_disk_that_is_too_full_for_a_first_start_is_refused(empty: Platform) -> None:
    with small_disk(empty.folder, "64m"):
        assert "a first start needs 256 MB" in refused(empty)


@needs_root
def test_a_disk_that_fills_refuses_telemetry_and_loses_none_that_was_acknowledged(
    empty: Platform,
) -> None:
    with small_disk(empty.folder, "400m"):
        try:
            empty.insight("up", "--detach")
            acknowledged = send_logs(empty, 20)
            assert acknowledged == 20
            fill = empty.folder / "fill"
            with pytest.raises(OSError, match="No space left"):
                write_zeros_for_ever(fill)
            acknowledged += send_logs_until_refused(empty, most=2000)
            fill.unlink()
            eventually(lambda: send_logs(empty, 1) == 1, 10, "telemetry is taken again")
            eventually(empty.is_whole, 20, "the platform is whole again")
            query = "SELECT count() AS n FROM logs WHERE ServiceName = 'full-disk'"
            eventually(
                lambda: empty.sql(query)[0]["n"] == acknowledged + 1, 40, "every record is stored"
            )
        finally:
            empty.insight("down", check=False)


def write_zeros_for_ever(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 1024**2)


def send_logs(platform: Platform, requests: int) -> int:
    """How many of them were acknowledged."""
    attribute = {"key": "service.name", "value": {"stringValue": "full-disk"}}
    record = {"body": {"stringValue": "x" * 5000}, "timeUnixNano": str(time.time_ns())}
    resource = {"resource": {"attributes": [attribute]}, "scopeLogs": [{"logRecords": [record]}]}
    answers = [
        httpx.post(f"{platform.otlp}/v1/logs", json={"resourceLogs": [resource]}, timeout=5)
        for _ in range(requests)
    ]
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert all(a.headers.get("Retry-After") for a in answers if a.status_code == 503)
    return sum(answer.status_code == 200 for answer in answers)


def send_logs_until_refused(platform: Platform, most: int) -> int:
    """How many were acknowledged: what is reserved of the spool is there on a full disk, too."""
    for number in range(most):
        if send_logs(platform, 1) == 0:
            return number
    raise AssertionError(f"{most} requests were acknowledged on a full disk")


def test_a_broken_compose_file_leaves_the_running_platform_as_it_is(empty: Platform) -> None:
    empty.insight("up", "--detach")
    before = empty.status()
    (empty.folder / "compose.yaml").write_text("services: [1,\n", encoding="utf-8")
    assert empty.insight("up", "--detach", check=False).returncode == 2
    assert empty.is_whole()
    after = empty.status()
    pids = [{p["name"]: p["pid"] for p in status["processes"]} for status in (before, after)]
    assert pids[0] == pids[1]


def test_two_platforms_run_side_by_side(demo: Platform, empty: Platform) -> None:
    empty.insight("up", "--detach")
    assert empty.is_whole()
    empty.insight("down")
    eventually(demo.is_whole, 5, "the other platform is untouched")
