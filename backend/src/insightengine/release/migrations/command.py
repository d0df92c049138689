"""Any other tool (Django, Prisma, …): commands of the application."""

from __future__ import annotations

from collections.abc import Sequence

from insightengine.application.policy import Migrations
from insightengine.release.migrations.label import Script
from insightengine.release.migrations.tool import (
    Inspected,
    LockedError,
    MigrationError,
    Output,
    Run,
)

_LOCKED = ("lock timeout", "LockNotAvailable", "deadlock detected")
_SHOWN_LINES = 12


class CommandMigrations:
    """Its versions are not known, so the artefact stands for the head.

    `head_before` is that of the release that serves, `head_after` that of the new one.
    """

    def __init__(
        self, service: str, settings: Migrations, run: Run, *, head_before: str, head_after: str
    ) -> None:
        self._service = service
        self._settings = settings
        self._run = run
        self._heads = (head_before, head_after)

    def inspect(self) -> Inspected:
        before, after = self._heads
        if before == after:
            return Inspected(before, after, ())
        down = "" if self._settings.down else None
        if not self._settings.sql:
            script = Script("migrations", "", down)
            return Inspected(before, after, (script,), is_readable=False)
        lines = self._execute(self._settings.sql, lambda _: None)
        text = "\n".join(lines)
        pending = (Script("migrations", text, down),) if text.strip() else ()
        return Inspected(before, after, pending)

    def up(self, output: Output) -> str:
        self._execute(self._settings.up, output)
        return self._heads[1]

    def down(self, head: str, output: Output) -> str:
        self._execute(self._settings.down, output)
        return head

    def _execute(self, argv: Sequence[str], output: Output) -> list[str]:
        lines: list[str] = []

        def take(line: str) -> None:
            lines.append(line)
            output(line)

        lock_ms = round(1000 * self._settings.lock_timeout_s)
        statement_ms = round(1000 * self._settings.statement_timeout_s)
        options = f"-c lock_timeout={lock_ms} -c statement_timeout={statement_ms}"
        try:
            code = self._run(argv, {"PGOPTIONS": options}, self._settings.timeout_s, take)
        except TimeoutError:
            code = -1
        if code != 0:
            raise self._failed(argv, code, lines)
        return lines

    def _failed(self, argv: Sequence[str], code: int, lines: list[str]) -> MigrationError:
        limit = f"took more than {self._settings.timeout_s:g} s"
        what = limit if code == -1 else f"exited with {code}"
        told = "".join(f"\n    {line}" for line in lines[-_SHOWN_LINES:])
        locked = any(word in line for line in lines for word in _LOCKED)
        kind = LockedError if locked else MigrationError
        return kind(
            f"{self._service}: `{' '.join(argv)}` {what}{told}",
            hint="mend the migration; nothing was switched",
        )
