"""Carries out releases: a small process that waits for the journal to change."""

from __future__ import annotations

import signal
import sys
import threading

import structlog

from insightengine.core.errors import InsightError, render_error
from insightengine.release.service import ReleaseService
from insightengine.wiring import logs
from insightengine.wiring.environment import load
from insightengine.wiring.release import means_of

_LOOK_S = 0.05
_HOUSEKEEPING_S = 5.0


def main() -> None:
    try:
        context = load()
        logs.configure("releaser", context.settings.log_level)
        means = means_of(context)
    except InsightError as error:
        sys.stderr.write(f"{render_error(error)}\n")
        sys.exit(error.exit_code)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    service = ReleaseService(means)
    log = structlog.get_logger("releaser")
    seen, waited_s = -1, _HOUSEKEEPING_S
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


if __name__ == "__main__":
    main()
