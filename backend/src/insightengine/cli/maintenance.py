"""insight maintenance"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from insightengine.cli.options import HERE, Project


class Wanted(StrEnum):
    ON = "on"
    OFF = "off"


def command(
    wanted: Annotated[Wanted, typer.Argument(help="`on` closes the application, `off` opens it.")],
    project: Project = HERE,
) -> None:
    """Close the application for visitors, or open it again.

    Visitors get a page with status 503; health paths are answered as before.

    Examples:

        insight maintenance on
    """
    from insightengine.cli.show import say
    from insightengine.wiring.environment import running_context
    from insightengine.wiring.releasing import set_maintenance, whoami

    state = set_maintenance(running_context(project), whoami(), on=wanted is Wanted.ON)
    say(f"{state.unit} is {'closed for maintenance' if state.maintenance_by else 'open'}")
