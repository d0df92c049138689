"""What commands print and how they end, each run as a process in a project folder of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from insightengine.runtimes.local.status import Overseer, encode_status, write_status
from insightengine.runtimes.port import ProcessState, ProcessStatus
from insightengine.stores.journal.port import StoredRelease
from insightengine.stores.journal.sqlite import SqliteJournal

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def insight(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "insightengine.cli.main", *words, "--project", str(project)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def journal(tmp_path: Path) -> SqliteJournal:
    return SqliteJournal(tmp_path / ".insight/releases/journal.sqlite")


@pytest.mark.parametrize("message", ["undo [/checkout]", "[bold red]now"])
def test_a_message_is_shown_as_it_was_written(
    journal: SqliteJournal, tmp_path: Path, message: str
) -> None:
    journal.keep(StoredRelease("shop", "aabb0000", {}, {}, NOW, "ada", message))
    done = insight(tmp_path, "releases")
    assert (done.returncode, done.stderr) == (0, "")
    assert message in done.stdout


@pytest.mark.parametrize("number", ["0", "99999999999999999999"])
def test_an_operation_that_cannot_be_is_an_error_and_no_traceback(
    journal: SqliteJournal, tmp_path: Path, number: str
) -> None:
    done = insight(tmp_path, "release", "show", number)
    assert done.returncode in (2, 3)
    assert done.stderr.startswith("error: ")


def test_days_are_digits_of_ours(tmp_path: Path) -> None:
    done = insight(tmp_path, "telemetry", "retention", "--set", "logs=²")
    assert done.returncode == 2
    assert "is not SIGNAL=DAYS" in done.stderr


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_the_status_of_what_is_not_whole_ends_with_6_however_it_is_shown(
    tmp_path: Path, more: list[str]
) -> None:
    run = tmp_path / ".insight/run"
    run.mkdir(parents=True)
    web = ProcessStatus(
        "web.blue", ProcessState.CRASH_LOOP, None, NOW, 5, None, "exit [/1]", (), {}
    )
    write_status(run / "status.json", encode_status(NOW, Overseer(1, NOW), None, None, [web]))
    done = insight(tmp_path, "status", *more)
    assert done.returncode == 6
    assert "exit [/1]" in (
        json.loads(done.stdout)["processes"][0]["detail"] if more else done.stdout
    )
