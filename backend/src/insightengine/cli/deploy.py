"""insight deploy"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from insightengine.cli.options import HERE, ComposeFile, Profiles, Project, Unit
from insightengine.core.released import Released

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]

From = Annotated[
    Path | None,
    typer.Option(
        "--from", help="Checkout of InsightEngine with the new console; its own otherwise."
    ),
]


def command(
    project: Project = HERE,
    file: ComposeFile = None,
    unit: Unit = Released.APPLICATION,
    source: From = None,
    profile: Profiles = None,
    message: Annotated[str, typer.Option("--message", "-m", help="What this release is for.")] = "",
    forward_only: Annotated[
        bool, typer.Option(help="Migrate also when nothing can take the migration back.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return at once; it goes on by itself.")
    ] = False,
    json_: Json = False,
) -> None:
    """Release the application as it is in the project's folder, or the platform's own console.

    Builds, checks, migrates, starts the new version beside the serving one, switches without
    dropping a request, watches, and takes it back by itself when it is worse. Ctrl-C stops
    watching, not the release.

    Exit codes: 0 it serves, 2 wrong input, 4 refused, 8 it was taken back, 9 the gates could not
    decide and it is held, 10 cancelled, 11 it waits for an approval.

    Examples:

        insight deploy

        insight deploy -m "new checkout" --json

        insight deploy --unit console --from ~/insightengine
    """
    from insightengine.cli.release_view import follow_operation
    from insightengine.cli.show import say
    from insightengine.wiring.environment import running_context
    from insightengine.wiring.operations import journal_of, whoami
    from insightengine.wiring.requests import Deployment, ask_console_deployment, ask_deployment

    context = running_context(project)
    journal_of(context)
    if unit is Released.CONSOLE:
        operation = ask_console_deployment(
            context, whoami(), source=source, message=message, forward_only=forward_only
        )
    else:
        wanted = Deployment(
            project,
            whoami(),
            file,
            tuple(profile or ()),
            message,
            forward_only=forward_only,
        )
        operation = ask_deployment(context, wanted)
    if detach:
        say(f"operation {operation.id}; follow it with: insight release watch")
        return
    follow_operation(context, operation.id, as_json=json_)
