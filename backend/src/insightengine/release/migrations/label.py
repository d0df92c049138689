"""From the findings of a linter to what a rollback has to do. Pure.

The rules are those of squawk (https://squawkhq.com); what they mean for a release is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from insightengine.release.models import Label


class Danger(StrEnum):
    """What a finding endangers."""

    BREAKS = "breaks"  # code of the previous release may fail on the new schema
    BLOCKS = "blocks"  # reads or writes wait for a scan or a rewrite
    FAILS = "fails"  # it cannot be executed as it stands
    NOTHING = "nothing"  # style, or what the engine itself takes care of


_BREAKS = frozenset(
    {
        "adding-required-field",
        "adding-not-nullable-field",
        "changing-column-type",
        "ban-drop-column",
        "ban-drop-database",
        "ban-drop-default",
        "ban-drop-function",
        "ban-drop-not-null",
        "ban-drop-schema",
        "ban-drop-sequence",
        "ban-drop-table",
        "ban-drop-type",
        "ban-drop-view",
        "ban-set-schema",
        "ban-truncate-cascade",
        "renaming-column",
        "renaming-object",
        "renaming-table",
    }
)
_BLOCKS = frozenset(
    {
        "adding-exclusion-constraint",
        "adding-field-with-default",
        "adding-foreign-key-constraint",
        "adding-serial-primary-key-field",
        "constraint-missing-not-valid",
        "disallowed-unique-constraint",
        "require-concurrent-index-creation",
        "require-concurrent-index-deletion",
        "require-concurrent-partition-attach",
        "require-concurrent-partition-detach",
        "require-concurrent-reindex",
    }
)
_FAILS = frozenset(
    {
        "ban-concurrent-index-creation-in-transaction",
        "syntax-error",
        "transaction-nesting",
        "ban-uncommitted-transaction",
    }
)
_CONCURRENTLY = re.compile(r"\bconcurrently\b", re.IGNORECASE)
_BOUNDARY = re.compile(r"\s*(begin|commit|start\s+transaction)\s*;\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Script:
    """The SQL of one migration. `down` is None where it cannot be taken back."""

    name: str
    up: str
    down: str | None

    @property
    def is_transactional(self) -> bool:
        """PostgreSQL refuses to do anything CONCURRENTLY in a transaction."""
        return _CONCURRENTLY.search(self.up) is None


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of the linter. `line` counts from 1 within its script."""

    rule: str
    danger: Danger
    script: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.script}: {self.message.rstrip('.')} ({self.rule})"


@dataclass(frozen=True, slots=True)
class Linted:
    """All scripts as one text, and the script and line that each of its lines comes from."""

    text: str
    origins: tuple[tuple[str, int], ...]


def joined(scripts: Sequence[Script]) -> Linted:
    """One text for the linter, so that it knows which tables the release itself creates.

    What runs in a transaction is one there; what must not is outside of any.
    """
    lines: list[str] = []
    origins: list[tuple[str, int]] = []

    def add(line: str, script: str, number: int) -> None:
        lines.append(line)
        origins.append((script, number))

    inside = False
    for script in scripts:
        if script.is_transactional is not inside:
            add("BEGIN;" if script.is_transactional else "COMMIT;", script.name, 1)
            inside = script.is_transactional
        for number, line in enumerate(script.up.splitlines(), start=1):
            add("" if _BOUNDARY.fullmatch(line) else line, script.name, number)
    if inside:
        add("COMMIT;", scripts[-1].name, 1)
    return Linted("\n".join(lines) + "\n", tuple(origins))


def danger_of(rule: str) -> Danger:
    if rule in _FAILS:
        return Danger.FAILS
    if rule in _BREAKS:
        return Danger.BREAKS
    return Danger.BLOCKS if rule in _BLOCKS else Danger.NOTHING


def of_danger(findings: Iterable[Finding], *dangers: Danger) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.danger in dangers)


def label_of(findings: Iterable[Finding], *, is_readable: bool, has_down: bool) -> Label:
    """Old code is trusted on the new schema only where every statement was read and is additive."""
    if is_readable and not of_danger(findings, Danger.BREAKS):
        return Label.INSTANT
    return Label.WITH_DOWN if has_down else Label.FORWARD_ONLY
