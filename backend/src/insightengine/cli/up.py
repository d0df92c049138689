"""insight up"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from insightengine.cli.options import HERE, BasePort, Detach, Project

if TYPE_CHECKING:
    from insightengine.wiring.local import Upcoming, UpRequest


def command(
    project: Project = HERE,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="Compose file; compose.yaml of the project otherwise."),
    ] = None,
    base_port: BasePort = None,
    profile: Annotated[
        list[str] | None, typer.Option(help="Compose profile to run as well; repeatable.")
    ] = None,
    detach: Detach = False,
) -> None:
    """Bring up the platform and the project's application.

    Starts PostgreSQL, Valkey, the edge, the collector, the telemetry store and the API, then the
    services of the Compose file. Run again, it takes over what changed in the file. Without
    --detach it shows a live table; Ctrl-C stops the platform.

    Examples:

        insight up

        insight up --detach --base-port 5300

        insight up --project ~/shop --profile traffic
    """
    from insightengine.wiring.local import UpRequest

    run(UpRequest(project, file, base_port, tuple(profile or ())), detach=detach)


def run(request: UpRequest, *, detach: bool) -> None:
    from insightengine.cli.show import follow, say
    from insightengine.wiring.local import bring_up, follow_start

    upcoming = bring_up(request)
    for notice in upcoming.notices:
        say(notice)
    follow(follow_start(upcoming))
    _say_where(upcoming, request.project)
    if not detach:
        _stay(request.project)


def _say_where(upcoming: Upcoming, project: Path) -> None:
    from insightengine.cli.show import program, say
    from insightengine.wiring.application import application_sites
    from insightengine.wiring.local import awaited_setup_link

    placed, context = upcoming.placed, upcoming.context
    say("")
    for site in application_sites(context, placed) if placed else ():
        say(f"  {site.name:<12} http://{site.listen}/")
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
