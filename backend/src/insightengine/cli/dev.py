"""insight dev"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from insightengine.cli.options import HERE, BasePort, ComposeFile, Profiles, Project

if TYPE_CHECKING:
    from insightengine.core.errors import InsightError
    from insightengine.wiring.environment import PlatformContext
    from insightengine.wiring.local import UpRequest

_RETRY_S = 0.5
_START_S = 60.0


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
    with _console(context, wanted=console) as served:
        try:
            _release_saves(context, request)
            if served is not None:  # no application to watch
                raise _not_served(_port(context), f"ended with {served.wait()}")
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
def _console(context: PlatformContext, *, wanted: bool) -> Iterator[subprocess.Popen[bytes] | None]:
    """`next dev` with the API of the platform; it reloads by itself what is saved."""
    from insightengine.cli.show import say

    if not wanted:
        yield None
        return
    port = _port(context)
    process = _next_dev(context.settings.console_url, port)
    try:
        _await_pages(process, port)
        address = f"http://localhost:{port}/monitoring/"
        say(f"the console reloads what you save: {address} (pid {process.pid})")
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def _port(context: PlatformContext) -> int:
    from insightengine.core.settings import PortOffset

    return context.settings.port(PortOffset.CONSOLE_DEV)


def _next_dev(api: str, port: int) -> subprocess.Popen[bytes]:
    from insightengine.core.errors import NotFoundError
    from insightengine.wiring.local import REPOSITORY

    folder = REPOSITORY / "frontend"
    if not (folder / "node_modules").is_dir():
        raise NotFoundError(
            f"the console cannot be served from {folder}: its packages are not installed",
            hint="bin/up in a checkout of the repository installs them",
        )
    return subprocess.Popen(
        ["npm", "run", "--silent", "dev", "--", "--port", str(port)],
        cwd=folder,
        env={**os.environ, "INSIGHT_API": api},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        start_new_session=True,
    )


def _await_pages(process: subprocess.Popen[bytes], port: int) -> None:
    """Until a page is answered, which is compiled by that. Raises UnavailableError when it ended,
    or none is answered in time."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(port):
            return
        time.sleep(0.1)
    if process.poll() is None:
        raise _not_served(port, f"does not answer within {_START_S:g} s")
    raise _not_served(port, f"ended with {process.returncode}")


def _answers(port: int) -> bool:
    import http.client

    connection = http.client.HTTPConnection("localhost", port, timeout=_START_S)
    try:
        connection.request("GET", "/monitoring/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _not_served(port: int, what: str) -> InsightError:
    from insightengine.core.errors import UnavailableError

    return UnavailableError(
        f"the console is not served: `next dev` on port {port} {what}",
        hint="what it said stands above; another one of the same checkout or port may run",
    )
