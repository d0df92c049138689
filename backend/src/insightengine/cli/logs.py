"""insight logs"""

from __future__ import annotations

from typing import Annotated

import typer

from insightengine.cli.options import HERE, Project


def command(
    services: Annotated[
        list[str] | None, typer.Argument(help="Services or processes; all when none is named.")
    ] = None,
    project: Project = HERE,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is written from now.")
    ] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, help="How many last lines of each.")
    ] = 20,
) -> None:
    """Show what processes wrote, straight from their log files.

    Examples:

        insight logs web

        insight logs web payments -f

        insight logs supervisor -n 100
    """
    from insightengine.cli.tail import show_logs
    from insightengine.wiring.local import log_files

    show_logs(log_files(project, services or []), lines, follow=follow)
