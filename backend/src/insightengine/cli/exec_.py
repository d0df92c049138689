"""insight exec"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from insightengine.cli.options import HERE, Project


def command(
    service: Annotated[str, typer.Argument(help="Service or process whose surroundings to use.")],
    arguments: Annotated[list[str], typer.Argument(help="Command and its arguments.")],
    project: Project = HERE,
) -> None:
    """Run a command with the environment, folder and user of a service.

    Options of `insight exec` itself stand before the service.

    Examples:

        insight exec web env

        insight exec web alembic current
    """
    from insightengine.core.errors import NotFoundError
    from insightengine.wiring.containers import container_of, exec_argv
    from insightengine.wiring.local import current_status, wanted_spec

    try:
        spec, user = wanted_spec(project, service)
    except NotFoundError:
        container = container_of(current_status(project), service)
        argv = exec_argv(container, arguments)
        os.execvp(argv[0], argv)  # noqa: S606
    environment = dict(spec.env)
    if user is not None:
        os.initgroups(user.name, user.gid)
        os.setgid(user.gid)
        os.setuid(user.uid)
    os.chdir(spec.cwd)
    try:
        os.execvpe(arguments[0], arguments, environment)  # noqa: S606
    except OSError as error:
        raise NotFoundError(f"{arguments[0]} cannot be run in {spec.cwd}: {error}") from None
