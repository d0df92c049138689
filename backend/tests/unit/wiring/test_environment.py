from pathlib import Path

import pytest

from insightengine.core.errors import InvalidInputError, UnavailableError
from insightengine.core.settings import Settings, StateFolder
from insightengine.wiring.environment import (
    PlatformContext,
    as_environment,
    ingest_headers,
    load,
    load_environment,
    load_project,
    parse_env,
    project_variables,
    read_secret,
    state_of,
)


def test_an_env_file_may_have_comments_quotes_and_export() -> None:
    text = "# ports\nexport INSIGHT_BASE_PORT=5300 # ours\n\nNAME='a # b'\nEMPTY=\n"
    assert parse_env(text, ".env") == {
        "INSIGHT_BASE_PORT": "5300",
        "NAME": "a # b",
        "EMPTY": "",
    }


def test_a_line_that_is_no_assignment_is_named_with_its_number() -> None:
    with pytest.raises(InvalidInputError, match=r"\.env:2: expected NAME=value$"):
        parse_env("A=1\npassword hunter2\n", ".env")


def test_a_misspelt_setting_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidInputError) as raised:
        parse_env("INSIGHT_BASEPORT=1\n", ".env")
    assert raised.value.message == ".env:1: there is no setting INSIGHT_BASEPORT"
    assert raised.value.hint == "did you mean INSIGHT_BASE_PORT?"


def test_the_environment_wins_over_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("INSIGHT_BASE_PORT=5300\nINSIGHT_LOG_LEVEL=debug\n")
    monkeypatch.setenv("INSIGHT_BASE_PORT", "6300")
    context = load_project(tmp_path)
    assert context.settings.base_port == 6300
    assert context.settings.log_level == "debug"


def test_wrong_settings_are_blamed_on_where_each_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("INSIGHT_BASE_PORT=abc\n")
    (tmp_path / ".env.staging").write_text("INSIGHT_START_TIMEOUT_S=0\n")
    monkeypatch.setenv("INSIGHT_BASE_PORT", "70000")
    with pytest.raises(InvalidInputError) as raised:
        load_environment(tmp_path, "staging")
    told = raised.value.message.split("; ")
    assert [one.split("=")[0] for one in told] == [
        "the environment: INSIGHT_BASE_PORT",
        f"{tmp_path / '.env.staging'}: INSIGHT_START_TIMEOUT_S",
    ]
    monkeypatch.delenv("INSIGHT_BASE_PORT")
    with pytest.raises(InvalidInputError, match=rf"^{tmp_path / '.env'}: INSIGHT_BASE_PORT='abc'"):
        load_environment(tmp_path, None)


def test_an_environment_that_begins_beyond_the_last_port_says_why(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("INSIGHT_BASE_PORT=65400\n")
    why = r"^staging begins 100 ports after the project's own: INSIGHT_BASE_PORT='65500'"
    with pytest.raises(InvalidInputError, match=why):
        load_environment(tmp_path, "staging")


def test_an_env_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    with pytest.raises(InvalidInputError, match=r"\.env cannot be read"):
        load_project(tmp_path)


def test_a_process_gets_the_context_that_it_was_started_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("INSIGHT_BASE_PORT=5300\n")
    context = load_project(tmp_path)
    for name, value in as_environment(context).items():
        monkeypatch.setenv(name, value)
    loaded = load()
    assert loaded.settings == context.settings
    assert loaded.state.root == context.state.root


def test_a_process_without_state_folder_says_how_it_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("INSIGHT_STATE", raising=False)
    with pytest.raises(InvalidInputError, match="INSIGHT_STATE is not set"):
        load()


def test_a_missing_secret_is_named_without_its_folder_being_created(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / ".insight")
    with pytest.raises(UnavailableError, match="the secret session_key cannot be read"):
        read_secret(state, "session_key")
    assert not state.root.exists()


def test_a_secret_is_read_without_its_newline(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.secrets.mkdir()
    state.secret("session_key").write_text("abc\n")
    assert read_secret(state, "session_key").reveal() == "abc"


def test_each_environment_has_a_state_folder_and_ports_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INSIGHT_ENV", raising=False)
    own, staging, production = (
        load_environment(tmp_path, name) for name in (None, "staging", "production")
    )
    assert [one.state.root.name for one in (own, staging, production)] == [
        ".insight",
        ".insight-staging",
        ".insight-production",
    ]
    ports = {one.settings.base_port for one in (own, staging, production)}
    assert len(ports) == 3
    assert staging.settings.environment == "staging"


def test_the_environment_that_a_folder_is_for_needs_no_other_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("INSIGHT_ENVIRONMENT=production\nINSIGHT_BASE_PORT=5300\n")
    monkeypatch.setenv("INSIGHT_ENV", "production")
    context = load_project(tmp_path)
    assert (context.state.root.name, context.settings.base_port) == (".insight", 5300)
    assert state_of(tmp_path).root == context.state.root


def test_the_env_file_of_an_environment_wins_over_the_common_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("INSIGHT_BASE_PORT=5300\nREGION=eu\nTOKEN=common\n")
    (tmp_path / ".env.staging").write_text("INSIGHT_BASE_PORT=6300\nTOKEN=staging\n")
    monkeypatch.setenv("INSIGHT_ENV", "staging")
    assert load_project(tmp_path).settings.base_port == 6300
    variables = project_variables(tmp_path)
    assert (variables["REGION"], variables["TOKEN"]) == ("eu", "staging")


def test_an_unknown_environment_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="there is no environment 'stagin'") as raised:
        load_environment(tmp_path, "stagin")
    assert raised.value.hint == "known are development, staging, production"


def test_services_send_with_a_key_where_one_is_needed(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.secrets.mkdir(parents=True)
    state.secret("ingest_key").write_text("own-key")
    needed = PlatformContext(Settings(otlp_require_key=True), state)
    assert ingest_headers(needed) == {"OTEL_EXPORTER_OTLP_HEADERS": "x-insight-key=own-key"}
    assert ingest_headers(PlatformContext(Settings(), state)) == {}
