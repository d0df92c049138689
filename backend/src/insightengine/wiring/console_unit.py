"""The console and its API as a unit that is released: what a version is made of, what runs of it.

A version holds the parts of a checkout below, at the same places. Its dependencies are those of the
installation, as for any application that runs as processes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from insightengine.application.local import LocalPlace, local_process
from insightengine.core.colours import Colour
from insightengine.core.places import StateFolder
from insightengine.runtimes.local.artefacts import Artefacts
from insightengine.runtimes.local.colours import wanted_colours
from insightengine.runtimes.local.sources import Selected
from insightengine.runtimes.local.specs import ServiceUser
from insightengine.runtimes.port import HttpReady, ProcessSpec, Source, Unit
from insightengine.stores.journal.port import Json
from insightengine.wiring.application import base_environment
from insightengine.wiring.checkout import API, PAGES, PARTS, REPOSITORY, read_checkout
from insightengine.wiring.environment import PlatformContext, as_environment
from insightengine.wiring.operations import CONSOLE
from insightengine.wiring.platform import API_PORTS, ConsoleVersion, only_version

_LIVE = "/api/health/live"


def read_console(folder: Path) -> tuple[Source, Json]:
    """The source in a checkout, and the configuration that its release keeps."""
    application, config = read_checkout(folder)
    return Source(application, folder), config


def tree_in(folder: Path) -> Selected:
    return Selected(folder.resolve(), (), (), PARTS)


def console_artefacts(state: StateFolder, user: ServiceUser | None = None) -> Artefacts:
    """Apart from those of applications: what one of them tidies up is none of the other's."""
    folder = state.releases / "console/artefacts"
    return Artefacts(folder, user, lambda _, source: tree_in(source))


def console_processes(
    context: PlatformContext, unit: Unit, colour: Colour, folders: Mapping[str, Path]
) -> tuple[ProcessSpec, ...]:
    """The API of a version, with the settings of the platform as they are now."""
    service = unit.coloured[0]
    folder = folders[service.name]
    port = context.settings.port(API_PORTS[colour])
    run = local_process(service, LocalPlace(sys.executable, port, {}, str(folder)))
    path = service.health.path if service.health else _LIVE
    return (
        ProcessSpec(
            name=f"{API}.{colour}",
            argv=run.argv,
            cwd=folder / "backend",
            env={**_environment(context, colour, unit.release), **run.environment},
            readiness=HttpReady(f"http://{context.settings.api_host}:{port}{path}"),
            ports=(port,),
            stop_timeout_s=service.stop_grace_s,
            labels={
                "service": API,
                "name": service.name,
                "unit": CONSOLE,
                "colour": colour.value,
                "release": unit.release,
                "kind": "platform",
            },
        ),
    )


def installed_api(context: PlatformContext) -> ProcessSpec:
    """The API as it is installed, where no versions of it are released."""
    release = version("insightengine")
    port = context.settings.port(API_PORTS[Colour.BLUE])
    return ProcessSpec(
        name=f"{API}.{Colour.BLUE}",
        argv=(sys.executable, "-m", "insightengine.api.server"),
        cwd=context.state.root,
        env=_environment(context, Colour.BLUE, release),
        readiness=HttpReady(f"http://{context.settings.api_host}:{port}{_LIVE}"),
        ports=(port,),
        labels={"service": API, "colour": "blue", "release": release, "kind": "platform"},
    )


def _environment(context: PlatformContext, colour: Colour, release: str) -> dict[str, str]:
    own = {"INSIGHT_COLOUR": colour.value, "INSIGHT_RELEASE": release}
    return {**base_environment(context), **as_environment(context), **own}


def console_specs(run: Path) -> tuple[ProcessSpec, ...]:
    """What shall run of the console's versions; none where none was released."""
    return tuple(spec for spec in wanted_colours(run) if spec.labels.get("unit") == CONSOLE)


def console_versions(context: PlatformContext) -> Mapping[Colour, ConsoleVersion]:
    """What is in each colour, by what the supervisor is to keep running."""
    found = {
        Colour(spec.labels["colour"]): ConsoleVersion(
            spec.labels["release"], spec.cwd.parent / PAGES
        )
        for spec in console_specs(context.state.run)
    }
    return found or only_version(REPOSITORY / PAGES)


def version_of_unit(context: PlatformContext, unit: Unit) -> ConsoleVersion:
    folder = console_artefacts(context.state).path(unit.artefacts[API])
    return ConsoleVersion(unit.release, folder / PAGES)
