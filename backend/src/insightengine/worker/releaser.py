"""Carries out releases: a small process that waits for the journal to change."""

from __future__ import annotations

import signal
import sys
import threading

import structlog

from insightengine.core.errors import InsightError, render_error
from insightengine.release.means import Means
from insightengine.release.service import ReleaseService
from insightengine.wiring import logs
from insightengine.wiring.console_release import console_means
from insightengine.wiring.environment import load
from insightengine.wiring.release import means_of

_LOOK_S = 0.05
_HOUSEKEEPING_S = 5.0


def main() -> None:
    """Application and console are released side by side: neither waits for what takes long in the
    other."""
    try:
        context = load()
        logs.configure("releaser", context.settings.log_level)
        application, console = means_of(context), console_means(context)
    except InsightError as error:
        sys.stderr.write(f"{render_error(error)}\n")
        sys.exit(error.exit_code)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    beside = threading.Thread(target=_carry_out, args=(console, stop))
    beside.start()
    _carry_out(application, stop)
    beside.join()


def _carry_out(means: Means, stop: threading.Event) -> None:
    """Until `stop` is set; what is not expected ends the process, and its successor goes on."""
    service = ReleaseService(means)
    log = structlog.get_logger("releaser")
    seen, waited_s = -1, _HOUSEKEEPING_S
    try:
        while not stop.is_set():
            try:
                now = means.journal.change_counter()
                if now != seen or waited_s >= _HOUSEKEEPING_S:
                    seen, waited_s = now, 0.0
                    service.retire_due()
                    service.work()
            except InsightError as error:
                log.error(error.message, code=error.code, hint=error.hint)  # noqa: TRY400 - for people
            stop.wait(_LOOK_S)
            waited_s += _LOOK_S
    finally:
        stop.set()


if __name__ == "__main__":
    main()
