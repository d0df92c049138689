"""One operation of recovery: `python -m insightengine.worker.operation ID [CLUSTER]`.

`-` in place of the ID reads it from standard input, for a process that stands ready for it.
"""

from __future__ import annotations

import ctypes
import os
import sys

from insightengine.core.errors import InsightError, render_error
from insightengine.recovery.journal import OperationKind
from insightengine.recovery.operations import run_operation
from insightengine.wiring.environment import load
from insightengine.wiring.logs import configure
from insightengine.wiring.recovery import house_of

_URGENT = (OperationKind.RESTORE, OperationKind.FAILOVER)
# Of glibc's mallopt: one arena, and 16 MiB buffers are kept for the next instead of given back.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_KEPT = ((_M_ARENA_MAX, 1), (_M_MMAP_THRESHOLD, 32 * 1024**2), (_M_TRIM_THRESHOLD, 512 * 1024**2))
# What reads, opens and writes chunks needs the interpreter for moments only, and would wait the
# default 5 ms for each while the stream is walked through.
_SWITCH_S = 0.001


def main(operation: str, cluster: str | None = None) -> None:
    context = load()
    configure("backups", context.settings.log_level)
    os.umask(0o077)
    keep_memory()
    sys.setswitchinterval(_SWITCH_S)
    if operation == "-":
        prepare_restore()
        operation = sys.stdin.readline().strip()
        if not operation:  # whoever wanted it ready has ended
            return
    try:
        house = house_of(context, cluster)
        if house.journal.get(operation).kind not in _URGENT:
            os.nice(10)  # it gives way to what answers people
        run_operation(house, operation)
    except InsightError as error:
        sys.stderr.write(f"{render_error(error)}\n")
        sys.exit(error.exit_code)


def prepare_restore() -> None:
    """Imports what a restore begins with. The driver of the database is left for the time in which
    its server starts."""
    import insightengine.recovery.restore  # noqa: F401


def keep_memory() -> None:
    """Every chunk of a backup takes the same large buffers. Given back in between, each of their
    pages would be faulted in and cleared anew, which took as long as decompressing into them."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # another C library
        return
    for parameter, value in _KEPT:
        mallopt(parameter, value)


if __name__ == "__main__":
    main(*sys.argv[1:3])
