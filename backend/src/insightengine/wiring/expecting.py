"""Tells the process of backups that somebody is about to ask for an operation.

Nothing of recovery is imported here: it is the first that a command does, before its own imports.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from insightengine.core.errors import InsightError
from insightengine.core.places import EXPECTED
from insightengine.wiring.project import state_of


def expect_operation(project: Path) -> None:
    """A hint only: without it, or where nobody looks, everything takes its course a bit later."""
    with suppress(OSError, InsightError):
        mark = state_of(project).root / "recovery" / EXPECTED
        # The folder is the services' user's: what root opens there must not be a link.
        os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
