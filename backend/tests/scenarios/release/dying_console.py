"""The releaser of a platform's console, which dies by SIGKILL at a moment: python -m … MOMENT."""

from __future__ import annotations

import sys

from insightengine.release.service import ReleaseService
from insightengine.wiring.console_release import console_means
from insightengine.wiring.environment import load
from tests.scenarios.release.killed import DyingJournal


def main() -> None:
    context = load()
    journal = DyingJournal(context.state.releases / "journal.sqlite")
    journal.dies_at = int(sys.argv[1])
    ReleaseService(console_means(context, journal)).work()
    sys.stdout.write(f"{journal.moment}\n")


if __name__ == "__main__":
    main()
