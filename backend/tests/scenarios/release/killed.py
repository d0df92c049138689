"""A releaser that dies by SIGKILL at one chosen moment: python -m … STATE MOMENT.

Moments are counted over what it writes into the journal: each write has one before and one after.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from insightengine.core.settings import StateFolder
from insightengine.release.service import ReleaseService
from insightengine.stores.journal.sqlite import SqliteJournal
from insightengine.wiring.environment import PlatformContext, load
from tests.scenarios.release.database import DATABASE, means_with
from tests.scenarios.release.ground import means_in


class DyingJournal(SqliteJournal):
    moment = 0
    dies_at = -1

    def note(self, *arguments, **named):  # type: ignore[no-untyped-def]
        self._count()
        entry = super().note(*arguments, **named)
        self._count()
        return entry

    def update(self, *arguments, **named):  # type: ignore[no-untyped-def]
        self._count()
        super().update(*arguments, **named)
        self._count()

    def _count(self) -> None:
        if self.moment == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.moment += 1


def main() -> None:
    context: PlatformContext = load()
    state: StateFolder = context.state
    journal = DyingJournal(Path(state.releases / "journal.sqlite"))
    journal.dies_at = int(sys.argv[1])
    means = means_in(context, journal)
    conninfo = os.environ.get(DATABASE)
    ReleaseService(means_with(means, conninfo) if conninfo else means).work()
    sys.stdout.write(f"{journal.moment}\n")


if __name__ == "__main__":
    main()
