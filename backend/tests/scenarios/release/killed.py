"""A releaser that dies by SIGKILL at one chosen time: python -m … MOMENT or STEP+SECONDS.

Moments are counted over what decides in the journal (intents, results, states; no notes): each
write has one before and one after. The other form kills it so long after it began that step.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from insightengine.core.settings import StateFolder
from insightengine.release.service import ReleaseService
from insightengine.stores.journal.port import Phase
from insightengine.stores.journal.sqlite import SqliteJournal
from insightengine.wiring.environment import PlatformContext, load
from tests.scenarios.release.database import DATABASE, means_with
from tests.scenarios.release.ground import means_in


class DyingJournal(SqliteJournal):
    moment = 0
    dies_at = -1
    dies_in = ""
    after_s = 0.0

    def note(self, lease, operation, step, phase, detail, at):  # type: ignore[no-untyped-def]
        if phase is Phase.NOTE:
            return super().note(lease, operation, step, phase, detail, at)
        self._count()
        entry = super().note(lease, operation, step, phase, detail, at)
        self._count()
        if phase is Phase.INTENT and step.partition(":")[0] == self.dies_in:
            threading.Timer(self.after_s, _die).start()
        return entry

    def update(self, *arguments, **named):  # type: ignore[no-untyped-def]
        self._count()
        super().update(*arguments, **named)
        self._count()

    def _count(self) -> None:
        if self.moment == self.dies_at:
            _die()
        self.moment += 1


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    context: PlatformContext = load()
    state: StateFolder = context.state
    journal = DyingJournal(Path(state.releases / "journal.sqlite"))
    step, is_step, seconds = sys.argv[1].partition("+")
    if is_step:
        journal.dies_in, journal.after_s = step, float(seconds)
    else:
        journal.dies_at = int(step)
    means = means_in(context, journal)
    conninfo = os.environ.get(DATABASE)
    ReleaseService(means_with(means, conninfo) if conninfo else means).work()
    sys.stdout.write(f"{journal.moment}\n")


if __name__ == "__main__":
    main()
