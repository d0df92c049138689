from pathlib import Path

import pytest

from insightengine.core.errors import InvalidInputError
from insightengine.core.settings import PortOffset, Settings, StateFolder, settings_from


def test_settings_without_variables_are_the_defaults() -> None:
    assert settings_from({"HOME": "/home/ada"}, "environment") == Settings()


def test_a_variable_with_the_prefix_sets_the_setting_of_its_name() -> None:
    settings = settings_from({"INSIGHT_BASE_PORT": "5300"}, "environment")
    assert settings.port(PortOffset.OTLP_HTTP) == 5318
    assert settings.console_url == "http://127.0.0.1:5300"


def test_a_public_address_loses_its_trailing_slash() -> None:
    settings = settings_from({"INSIGHT_PUBLIC_URL": "https://insight.example/"}, "environment")
    assert settings.console_url == "https://insight.example"


def test_every_wrong_variable_is_named_with_what_was_found() -> None:
    given = {"INSIGHT_BASE_PORT": "eighty", "INSIGHT_ENVIRONMENT": "prod"}
    with pytest.raises(InvalidInputError) as raised:
        settings_from(given, ".env")
    assert raised.value.message.startswith(".env: ")
    assert "INSIGHT_BASE_PORT='eighty'" in raised.value.message
    assert "INSIGHT_ENVIRONMENT='prod'" in raised.value.message
    assert "'development', 'staging' or 'production'" in raised.value.message


def test_no_two_servers_share_a_port() -> None:
    offsets = [value for name, value in vars(PortOffset).items() if name.isupper()]
    assert len(set(offsets)) == len(offsets)
    assert max(offsets) < 100


def test_every_setting_has_a_description() -> None:
    assert [n for n, field in Settings.model_fields.items() if not field.description] == []


def test_all_state_lies_under_one_folder() -> None:
    root = Path("/srv/shop/.insight")
    assert all(path.is_relative_to(root) for path in vars(StateFolder(root)).values())
