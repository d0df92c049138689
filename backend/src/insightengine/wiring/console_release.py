"""What the release engine works with for the console and its API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from insightengine.core.colours import Colour
from insightengine.core.errors import ConflictError, InvalidInputError
from insightengine.release.means import Means
from insightengine.release.migrations.folder import Connect
from insightengine.runtimes.local.colours import LocalRuntime
from insightengine.runtimes.port import Source, Unit
from insightengine.stores.journal.port import Journal, Json
from insightengine.wiring.checkout import require_built
from insightengine.wiring.console_unit import (
    console_artefacts,
    console_processes,
    read_console,
    version_of_unit,
)
from insightengine.wiring.environment import PlatformContext
from insightengine.wiring.hosting import present_units
from insightengine.wiring.operations import CONSOLE, open_journal
from insightengine.wiring.recovery_points import mark_release
from insightengine.wiring.release import install_edge, looking_means, means_of


def console_means(context: PlatformContext, journal: Journal | None = None) -> Means:
    """The API of a colour is a process of this machine, whatever the application runs in."""
    journal = journal or open_journal(context)
    return replace(
        means_of(context, journal),
        runtime=LocalRuntime(
            context.state, console_artefacts(context.state), partial(console_processes, context)
        ),
        read=_read,
        secrets=lambda source: {},
        install=lambda units: _install(context, journal, units),
        sites=lambda unit: (CONSOLE,),
        provision=lambda unit: None,
        restore_point=lambda name: mark_release(context, name),
        database=_no_database,
        cares_for=lambda unit: unit == CONSOLE,
    )


def means_for(context: PlatformContext, unit: str, journal: Journal | None = None) -> Means:
    """Those of the console, or of the application."""
    return console_means(context, journal) if unit == CONSOLE else means_of(context, journal)


def looking_means_for(context: PlatformContext, unit: str, journal: Journal | None = None) -> Means:
    """Enough to plan with, in a process that may not act."""
    found = console_means if unit == CONSOLE else looking_means
    return found(context, journal)


def _read(parameters: Json) -> tuple[Source, Json]:
    folder = Path(str(parameters["folder"]))
    try:
        require_built(folder)
        return read_console(folder)
    except OSError as error:
        raise InvalidInputError(
            f"{folder} cannot be read by the user whom services run as: {error.strerror}",
            code="unreadable_checkout",
            hint="let that user read it, or keep the checkout where it may",
        ) from None


def _install(context: PlatformContext, journal: Journal, units: Mapping[Colour, Unit]) -> None:
    install_edge(
        context,
        lambda: present_units(context, journal),
        lambda: {colour: version_of_unit(context, unit) for colour, unit in units.items()},
    )


def _no_database(unit: Unit, service: str) -> Connect:
    raise ConflictError(f"{service} migrates by Alembic only", code="no_database")
