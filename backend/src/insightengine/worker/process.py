"""What the main functions of our own processes share."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import structlog
import uvloop

from insightengine.core.errors import InsightError, render_error
from insightengine.wiring import logs
from insightengine.wiring.environment import PlatformContext, load

Main = Callable[[PlatformContext, asyncio.Event], Awaitable[None]]


def run(service: str, main: Main) -> None:
    """Loads the context, then runs `main` until it returns or a SIGTERM or SIGINT sets its event.

    Ends the process with the exit code of the error that `main` raised, after logging it.
    """
    try:
        context = load()
    except InsightError as error:
        sys.stderr.write(f"{render_error(error)}\n")
        sys.exit(error.exit_code)
    logs.configure(service, context.settings.log_level)
    log = structlog.get_logger(service)
    try:
        uvloop.run(_until_told(main, context))
    except InsightError as error:
        log.error(error.message, code=error.code, hint=error.hint)  # noqa: TRY400 - for people
        sys.exit(error.exit_code)
    except Exception:
        log.exception(f"{service} failed")
        sys.exit(1)
    log.info(f"{service} ended")


async def _until_told(main: Main, context: PlatformContext) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await main(context, stop)
