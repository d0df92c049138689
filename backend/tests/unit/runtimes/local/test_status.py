import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from insightengine.runtimes.local.status import (
    Overseer,
    encode_status,
    read_others,
    read_status,
    write_others,
    write_status,
)
from insightengine.runtimes.port import ProcessState, ProcessStatus

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PROCESS = ProcessStatus(
    "web.blue", ProcessState.BACKING_OFF, None, NOW, 3, None, "exited with 1", (4340,), {"a": "b"}
)


def written(folder: Path) -> Path:
    path = folder / "status.json"
    write_status(path, encode_status(NOW, Overseer(7, NOW), None, None, [PROCESS]))
    return path


def test_a_status_is_read_as_it_was_written(tmp_path: Path) -> None:
    status = read_status(written(tmp_path), NOW)
    assert status is not None
    assert status["supervisor"]["pid"] == 7
    assert status["warden"] is None
    assert status["processes"][0]["state"] == "backing_off"
    assert status["processes"][0]["detail"] == "exited with 1"


@pytest.mark.parametrize(("age_s", "stale"), [(0, False), (10, False), (11, True)])
def test_a_status_nobody_renews_is_stale(tmp_path: Path, age_s: int, stale: bool) -> None:
    status = read_status(written(tmp_path), NOW + timedelta(seconds=age_s))
    assert status is not None
    assert status["stale"] is stale


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"written_at": "soon"})])
def test_a_broken_status_is_no_status(tmp_path: Path, content: str) -> None:
    path = tmp_path / "status.json"
    path.write_text(content)
    assert read_status(path) is None


def test_what_runs_beside_is_shown_while_somebody_watches_it(tmp_path: Path) -> None:
    beside = ProcessStatus("web.blue", ProcessState.READY, 7, NOW, 0, NOW, None, (), {})
    write_others(tmp_path / "containers.json", NOW, [beside])
    [found] = read_others(tmp_path / "containers.json", NOW)
    assert found["name"] == "web.blue"
    assert read_others(tmp_path / "containers.json", NOW + timedelta(seconds=11)) == []
    assert read_others(tmp_path / "missing.json", NOW) == []
