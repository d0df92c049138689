"""How little a command imports before it does what it is for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from insightengine.cli.main import app_for, whole_app
from insightengine.core.errors import NotFoundError
from insightengine.wiring.operations import journal_of
from insightengine.wiring.project import Place, state_of


def _commands(words: list[str]) -> set[str]:
    return set(getattr(typer.main.get_command(app_for(words)), "commands", {}))


def test_a_command_that_is_named_is_the_only_one_that_is_read() -> None:
    assert _commands(["rollback", "7f3a"]) == {"rollback"}
    assert _commands(["release", "show"]) == {"release"}


@pytest.mark.parametrize("words", [[], ["--help"], ["rolback"]])
def test_without_a_known_command_all_of_them_are_read(words: list[str]) -> None:
    whole = set(getattr(typer.main.get_command(whole_app()), "commands", {}))
    assert {"rollback", "telemetry", "setup-link", "exec"} <= whole
    assert _commands(words) == whole


def test_a_rollback_imports_neither_settings_nor_runtimes(tmp_path: Path) -> None:
    argv = [sys.executable, "-X", "importtime", "-m", "insightengine.cli.main"]
    done = subprocess.run(
        [*argv, "rollback", "--project", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "no platform with an application was started" in done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "insightengine.stores.journal.sqlite" in imported
    unwanted = ("insightengine.core.settings", "insightengine.runtimes", "insightengine.edge")
    assert not [name for name in imported if name.startswith(unwanted)]


def test_a_rollback_is_not_kept_from_by_a_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INSIGHT_ENVIRONMENT", raising=False)
    (tmp_path / ".env").write_text("INSIGHT_BASE_PORT=none\nINSIGHT_ENVIRONMENT=staging\n")
    assert state_of(tmp_path).root == tmp_path / ".insight"


def test_who_asks_where_nothing_was_started_is_told_which_environment_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSIGHT_ENV", "staging")
    with pytest.raises(NotFoundError) as raised:
        journal_of(Place(state_of(tmp_path)))
    assert raised.value.hint == "insight up --env staging"
    monkeypatch.delenv("INSIGHT_ENV")
    with pytest.raises(NotFoundError) as raised:
        journal_of(Place(state_of(tmp_path)))
    assert raised.value.hint == "insight up"
