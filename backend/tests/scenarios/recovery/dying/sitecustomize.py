"""On the PYTHONPATH of a backups process, it lets one operation die by SIGKILL at a chosen moment.

The file that DIES_AT names holds the moment, and its path is asked for by nobody but this. Moments
are counted over what decides: each write into the journal and each object that is stored has one
before and one after. It leaves `.died`, or where it has no such moment `.lived` at its end.
"""

import atexit
import os
import signal
import sys
from pathlib import Path


def _arm(file: Path) -> None:
    from insightengine.recovery.journal import Journal
    from insightengine.recovery.repository import Repository

    dies_at, kinds = file.read_text(encoding="utf-8").split()
    file.rename(file.with_suffix(".taken"))  # the next attempt lives
    moment = 0

    def count() -> None:
        nonlocal moment
        if moment == int(dies_at):
            file.with_suffix(".died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        moment += 1

    def dying(verb):  # type: ignore[no-untyped-def]
        def verb_with_moments(*arguments, **named):  # type: ignore[no-untyped-def]
            count()
            result = verb(*arguments, **named)
            count()
            return result

        return verb_with_moments

    for name in ("claim", "note", "end"):
        setattr(Journal, name, dying(getattr(Journal, name)))
    if kinds == "everything":
        Repository.put_sealed = dying(Repository.put_sealed)  # type: ignore[method-assign]
    atexit.register(file.with_suffix(".lived").touch)


chosen = Path(os.environ.get("DIES_AT", "/nonexistent"))
if "insightengine.worker.operation" in sys.orig_argv and chosen.exists():
    _arm(chosen)
