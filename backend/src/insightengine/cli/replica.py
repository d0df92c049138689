"""insight replica: a second PostgreSQL server that follows the first."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from insightengine.cli.options import HERE, Project

app = typer.Typer(no_args_is_help=True, help="A standby that can take over, and answers reads.")


@app.command()
def add(project: Project = HERE) -> None:
    """Add a replica to a running platform: a copy of the primary that follows it.

    Examples:

        insight replica add
    """
    from insightengine.cli.show import say
    from insightengine.wiring.replica import add_replica

    port = add_replica(project)
    say(f"the replica is being copied; reads are answered on port {port}: insight status")


@app.command()
def remove(project: Project = HERE) -> None:
    """Stop the replica and remove its copy.

    Examples:

        insight replica remove
    """
    from insightengine.cli.show import say
    from insightengine.wiring.replica import remove_replica

    remove_replica(project)
    say("the replica is gone")


@app.command()
def status(
    project: Project = HERE,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show how far the replica is behind, in bytes. Exit code 6 when it does not follow.

    Examples:

        insight replica status
    """
    from insightengine.cli.show import say
    from insightengine.wiring.replica import replica_status

    found = replica_status(project)
    if json_:
        print(json.dumps(found))  # noqa: T201
    else:
        for name, value in found.items():
            say(f"  {name.replace('_', ' '):<14} {value}")
    if found["state"] != "streaming":
        raise typer.Exit(6)
