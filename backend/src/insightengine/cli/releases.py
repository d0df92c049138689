"""insight releases"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from insightengine.cli.options import HERE, Project, Unit
from insightengine.core.released import Released

app = typer.Typer(help="List what was released and can be brought back, and tidy it up.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback(invoke_without_command=True)
def command(
    context: typer.Context,
    project: Project = HERE,
    unit: Unit = Released.APPLICATION,
    json_: Json = False,
) -> None:
    """List what was released and can be brought back, the newest first.

    Examples:

        insight releases

        insight releases --json

        insight releases --unit console
    """
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.table import Table

    from insightengine.cli.show import ago
    from insightengine.wiring.environment import running_context
    from insightengine.wiring.releasing import journal_of, summaries

    found = summaries(journal_of(running_context(project)), unit)
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
    Console(highlight=False, markup=False).print(table)  # a message is anybody's text


@app.command()
def prune(
    project: Project = HERE,
    unit: Unit = Released.APPLICATION,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only name what would go.")] = False,
    json_: Json = False,
) -> None:
    """Remove old releases with their artefacts: those beyond `keep` and `keep_for`.

    What serves, is kept warm, is being released, or is what a rollback brings back, never goes.
    The same is done by itself after each release.

    Examples:

        insight releases prune --dry-run
    """
    from insightengine.cli.show import say
    from insightengine.wiring.environment import running_context
    from insightengine.wiring.releasing import prune as prune_them

    gone = prune_them(running_context(project), unit, dry_run=dry_run)
    if json_:
        shown = {"releases": gone.releases, "artefacts": [asdict(one) for one in gone.artefacts]}
        print(json.dumps({"dry_run": dry_run, **shown}))  # noqa: T201
        return
    for release in gone.releases:
        say(f"  release   {release}")
    for artefact in gone.artefacts:
        say(f"  artefact  {artefact.service} {artefact.digest[7:19]}")
    what = "would go" if dry_run else "went"
    say(f"{len(gone.releases)} releases and {len(gone.artefacts)} artefacts {what}")
