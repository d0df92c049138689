"""What of a folder can be released as the console, and what of an application cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from insightengine.core.errors import InvalidInputError, NotFoundError
from insightengine.wiring.checkout import REPOSITORY, read_checkout, require_built
from insightengine.wiring.requests import request_of


def test_the_console_of_this_checkout_can_be_released() -> None:
    application, config = read_checkout(REPOSITORY)
    (api,) = application.services
    assert api.health is not None
    assert api.migrations is not None
    assert (REPOSITORY / "backend" / api.migrations.source).is_file()
    assert str(REPOSITORY) not in str(config), "the same content is the same release anywhere"


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as raised:
        read_checkout(tmp_path)
    assert raised.value.code == "no_checkout"


def test_pages_that_were_not_built_are_told_with_the_command_that_builds_them(
    tmp_path: Path,
) -> None:
    with pytest.raises(NotFoundError) as raised:
        require_built(tmp_path)
    assert raised.value.hint is not None
    assert "npm run build" in raised.value.hint


def test_no_application_has_the_name_of_the_console(tmp_path: Path) -> None:
    text = "name: console\nservices: {web: {image: x, x-insight: {local: {command: x}}}}\n"
    with pytest.raises(InvalidInputError) as raised:
        request_of(text, tmp_path / "compose.yaml", {}, ())
    assert raised.value.code == "reserved_name"
