"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Project = Annotated[
    Path,
    typer.Option(
        "--project",
        "-C",
        help="Folder of the project; its .insight/ holds all state.",
        file_okay=False,
        exists=True,
    ),
]
BasePort = Annotated[
    int | None,
    typer.Option(help="First of the platform's hundred ports; INSIGHT_BASE_PORT otherwise."),
]
Detach = Annotated[
    bool,
    typer.Option("--detach", "-d", help="Return when everything is ready, and leave it running."),
]
HERE = Path()
