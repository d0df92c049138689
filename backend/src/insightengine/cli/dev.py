"""insight dev"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from insightengine.cli.options import HERE, BasePort, ComposeFile, Profiles, Project

if TYPE_CHECKING:
    from insightengine.wiring.environment import PlatformContext
    from insightengine.wiring.local import UpRequest

_RETRY_S = 0.5


def command(
    project: Project = HERE,
    file: ComposeFile = None,
    base_port: BasePort = None,
    profile: Profiles = None,
    console: Annotated[
        bool, typer.Option("--console", help="Serve this checkout's console by `next dev`, too.")
    ] = False,
) -> None:
    """Bring up the platform, and release again whatever you save.

    Each save is a small release: the new version is built and started beside the one that serves,
    and gets the requests when it is healthy. So a save that does not start changes nothing, and
    says why. Gates, canaries and approvals are left out. Ctrl-C ends the watching; the platform
    goes on until `insight down`.

    Examples:

        insight dev

        insight dev --file examples/shop/compose.yaml --console
    """
    from insightengine.cli.show import say
    from insightengine.cli.up import run
    from insightengine.wiring.environment import running_context
    from insightengine.wiring.local import UpRequest

    request = UpRequest(project, file, base_port, tuple(profile or ()))
    _refuse_other_environments(request)
    run(request, detach=True)
    context = running_context(project)
    with _console(context, wanted=console):
        try:
            _release_saves(context, request)
        except KeyboardInterrupt:
            say("no longer watched; the platform runs on: insight down ends it")


def _refuse_other_environments(request: UpRequest) -> None:
    from insightengine.core.errors import ConflictError
    from insightengine.core.settings import Environment
    from insightengine.wiring.environment import load_project

    environment = load_project(request.project, request.overrides).settings.environment
    if environment is not Environment.DEVELOPMENT:
        raise ConflictError(
            f"saves are not released in {environment}",
            code="not_development",
            hint=f"insight deploy --env {environment}",
        )


def _release_saves(context: PlatformContext, request: UpRequest) -> None:
    from insightengine.cli.show import say
    from insightengine.core.errors import InsightError, render_error
    from insightengine.wiring.local import place_application
    from insightengine.wiring.saves import Saves, sources_of

    placed = place_application(request, context.settings)
    if placed is None:
        return
    saves = Saves(lambda: sources_of(placed))
    say("saves are released; Ctrl-C ends that")
    while True:
        changed = saves.await_next()
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        say(f"{changed[0].name}{more} changed")
        began = time.monotonic()
        try:
            if _release(context, request):
                say(f"  serves after {time.monotonic() - began:.1f} s")
        except InsightError as error:
            say(render_error(error))


def _release(context: PlatformContext, request: UpRequest) -> bool:
    """Whether it serves; a failure was told, and what served before goes on."""
    from insightengine.cli.release_view import follow_operation
    from insightengine.core.errors import ConflictError
    from insightengine.wiring.releasing import Deployment, ask_deployment, whoami

    wanted = Deployment(
        request.project,
        whoami(),
        request.file,
        request.profiles,
        "saved",
        skip_checks=True,
        saved=True,
    )
    while True:
        try:
            operation = ask_deployment(context, wanted)
            break
        except ConflictError as error:
            if error.code != "release_in_progress":
                raise
            time.sleep(_RETRY_S)
    try:
        follow_operation(context, operation.id, quiet=True)
    except typer.Exit as left:
        if left.exit_code == 130:  # Ctrl-C
            raise KeyboardInterrupt from None
        return False
    return True


@contextmanager
def _console(context: PlatformContext, *, wanted: bool) -> Iterator[None]:
    """`next dev` with the API of the platform; it reloads by itself what is saved."""
    from insightengine.cli.show import say
    from insightengine.core.errors import NotFoundError
    from insightengine.wiring.local import REPOSITORY

    if not wanted:
        yield
        return
    folder = REPOSITORY / "frontend"
    if not (folder / "node_modules").is_dir():
        raise NotFoundError(
            f"the console cannot be served from {folder}: its packages are not installed",
            hint="bin/up in a checkout of the repository installs them",
        )
    process = subprocess.Popen(
        ["npm", "run", "--silent", "dev"],
        cwd=folder,
        env={**os.environ, "INSIGHT_API": context.settings.console_url},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        start_new_session=True,
    )
    say(f"the console reloads what you save: http://localhost:3100/monitoring/ (pid {process.pid})")
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
