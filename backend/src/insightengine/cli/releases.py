"""insight releases"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from insightengine.cli.options import HERE, Project

app = typer.Typer(help="List what was released and can be brought back, and tidy it up.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback(invoke_without_command=True)
def command(
    context: typer.Context,
    project: Project = HERE,
    json_: Json = False,
) -> None:
    """List what was released and can be brought back, the newest first.

    Examples:

        insight releases

        insight releases --json
    """
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.table import Table

    from insightengine.cli.show import ago
    from insightengine.wiring.environment import load_project
    from insightengine.wiring.releasing import journal_of, summaries

    found = summaries(journal_of(load_project(project)))
    if json_:
        print(json.dumps({"releases": [asdict(one) for one in found]}, default=str))  # noqa: T201
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("release", "state", "built", "by", "schema", "message"):
        table.add_column(column)
    for one in found:
        built = f"{ago(one.created_at.isoformat())} ago"
        schema = one.label if one.migrations else "unchanged"
        table.add_row(one.id, one.state, built, one.created_by, schema, one.message)
    Console(highlight=False).print(table)
