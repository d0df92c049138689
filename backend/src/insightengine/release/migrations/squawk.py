"""Asks squawk, the linter of PostgreSQL migrations, what it finds in a release's SQL."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from insightengine.core.errors import UnavailableError
from insightengine.release.migrations.label import Danger, Finding, Script, danger_of, joined

_TIMEOUT_S = 30.0
_PG_VERSION = "18"


def lint(scripts: Sequence[Script], allowed: Sequence[str] = ()) -> tuple[Finding, ...]:
    """What matters for a release, in the order of the scripts; `allowed` rules are left out.

    Raises UnavailableError when squawk cannot be run or answers something else than findings.
    """
    if not scripts:
        return ()
    linted = joined(scripts)
    found: dict[Finding, None] = {}
    for item in _findings(linted.text):
        rule = item["rule_name"]
        danger = danger_of(rule)
        if danger is Danger.NOTHING or rule in allowed:
            continue
        line = min(item["line"], len(linted.origins) - 1)
        script, number = linted.origins[line]
        found[Finding(rule, danger, script, number, item["message"])] = None
    return tuple(found)


class _Item(TypedDict):
    """What squawk says of a finding; lines count from 0."""

    rule_name: str
    line: int
    message: str


def _findings(text: str) -> list[_Item]:
    argv = (_binary(), "--reporter", "json", "--pg-version", _PG_VERSION)
    try:
        done = subprocess.run(
            argv, input=text, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
        found: list[_Item] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(
            f"the migrations could not be linted: squawk failed: {error}",
            code="lint_failed",
            hint="install the package squawk-cli again",
        ) from None
    return found


def _binary() -> str:
    beside = Path(sys.executable).with_name("squawk")
    return str(beside) if beside.exists() else shutil.which("squawk") or "squawk"
