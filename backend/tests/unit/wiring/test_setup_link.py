from __future__ import annotations

from pathlib import Path

import pytest

from insightengine.runtimes.local.specs import Wanted, write_wanted
from insightengine.runtimes.port import HttpReady, ProcessSpec
from insightengine.wiring.setup_link import project_setup_link


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder whose platform was brought up with `--base-port 5300`."""
    run, secrets = tmp_path / ".insight/run", tmp_path / ".insight/secrets"
    run.mkdir(parents=True)
    secrets.mkdir()
    (secrets / "setup_token").write_text("once\n", encoding="utf-8")
    api = ProcessSpec(
        name="api.blue",
        argv=("api",),
        cwd=tmp_path,
        env={"INSIGHT_BASE_PORT": "5300", "INSIGHT_COLOUR": "blue"},
        readiness=HttpReady("http://127.0.0.1:5310/"),
        labels={"service": "api"},
    )
    write_wanted(run / "wanted.json", Wanted((api,), None, 60.0, 30.0, None))
    return tmp_path


def test_the_link_leads_to_where_the_platform_was_brought_up(project: Path) -> None:
    assert project_setup_link(project) == "http://127.0.0.1:5300/setup/?token=once"


def test_there_is_no_link_once_it_was_used(project: Path) -> None:
    (project / ".insight/secrets/setup_token").unlink()
    assert project_setup_link(project) is None


def test_there_is_no_link_where_no_platform_was_brought_up(tmp_path: Path) -> None:
    assert project_setup_link(tmp_path) is None
