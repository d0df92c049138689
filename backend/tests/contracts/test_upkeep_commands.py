"""The commands of `insight telemetry`, given to a running store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.filled_store import NOW, Records, ago, filled
from tests.contracts.store_harness import Telemetry, eventually

INSIGHT = Path(sys.executable).with_name("insight")
RANGE = (
    *("--from", (NOW - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")),
    *("--to", (NOW + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S")),
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Telemetry]]:
    folder = tmp_path_factory.mktemp("project")
    made = Records()
    for user in ("42", "43"):
        made.log(ago(60), f"of {user}", attributes={"user.id": user})
    made.log(ago(5 * 86_400), "older", service="noisy")
    (folder / ".insight").mkdir()
    with filled(folder / ".insight", made) as running:
        yield folder, running


def telemetry(
    project: tuple[Path, Telemetry], *arguments: str, code: int = 0
) -> subprocess.CompletedProcess[str]:
    folder, running = project
    done = subprocess.run(
        [str(INSIGHT), "telemetry", *arguments, "--project", str(folder)],
        env={**os.environ, "INSIGHT_BASE_PORT": str(running.base_port)},
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


def test_retention_is_foreseen_decided_and_applied(project: tuple[Path, Telemetry]) -> None:
    running = project[1]
    change = ("retention", "--set", "logs:noisy=2")
    foreseen = json.loads(telemetry(project, *change, "--dry-run", "--json").stdout)
    assert {"signal": "logs", "service": "noisy", "days": 2} in foreseen["services"]
    shown = json.loads(telemetry(project, "retention", "--json").stdout)
    assert (shown["services"], shown["cold"]) == ([], None)
    telemetry(project, *change)
    eventually(
        lambda: running.count("logs", "ServiceName = 'noisy'") == 0, 60, "the old entry is gone"
    )
    told = telemetry(project, "retention").stdout
    assert "noisy" in told
    assert "cold tier: none" in told


def test_records_are_deleted_only_when_that_is_meant(project: tuple[Path, Telemetry]) -> None:
    running = project[1]
    delete = ("delete", "--logs", "user.id:42", *RANGE)
    assert "1 rows of logs" in telemetry(project, *delete, "--dry-run").stdout
    assert running.count("logs", "Body = 'of 42'") == 1
    job = json.loads(telemetry(project, *delete, "--yes", "--json").stdout)["deletion"]

    def states() -> dict[str, Any]:
        items = json.loads(telemetry(project, "deletions", "--json").stdout)["items"]
        return {one["id"]: one["state"] for one in items}

    eventually(lambda: states()[job["id"]] == "done", 60, "the deletion is done")
    assert running.count("logs", "Body = 'of 42'") == 0
    assert running.count("logs", "Body = 'of 43'") == 1


def test_what_was_received_before_a_deletion_does_not_come_back_after_it(
    project: tuple[Path, Telemetry],
) -> None:
    """Acknowledged a moment ago, it is still in the spool when the deletion is asked for."""
    running = project[1]
    running.start("collector")
    made = Records()
    for number in range(50):
        made.log(ago(30), f"late {number}", attributes={"user.id": "late"})
    made.log(ago(30), "late, of another", attributes={"user.id": "43"})
    request = urllib.request.Request(
        f"{running.collector_url}/v1/logs",
        made.logs.SerializeToString(),
        {"Content-Type": "application/x-protobuf"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
    delete = ("delete", "--logs", "user.id:late", *RANGE, "--yes", "--json")
    job = json.loads(telemetry(project, *delete).stdout)["deletion"]

    def now() -> dict[str, Any]:
        items = json.loads(telemetry(project, "deletions", "--json").stdout)["items"]
        found: dict[str, Any] = next(one for one in items if one["id"] == job["id"])
        return found

    eventually(lambda: bool(now()["state"] == "done"), 60, "it is done")
    done = now()
    assert (done["deleted"]["logs"], done["detail"]) == (50, "")
    assert running.count("logs", "Body = 'late, of another'") == 1
    assert running.count("logs", "LogAttributes['user.id'] = 'late'") == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("retention", "--set", "logs"),
        ("retention", "--set", "pictures=3"),
        ("retention", "--set", "logs=0"),
        ("delete", "--logs", '"open', *RANGE, "--yes"),
        ("delete", *RANGE, "--yes"),
    ],
)
def test_what_makes_no_sense_is_refused(
    project: tuple[Path, Telemetry], arguments: tuple[str, ...]
) -> None:
    assert telemetry(project, *arguments, code=2).stderr.startswith("error: ")
