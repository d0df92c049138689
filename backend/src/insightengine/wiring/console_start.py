"""Which version of the console comes up with the platform.

What was released serves until it is released again. While it is developed, and at the very first
start, the version is taken from the checkout that the command runs from; nobody is served then, so
there is nothing to switch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from insightengine.core.colours import Colour
from insightengine.core.errors import NotFoundError
from insightengine.core.settings import Environment
from insightengine.edge.control import NginxEdge
from insightengine.edge.files import link_atomically
from insightengine.edge.models import EdgePaths, Selection
from insightengine.release.models import Label, Release, digest_of
from insightengine.release.tidy import find_surplus, remove
from insightengine.runtimes.local import sources
from insightengine.runtimes.local.artefacts import Artefacts
from insightengine.runtimes.local.colours import change_colours
from insightengine.runtimes.local.records import alive_records
from insightengine.runtimes.local.specs import ServiceUser
from insightengine.runtimes.port import ProcessSpec, Unit
from insightengine.stores.journal.port import Journal, StoredRelease, UnitState
from insightengine.wiring.checkout import API, REPOSITORY, is_checkout
from insightengine.wiring.console_release import console_means
from insightengine.wiring.console_unit import (
    console_artefacts,
    console_processes,
    console_specs,
    read_console,
    tree_in,
)
from insightengine.wiring.environment import PlatformContext
from insightengine.wiring.hosting import left_running
from insightengine.wiring.operations import CONSOLE, open_journal, whoami
from insightengine.wiring.platform import served_console
from insightengine.wiring.release import unit_of

Running = Mapping[Colour, Unit]


def prepare_console(
    context: PlatformContext, user: ServiceUser | None, checkout: Path = REPOSITORY
) -> Iterator[str]:
    """Writes what shall run of the console, with the settings as they are now; yields what a person
    should know. New versions are made of `checkout`.

    Leaves everything to the releaser while a release of it is under way. Does nothing where no
    version was ever released and none can be made: then the API runs as it is installed.
    """
    if not is_checkout(checkout) and not console_specs(context.state.run):
        return
    with closing(open_journal(context, user)) as journal:
        if journal.active(CONSOLE):
            return
        artefacts = console_artefacts(context.state, user)
        is_up = "supervisor" in alive_records(context.state.run)
        running = _present(context, journal) if is_up else _left(context, journal, artefacts)
        serving = _selected(context)
        if serving not in running or (
            not is_up and _is_outdated(context, running[serving], checkout)
        ):
            before = running.get(serving)
            running = {serving: _take(context, journal, artefacts, serving, checkout)}
            if before is not None:
                yield f"the console is release {running[serving].release} now: its sources changed"
        _want(context, running, artefacts)
        link_atomically(served_console(context.state), _folder(artefacts, running[serving]))


def _present(context: PlatformContext, journal: Journal) -> Running:
    """What runs now."""
    return {
        Colour(spec.labels["colour"]): unit_of(journal.release(CONSOLE, spec.labels["release"]))
        for spec in console_specs(context.state.run)
    }


def _left(context: PlatformContext, journal: Journal, artefacts: Artefacts) -> Running:
    """What ran last and can be started again."""
    found: dict[Colour, Unit] = {}
    edge = NginxEdge(EdgePaths.of(context.state))
    for release, colour in left_running(edge.selection, journal.unit(CONSOLE), datetime.now(UTC)):
        with suppress(NotFoundError):
            unit = unit_of(journal.release(CONSOLE, release))
            if artefacts.has(unit.artefacts[API]):
                found[colour] = unit
    return found


def _selected(context: PlatformContext) -> Colour:
    try:
        return NginxEdge(EdgePaths.of(context.state)).selection(CONSOLE).colour
    except NotFoundError:
        return Colour.BLUE


def _is_outdated(context: PlatformContext, unit: Unit, checkout: Path) -> bool:
    """While it is developed, the sources are what is wanted."""
    if context.settings.environment is not Environment.DEVELOPMENT or not is_checkout(checkout):
        return False
    return sources.digest_of(tree_in(checkout), ()) != unit.artefacts[API].digest


def _take(
    context: PlatformContext,
    journal: Journal,
    artefacts: Artefacts,
    colour: Colour,
    checkout: Path,
) -> Unit:
    """Makes a version of the checkout the one that serves."""
    source, config = read_console(checkout)
    artefact = artefacts.obtain(source, API, lambda line: None)
    digests, now = {API: artefact.digest}, datetime.now(UTC)
    schema = {API: _schema_head(checkout)}
    release = Release(CONSOLE, digests, digest_of(config), schema=schema)
    content = {
        "artefacts": digests,
        "secrets": {},
        "schema": schema,
        "label": Label.INSTANT.value,
        "migrations": [],
    }
    journal.keep(StoredRelease(CONSOLE, release.id, content, config, now, whoami(), "insight up"))
    journal.remember(UnitState(CONSOLE, release.id, now))
    with suppress(NotFoundError):  # an edge that was never installed begins with blue
        NginxEdge(EdgePaths.of(context.state)).switch(CONSOLE, Selection(colour))
    _tidy(context, journal)
    return unit_of(journal.release(CONSOLE, release.id))


def _schema_head(checkout: Path) -> str:
    """As an inspection of the release would find it."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(checkout / "backend/migrations"))
    return ",".join(sorted(scripts.get_heads()))


def _tidy(context: PlatformContext, journal: Journal) -> None:
    """Of many small versions, few are kept while it is developed."""
    is_developed = context.settings.environment is Environment.DEVELOPMENT
    means = console_means(context, journal)
    found = find_surplus(means, CONSOLE, means.now(), 0.0 if is_developed else None)
    remove(means, CONSOLE, found)


def _want(context: PlatformContext, running: Running, artefacts: Artefacts) -> None:
    specs = tuple(
        spec
        for colour, unit in running.items()
        for spec in console_processes(context, unit, colour, {API: _folder(artefacts, unit)})
    )

    def with_console(wanted: tuple[ProcessSpec, ...]) -> tuple[ProcessSpec, ...]:
        return (*(one for one in wanted if one.labels.get("unit") != CONSOLE), *specs)

    if console_specs(context.state.run) != specs:
        change_colours(context.state.run, with_console)


def _folder(artefacts: Artefacts, unit: Unit) -> Path:
    return artefacts.path(unit.artefacts[API])
