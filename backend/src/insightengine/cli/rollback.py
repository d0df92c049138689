"""insight rollback"""

from __future__ import annotations

from typing import Annotated

import typer

from insightengine.cli.deploy import Json
from insightengine.cli.options import HERE, Project, Unit
from insightengine.core.released import Released


def command(
    release: Annotated[
        str | None,
        typer.Argument(help="Release to bring back, or the beginning of its id; else the last."),
    ] = None,
    project: Project = HERE,
    unit: Unit = Released.APPLICATION,
    json_: Json = False,
) -> None:
    """Bring back an earlier release, exactly as it was.

    Within the rollback window this is one switch. Further back, that release is started first, its
    environment included. Exit codes are those of `insight deploy`.

    Examples:

        insight rollback

        insight rollback 7f3a

        insight rollback --unit console
    """
    from insightengine.cli.release_view import follow_operation
    from insightengine.wiring.operations import ask_rollback, whoami
    from insightengine.wiring.project import Place, state_of

    place = Place(state_of(project))
    operation = ask_rollback(place, unit, release, whoami())
    follow_operation(place, operation.id, as_json=json_)
