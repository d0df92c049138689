"""What backups ask the telemetry store for, answered by a store that is made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from insightengine.core.errors import InvalidInputError, UnavailableError
from insightengine.core.settings import StateFolder, settings_from
from insightengine.wiring.environment import PlatformContext
from insightengine.wiring.records import LocalRecords


class MadeUp:
    """Answers each command with what stands in `answers`; an error is raised."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[str, object] = {"thaw": {}}
        self.asked: list[str] = []
        monkeypatch.setattr(httpx, "post", self.post)

    def post(self, url: str, *, content: str, **_: object) -> httpx.Response:
        self.asked.append(json.loads(content)["command"])
        answer = self.answers[self.asked[-1]]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(200, json=answer)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    return MadeUp(monkeypatch)


@pytest.fixture
def records(tmp_path: Path) -> Callable[..., LocalRecords]:
    def made(**variables: str) -> LocalRecords:
        state = StateFolder(tmp_path)
        state.secrets.mkdir()
        state.secret("store_password").write_text("secret")
        return LocalRecords(PlatformContext(settings_from(variables, "test"), state))

    return made


def test_links_whose_files_are_elsewhere_are_taken_back(
    store: MadeUp, records: Callable[..., LocalRecords]
) -> None:
    store.answers["freeze"] = {"version": 5, "tables": {"logs": "/no/such/folder"}}
    with pytest.raises(InvalidInputError, match="not on this machine"), records().frozen():
        raise AssertionError("there is nothing to be read")
    assert store.asked == ["freeze", "thaw"]


def test_a_store_on_a_server_of_its_own_is_refused_before_anything_is_fetched(
    store: MadeUp, records: Callable[..., LocalRecords]
) -> None:
    with pytest.raises(InvalidInputError, match="not on this machine"):
        records(INSIGHT_CLICKHOUSE_URL="http://clickhouse:8123").stored()


def test_a_store_that_never_ran_has_nothing_and_is_not_asked(
    store: MadeUp, records: Callable[..., LocalRecords]
) -> None:
    assert records().stored() == frozenset()
    assert store.asked == []


@pytest.mark.parametrize("ended", [httpx.ConnectError("refused"), httpx.ReadError("reset")])
def test_a_store_that_is_away_takes_in_at_its_next_start(
    store: MadeUp, records: Callable[..., LocalRecords], ended: Exception
) -> None:
    store.answers["take_in"] = ended
    assert records().take_in() is None


def test_a_store_that_is_still_at_it_is_not_taken_for_one_that_is_away(
    store: MadeUp, records: Callable[..., LocalRecords]
) -> None:
    store.answers["take_in"] = httpx.ReadTimeout("timed out")
    with pytest.raises(UnavailableError, match="not done with `take_in`"):
        records().take_in()
