"""What every kind of migration can be asked. Blocking; nothing is changed by `inspect`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from insightengine.core.errors import InsightError
from insightengine.release.migrations.label import Script

Output = Callable[[str], None]
Run = Callable[[Sequence[str], Mapping[str, str], float, Output], int]
"""Runs a command in the surroundings of the release's artefact: argv, environment, seconds."""


class MigrationError(InsightError):
    """A migration failed. `context` holds what was applied before it and what the schema is at."""

    default_code = "migration_failed"


class LockedError(MigrationError):
    """A lock was not free in time; nothing of this attempt was applied, and trying again helps."""

    default_code = "migration_locked"


@dataclass(frozen=True, slots=True)
class Inspected:
    """Where a database stands and what is ahead. `head` names a version; '' is an empty schema.

    `is_readable` is false when the SQL of a pending migration is not known.
    """

    head_before: str
    head_after: str
    pending: tuple[Script, ...]
    is_readable: bool = True

    @property
    def has_down(self) -> bool:
        return all(script.down is not None for script in self.pending)


class MigrationTool(Protocol):
    def inspect(self) -> Inspected:
        """Raises MigrationError when it cannot be said."""

    def up(self, output: Output) -> str:
        """Migrate to the release's head and return it. Idempotent.

        Raises LockedError, or MigrationError that says what was applied.
        """

    def down(self, head: str, output: Output) -> str:
        """Take back what is after `head` and return where the schema is then. Idempotent."""
