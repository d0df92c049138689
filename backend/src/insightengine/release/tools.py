"""Which tool migrates a service, and what a whole unit has ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from insightengine.application.model import Service
from insightengine.application.policy import Lint, MigrationKind
from insightengine.core.errors import InvalidInputError
from insightengine.release.means import Means
from insightengine.release.migrations.alembic import AlembicMigrations
from insightengine.release.migrations.command import CommandMigrations
from insightengine.release.migrations.folder import SqlMigrations, scripts_of
from insightengine.release.migrations.label import Danger, Finding, label_of, of_danger
from insightengine.release.migrations.squawk import lint
from insightengine.release.migrations.tool import Inspected, MigrationTool, Output
from insightengine.release.models import Label
from insightengine.runtimes.port import Unit
from insightengine.stores.journal.port import Json


@dataclass(frozen=True, slots=True)
class Schema:
    """The migrations of a release, of all its services together."""

    heads_before: Mapping[str, str]
    heads_after: Mapping[str, str]
    pending: tuple[str, ...]
    label: Label
    has_down: bool
    unsafe: tuple[str, ...]
    breaking: tuple[str, ...]
    warnings: tuple[str, ...]


def migrated(unit: Unit) -> Iterator[Service]:
    return (service for service in unit.source.started if service.migrations is not None)


def tool_of(
    means: Means, unit: Unit, service: Service, config: Json, head_before: str
) -> MigrationTool:
    settings = service.migrations
    if settings is None:
        raise InvalidInputError(f"{service.name} has no migrations")

    def run(
        argv: Sequence[str], environment: Mapping[str, str], timeout_s: float, output: Output
    ) -> int:
        return means.runtime.run(
            unit,
            service.name,
            argv,
            environment=environment,
            timeout_s=timeout_s,
            output=output,
        )

    match settings.kind:
        case MigrationKind.ALEMBIC:
            return AlembicMigrations(service.name, settings, run)
        case MigrationKind.SQL:
            folders = config.get("sql", {})
            files = folders.get(service.name, {}) if isinstance(folders, Mapping) else {}
            scripts = scripts_of(files, service.name)
            return SqlMigrations(
                service.name, settings, scripts, means.database(unit, service.name)
            )
        case MigrationKind.COMMAND:
            after = unit.artefacts[service.name].digest
            return CommandMigrations(
                service.name, settings, run, head_before=head_before, head_after=after
            )


def inspect(means: Means, unit: Unit, config: Json, before: Mapping[str, str]) -> Schema:
    """Where each database stands, what is ahead, and what a rollback would have to do."""
    inspected: dict[str, Inspected] = {}
    findings: list[Finding] = []
    for service in migrated(unit):
        tool = tool_of(means, unit, service, config, before.get(service.name, ""))
        inspected[service.name] = tool.inspect()
        allowed = service.migrations.allow if service.migrations else ()
        findings += lint(inspected[service.name].pending, allowed)
    readable = all(one.is_readable for one in inspected.values())
    has_down = all(one.has_down for one in inspected.values())
    blocks = tuple(map(str, of_danger(findings, Danger.BLOCKS)))
    fails = tuple(map(str, of_danger(findings, Danger.FAILS)))
    refuses = unit.source.application.release.lint is Lint.REFUSE
    breaking = tuple(map(str, of_danger(findings, Danger.BREAKS)))
    return Schema(
        {name: one.head_before for name, one in inspected.items()},
        {name: one.head_after for name, one in inspected.items()},
        tuple(script.name for one in inspected.values() for script in one.pending),
        label_of(findings, is_readable=readable, has_down=has_down),
        has_down,
        (*fails, *(blocks if refuses else ())),
        breaking if readable else (*breaking, "the SQL of a migration could not be read"),
        () if refuses else blocks,
    )


def retried(action: Callable[[], str], attempts: int, pause: Callable[[int], None]) -> str:
    """Tries again while a lock is not free; the last failure is raised as it is."""
    from insightengine.release.migrations.tool import LockedError

    for attempt in range(1, attempts):
        try:
            return action()
        except LockedError:
            pause(attempt)
    return action()
