"""Options that several commands share."""

import functools
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from insightengine.core.places import Environment
from insightengine.core.released import Released

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
ComposeFile = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="Compose file; compose.yaml of the project otherwise."),
]
Profiles = Annotated[
    list[str] | None, typer.Option(help="Compose profile to run as well; repeatable.")
]
Detach = Annotated[
    bool,
    typer.Option("--detach", "-d", help="Return when everything is ready, and leave it running."),
]
Unit = Annotated[
    Released,
    typer.Option("--unit", help="Whose releases: the application's, or those of this console."),
]
HERE = Path()
_Chosen = Annotated[
    Environment | None,
    typer.Option(
        "--env",
        envvar="INSIGHT_ENV",
        help="Environment of the project that is meant; its own otherwise (INSIGHT_ENVIRONMENT).",
    ),
]


def with_environment(command: Callable[..., None]) -> Callable[..., None]:
    """The command with `--env` when it is about a project; one that has it is returned as it is.

    The choice holds for all of the command, as if INSIGHT_ENV had been set for it.
    """
    signature = inspect.signature(command, eval_str=True)
    if "project" not in signature.parameters or "env" in signature.parameters:
        return command

    @functools.wraps(command)
    def chosen(*arguments: Any, env: Environment | None, **named: Any) -> None:
        if env is not None:
            os.environ["INSIGHT_ENV"] = env.value
        command(*arguments, **named)

    kind = inspect.Parameter.KEYWORD_ONLY
    own = inspect.Parameter("env", kind, default=None, annotation=_Chosen)
    parameters = [*signature.parameters.values(), own]
    chosen.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    chosen.__annotations__ = {one.name: one.annotation for one in parameters} | {"return": None}
    return chosen


def with_environments(group: typer.Typer) -> typer.Typer:
    """The same for every command of a group."""
    for registered in group.registered_commands:
        if registered.callback is not None:
            registered.callback = with_environment(registered.callback)
    root = group.registered_callback
    if root is not None and root.callback is not None:
        root.callback = with_environment(root.callback)
    return group
