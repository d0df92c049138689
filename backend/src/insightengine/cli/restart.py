"""insight restart"""

from __future__ import annotations

from typing import Annotated

import typer

from insightengine.cli.options import HERE, Project


def command(
    service: Annotated[str, typer.Argument(help="Service or process to restart.")],
    project: Project = HERE,
) -> None:
    """Stop a service and start it again at once; its crash history is forgotten.

    Examples:

        insight restart web

        insight restart collector
    """
    from insightengine.cli.show import say
    from insightengine.wiring.local import current_status, processes_of, restart

    names = processes_of(current_status(project), service)
    restart(project, names)
    say(f"restarting {', '.join(names)}")
