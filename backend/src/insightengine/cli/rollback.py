"""insight rollback"""

from __future__ import annotations

from typing import Annotated

import typer

from insightengine.cli.deploy import Json
from insightengine.cli.options import HERE, Project


def command(
    release: Annotated[
        str | None,
        typer.Argument(help="Release to bring back, or the beginning of its id; else the last."),
    ] = None,
    project: Project = HERE,
    json_: Json = False,
) -> None:
    """Bring back an earlier release, exactly as it was.

    Within the rollback window this is one switch. Further back, that release is started first, its
    environment included. Exit codes are those of `insight deploy`.

    Examples:

        insight rollback

        insight rollback 7f3a
    """
    from insightengine.cli.release_view import follow_operation
    from insightengine.wiring.environment import load_project
    from insightengine.wiring.operations import ask_rollback, whoami

    context = load_project(project)
    operation = ask_rollback(context, None, release, whoami())
    follow_operation(context, operation.id, as_json=json_)
