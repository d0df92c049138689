"""Alembic, run in the surroundings of the release: its scripts, its env.py, its version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from insightengine.application.policy import Migrations
from insightengine.release.migrations.alembic_probe import MARKER
from insightengine.release.migrations.label import Script
from insightengine.release.migrations.tool import (
    Inspected,
    LockedError,
    MigrationError,
    Output,
    Run,
)

_PYTHON = "{python}"  # the runtime replaces it
_PROBE_TIMEOUT_S = 120.0
_LOCKED = ("lock timeout", "LockNotAvailable", "DeadlockDetected", "deadlock detected")
_SHOWN_LINES = 12


class AlembicMigrations:
    """Heads are revisions, joined by a comma where a history has several."""

    def __init__(self, service: str, settings: Migrations, run: Run) -> None:
        self._service = service
        self._settings = settings
        self._run = run

    def inspect(self) -> Inspected:
        found = self._probe()
        pending = tuple(
            Script(one["revision"], one["up"] or "", _down(one)) for one in found["pending"]
        )
        readable = all(one["up"] is not None for one in found["pending"])
        return Inspected(_head(found["current"]), _head(found["heads"]), pending, readable)

    def up(self, output: Output) -> str:
        self._alembic(["upgrade", "heads"], output)
        return self.inspect().head_before

    def down(self, head: str, output: Output) -> str:
        if self.inspect().head_before != head:
            self._alembic(["downgrade", head or "base"], output)
        return self.inspect().head_before

    def _probe(self) -> dict[str, Any]:
        program = files(__package__).joinpath("alembic_probe.py").read_text(encoding="utf-8")
        lines: list[str] = []
        argv = [_PYTHON, "-c", program, self._settings.source]
        code = self._run(argv, self._environment(), _PROBE_TIMEOUT_S, lines.append)
        told = [line for line in lines if line.startswith(MARKER)]
        if code != 0 or not told:
            raise _error_of(
                f"{self._service}: Alembic could not be asked about {self._settings.source}", lines
            )
        found: dict[str, Any] = json.loads(told[-1].removeprefix(MARKER))
        return found

    def _alembic(self, arguments: list[str], output: Output) -> None:
        lines: list[str] = []

        def take(line: str) -> None:
            lines.append(line)
            output(line)

        argv = [_PYTHON, "-m", "alembic", "-c", self._settings.source, *arguments]
        try:
            code = self._run(argv, self._environment(), self._settings.timeout_s, take)
        except TimeoutError:
            raise _error_of(
                f"{self._service}: `alembic {' '.join(arguments)}` took more than "
                f"{self._settings.timeout_s:g} s",
                lines,
            ) from None
        if code != 0:
            what = f"{self._service}: `alembic {' '.join(arguments)}` exited with {code}"
            raise _error_of(what, lines)

    def _environment(self) -> Mapping[str, str]:
        """libpq reads the limits from here, whichever driver above it is used."""
        lock_ms = round(1000 * self._settings.lock_timeout_s)
        statement_ms = round(1000 * self._settings.statement_timeout_s)
        return {"PGOPTIONS": f"-c lock_timeout={lock_ms} -c statement_timeout={statement_ms}"}


def _down(revision: Mapping[str, Any]) -> str | None:
    """None also for a down-migration that only moves the version: it takes nothing back."""
    down = revision["down"]
    if down is None or not revision["up"]:
        return down if down is None else ""
    statements = [line for line in down.splitlines() if line and not line.startswith("--")]
    changing = [line for line in statements if "alembic_version" not in line]
    return down if any(line not in ("BEGIN;", "COMMIT;") for line in changing) else None


def _head(revisions: list[str]) -> str:
    return ",".join(revisions)


def _error_of(what: str, lines: list[str]) -> MigrationError:
    told = "".join(f"\n    {line}" for line in lines[-_SHOWN_LINES:])
    locked = any(word in line for line in lines for word in _LOCKED)
    kind = LockedError if locked else MigrationError
    return kind(f"{what}{told}", hint="mend the migration; nothing was switched")
