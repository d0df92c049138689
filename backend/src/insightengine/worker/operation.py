"""One operation of recovery: `python -m insightengine.worker.operation ID [CLUSTER]`."""

from __future__ import annotations

import os
import sys

from insightengine.core.errors import InsightError, render_error
from insightengine.recovery.journal import OperationKind
from insightengine.recovery.operations import run_operation
from insightengine.wiring.environment import load
from insightengine.wiring.logs import configure
from insightengine.wiring.recovery import house_of

_URGENT = (OperationKind.RESTORE, OperationKind.FAILOVER)


def main(operation: str, cluster: str | None = None) -> None:
    context = load()
    configure("backups", context.settings.log_level)
    os.umask(0o077)
    try:
        house = house_of(context, cluster)
        if house.journal.get(operation).kind not in _URGENT:
            os.nice(10)  # it gives way to what answers people
        run_operation(house, operation)
    except InsightError as error:
        sys.stderr.write(f"{render_error(error)}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(*sys.argv[1:3])
