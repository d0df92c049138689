"""insight status"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from insightengine.cli.options import HERE, Project


def command(
    project: Project = HERE,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show each process: state, since when, restarts, ports, and why it is not ready.

    Needs neither the API nor a database. Exit code 0 when everything is ready, else 6.

    Examples:

        insight status

        insight status --json
    """
    from rich.console import Console

    from insightengine.cli.show import process_table, say
    from insightengine.wiring.local import current_status

    status = current_status(project)
    if json_:
        print(json.dumps(status))  # noqa: T201
    else:
        Console(highlight=False).print(process_table(status))
    if not status["running"]:
        say("\nthe platform does not run; this was its last state. Start it with: insight up")
    elif status["stale"]:
        say("\nthe supervisor has not written for more than 10 s; this may be out of date")
    whole = status["running"] and all(p["state"] == "ready" for p in status["processes"])
    if not whole:
        raise typer.Exit(6)
