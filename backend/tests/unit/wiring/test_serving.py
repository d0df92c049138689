"""The release that is shown is the one of the release engine, whatever the supervisor wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from insightengine.core.places import StateFolder
from insightengine.runtimes.local.status import Overseer, encode_status, write_status
from insightengine.stores.journal.port import UnitState
from insightengine.stores.journal.sqlite import SqliteJournal
from insightengine.wiring.serving import status_of

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SHOP = {"name": "shop", "file": "compose.yaml", "services": ["web"]}


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    found = StateFolder(tmp_path)
    found.run.mkdir(parents=True)
    status = encode_status(NOW, Overseer(1, NOW), None, SHOP, [])
    write_status(found.run / "status.json", status)
    return found


def shown(state: StateFolder) -> object:
    status = status_of(state)
    return status and status["application"]["release"]


def test_the_release_that_serves_is_shown(state: StateFolder) -> None:
    journal = SqliteJournal(state.releases / "journal.sqlite")
    journal.remember(UnitState("shop", serving="7f3a2b91"))
    journal.remember(UnitState("blog", serving="00000000"))
    journal.close()
    assert shown(state) == "7f3a2b91"


def test_before_the_first_release_there_is_none(state: StateFolder) -> None:
    assert shown(state) is None
    SqliteJournal(state.releases / "journal.sqlite").close()
    assert shown(state) is None


def test_a_journal_that_cannot_be_read_hides_no_status(state: StateFolder) -> None:
    state.releases.mkdir()
    (state.releases / "journal.sqlite").write_text("not a database, but long enough to be one")
    assert shown(state) is None


def test_a_platform_without_an_application_has_no_release(state: StateFolder) -> None:
    status = encode_status(NOW, Overseer(1, NOW), None, None, [])
    write_status(state.run / "status.json", status)
    found = status_of(state)
    assert found is not None
    assert found["application"] is None
