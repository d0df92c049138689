"""What a backup keeps beside the databases, and how it is brought back."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from insightengine.core.settings import StateFolder, settings_from
from insightengine.stores.journal.port import Asked, UnitState
from insightengine.stores.journal.sqlite import SqliteJournal
from insightengine.wiring.beside import CACHE, JOURNAL, bring_back, gather
from insightengine.wiring.environment import PlatformContext

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
NOWHERE = {"INSIGHT_BASE_PORT": "1024"}  # nobody answers on these ports


def platform(folder: Path) -> PlatformContext:
    state = StateFolder(folder)
    for place in (state.releases, state.valkey, state.secrets):
        place.mkdir(parents=True)
    return PlatformContext(settings_from(NOWHERE, "test"), state)


@pytest.fixture
def released(tmp_path: Path) -> PlatformContext:
    """A release serves, and another one is under way."""
    found = platform(tmp_path / "lost")
    with closing(SqliteJournal(found.state.releases / "journal.sqlite")) as journal:
        journal.remember(UnitState("shop", serving="7f3a", serving_since=NOW))
        journal.ask(Asked("shop", "deploy", "ada", "new checkout", {}), NOW)
    return found


def kept(context: PlatformContext, folder: Path) -> Path:
    folder.mkdir()
    gather(context, (), folder)
    return folder


def test_the_history_of_releases_comes_back_and_nothing_of_it_serves_or_goes_on(
    released: PlatformContext, tmp_path: Path
) -> None:
    new = platform(tmp_path / "new")
    bring_back(new, kept(released, tmp_path / "kept"))
    with closing(SqliteJournal(new.state.releases / "journal.sqlite")) as journal:
        state = journal.unit("shop")
        assert (state.serving, state.warm) == (None, None)
        assert [one.message for one in journal.operations("shop", None, 9)] == ["new checkout"]
        assert not journal.active()
        journal.ask(Asked("shop", "deploy", "recover", "recovered", {}), NOW)


def test_a_journal_that_is_there_already_is_left_alone(
    released: PlatformContext, tmp_path: Path
) -> None:
    folder = kept(released, tmp_path / "kept")
    bring_back(released, folder)
    with closing(SqliteJournal(released.state.releases / "journal.sqlite")) as journal:
        assert journal.unit("shop").serving == "7f3a"


def test_where_nothing_was_released_nothing_is_kept(tmp_path: Path) -> None:
    folder = kept(platform(tmp_path / "new"), tmp_path / "kept")
    assert not (folder / JOURNAL).exists()


def test_the_cache_comes_back_as_the_base_of_its_append_only_file(tmp_path: Path) -> None:
    new, folder = platform(tmp_path / "new"), tmp_path / "kept"
    (folder / CACHE).parent.mkdir(parents=True)
    (folder / CACHE).write_bytes(b"REDIS0011")
    bring_back(new, folder)
    own = new.state.valkey / "appendonlydir"
    assert (own / "appendonly.aof.1.base.rdb").read_bytes() == b"REDIS0011"
    assert "base.rdb seq 1 type b" in (own / "appendonly.aof.manifest").read_text(encoding="utf-8")
