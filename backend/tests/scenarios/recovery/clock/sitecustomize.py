"""On the PYTHONPATH of processes of recovery, it sets their clock by what a file says, in seconds.

Whatever recovery decides by time, it asks the house for; that is what is set here. PostgreSQL's own
clock goes on: recovery shows its times and decides by positions.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

file = Path(os.environ.get("CLOCK_OFFSET", "/nonexistent"))
OURS = ("insightengine.worker.backups", "insightengine.worker.operation")
if file.exists() and (set(OURS) & set(sys.orig_argv) or "restore" in sys.orig_argv):
    from insightengine.recovery.house import House

    def now(house: House) -> datetime:
        del house
        return datetime.now(UTC) + timedelta(seconds=int(file.read_text(encoding="utf-8")))

    House.now = now  # type: ignore[method-assign]
