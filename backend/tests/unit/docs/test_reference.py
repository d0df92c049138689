"""The reference is generated: these fail when a command, setting, key or route is undocumented."""

from pathlib import Path

import pytest

from docs.generate import ROOT, pages


@pytest.mark.parametrize("page", ["cli.md", "settings.md", "compose.md", "api.md"])
def test_the_committed_reference_is_what_the_code_says(page: str) -> None:
    path = Path("docs/reference") / page
    committed = (ROOT / path).read_text(encoding="utf-8")
    assert committed == pages()[path], f"{path} is stale; renew it with bin/docs"


def test_every_setting_is_in_the_example_of_an_env_file_with_its_default() -> None:
    path = Path("backend/.env.example")
    committed = (ROOT / path).read_text(encoding="utf-8")
    assert committed == pages()[path], f"{path} is stale; renew it with bin/docs"
