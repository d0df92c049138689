"""insight up"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from insightengine.cli.options import HERE, BasePort, ComposeFile, Detach, Profiles, Project
from insightengine.core.places import Runtime

if TYPE_CHECKING:
    from insightengine.wiring.local import Upcoming, UpRequest


def command(
    project: Project = HERE,
    file: ComposeFile = None,
    base_port: BasePort = None,
    profile: Profiles = None,
    runtime: Annotated[
        Runtime | None,
        typer.Option(help="What the application runs in; INSIGHT_RUNTIME otherwise."),
    ] = None,
    detach: Detach = False,
    release: Annotated[
        bool,
        typer.Option(help="Release the application when it never was; else wait for a promotion."),
    ] = True,
) -> None:
    """Bring up the platform and the project's application.

    Starts PostgreSQL, Valkey, the edge, the collector, the telemetry store and the API, then the
    services of the Compose file. Run again, it takes over what changed in the file. Without
    --detach it shows a live table; Ctrl-C stops the platform.

    Examples:

        insight up

        insight up --detach --base-port 5300

        insight up --project ~/shop --profile traffic

        insight up --runtime compose

        insight up --detach --env production --no-release
    """
    from insightengine.wiring.local import UpRequest

    run(
        UpRequest(project, file, base_port, tuple(profile or ()), runtime),
        detach=detach,
        release=release,
    )


def run(request: UpRequest, *, detach: bool, release: bool = True) -> None:
    from insightengine.cli.show import follow, say
    from insightengine.wiring.local import bring_up, follow_start

    upcoming = bring_up(request)
    for notice in upcoming.notices:
        say(notice)
    follow(follow_start(upcoming))
    if release:
        _release_first(upcoming, request)
    _say_where(upcoming, request.project)
    if not detach:
        _stay(request.project)


def _release_first(upcoming: Upcoming, request: UpRequest) -> None:
    from insightengine.cli.release_view import follow_operation
    from insightengine.wiring.first_release import ask_first_release

    operation = ask_first_release(upcoming, request, "insight up")
    if operation is not None:
        follow_operation(upcoming.context, operation.id, quiet=True)


def _say_where(upcoming: Upcoming, project: Path) -> None:
    from insightengine.cli.show import program, say
    from insightengine.wiring.setup_link import awaited_setup_link
    from insightengine.wiring.sites import site_addresses

    placed, context = upcoming.placed, upcoming.context
    say("")
    for name, address in site_addresses(context, placed).items() if placed else ():
        say(f"  {name:<12} http://{address}/")
    say(f"  {'console':<12} {context.settings.console_url}/monitoring/")
    link = awaited_setup_link(upcoming)
    if link:
        say(f"  {'first log-in':<12} {link}   (once; sets your password)")
    where = "" if project == HERE else f" --project {project}"
    say(f"\n  stop it with: {program()} down{where}")


def _stay(project: Path) -> None:
    """The live table until Ctrl-C, the end of the terminal, or `insight down` elsewhere."""
    from rich.live import Live

    from insightengine.cli.show import messages, process_table, say
    from insightengine.wiring.local import current_status, take_down

    for signal_ in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_, lambda *_: sys.exit(0))
    try:
        with Live(console=messages, refresh_per_second=2) as live:
            while (status := current_status(project))["running"]:
                live.update(process_table(status))
                time.sleep(0.5)
            return
    except KeyboardInterrupt:
        say("stopping …")
    except SystemExit:
        pass
    take_down(project)
