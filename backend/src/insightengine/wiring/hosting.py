"""What runs of an application, put in order with what was released, when a platform comes up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from insightengine.core.colours import Colour
from insightengine.core.errors import InsightError, NotFoundError
from insightengine.edge.control import NginxEdge
from insightengine.edge.models import EdgeConfiguration, EdgePaths, Selection
from insightengine.runtimes.compose.runtime import ComposeRuntime
from insightengine.runtimes.local.colours import wanted_colours
from insightengine.runtimes.local.specs import ServiceUser
from insightengine.runtimes.port import Unit
from insightengine.stores.journal.port import Journal, UnitState
from insightengine.wiring.application import Placed, placed_of
from insightengine.wiring.console_unit import console_versions
from insightengine.wiring.containers import compose_runtime, is_hosted
from insightengine.wiring.environment import PlatformContext
from insightengine.wiring.operations import application_states, open_journal
from insightengine.wiring.platform import edge_configuration
from insightengine.wiring.release import running_units, unit_of


def prepare_releases(
    context: PlatformContext, placed: Placed | None, user: ServiceUser | None
) -> Iterator[str]:
    """Makes the journal, and brings containers back; yields what a person should know."""
    if placed is not None:
        journal = open_journal(context, user)
        if is_hosted(context):
            yield from bring_back(context, journal)
        journal.close()


def edge_now(context: PlatformContext, user: ServiceUser | None) -> EdgeConfiguration:
    """With what releases left running; an application that was never released has no sites yet."""
    units: Mapping[Colour, Unit] = {}
    if is_hosted(context) or wanted_colours(context.state.run):
        units = present_units(context, open_journal(context, user))
    placed = {colour: placed_of(unit) for colour, unit in units.items()}
    return edge_configuration(context, placed, console_versions(context))


def present_units(context: PlatformContext, journal: Journal) -> Mapping[Colour, Unit]:
    """What is in each colour of the application."""
    if is_hosted(context):
        units = hosted_units(compose_runtime(context), journal)
    else:
        units = running_units(context, journal)
    return {colour: unit for colours in units.values() for colour, unit in colours.items()}


def bring_back(context: PlatformContext, journal: Journal) -> Iterator[str]:
    """Starts what was released and does not run, after `insight down` or without a restart policy;
    yields what a person should know.

    Does nothing while a release is under way: the releaser goes on with it.
    """
    runtime, edge = compose_runtime(context), NginxEdge(EdgePaths.of(context.state))
    for state in application_states(journal):
        if journal.active(state.unit):
            continue
        running = {(one.release, one.colour) for one in runtime.instances(state.unit)}
        for release, colour in left_running(edge.selection, state, datetime.now(UTC)):
            if (release, colour) in running:
                continue
            try:
                unit = unit_of(journal.release(state.unit, release))
                runtime.start(colour, unit)
                if release == state.serving:
                    runtime.replace(unit, colour)
            except InsightError as error:
                yield f"release {release} is not brought back: {error.message}"


def left_running(
    selection: Callable[[str], Selection], state: UnitState, now: datetime
) -> Iterator[tuple[str, Colour]]:
    """The releases that ran last, each with its colour; the serving one first."""
    if state.serving is None:
        return
    try:
        serving = selection(state.unit).colour
    except NotFoundError:
        serving = Colour.BLUE
    yield state.serving, serving
    if state.warm and state.warm_until and state.warm_until > now:
        yield state.warm, serving.other


def hosted_units(runtime: ComposeRuntime, journal: Journal) -> dict[str, dict[Colour, Unit]]:
    """What is in each colour of each application, by the containers that there are."""
    found: dict[str, dict[Colour, Unit]] = {}
    for state in application_states(journal):
        for one in runtime.instances(state.unit):
            colours = found.setdefault(state.unit, {})
            if one.colour is not None and one.colour not in colours:
                colours[one.colour] = unit_of(journal.release(state.unit, one.release))
    return found
