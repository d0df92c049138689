"""The workflow is YAML that names only commands and options of ours that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from ruamel.yaml import YAML

from docs.generate import ROOT
from insightengine.cli.main import whole_app

WORKFLOW: dict[str, Any] = YAML(typ="safe").load(ROOT / ".github/workflows/ci-cd.yml")
_COMMAND = re.compile(r"(?m)^\s*(?:run: )?(insight .*?)(?: \|\| .*)?$")


def _commands() -> Iterator[str]:
    for job in WORKFLOW["jobs"].values():
        for step in job["steps"]:
            yield from _COMMAND.findall(step.get("run", ""))


def test_the_six_stages_come_in_order() -> None:
    jobs = WORKFLOW["jobs"]
    assert list(jobs)[:6] == ["check", "test", "build", "security", "staging", "production"]
    assert jobs["production"]["needs"] == "staging"
    assert set(jobs["staging"]["needs"]) == {"test", "build", "security"}


@pytest.mark.parametrize("line", sorted(set(_commands())))
def test_every_command_of_ours_in_it_exists(line: str) -> None:
    words = shlex.split(line)[1:]
    command: Any = typer.main.get_command(whole_app())
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert not hasattr(command, "commands"), f"{line} names no command"
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_workflow_releases_in_staging_and_promotes() -> None:
    assert {"deploy", "promote"} <= {shlex.split(line)[1] for line in _commands()}
