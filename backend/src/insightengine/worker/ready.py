"""Processes for operations; one stands ready where somebody is about to ask.

Such a process has everything imported and waits for the number of its operation. Its imports take
as long as those of the command that will ask, and at the same time instead of after them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from insightengine.core.places import EXPECTED

_LIMIT_S = 30.0  # of a command that shows its plan and asks a person
_COMMAND = (sys.executable, "-m", "insightengine.worker.operation")


class Starter:
    """Called by one thread. `folder` is that of recovery, where `EXPECTED` tells of a wish."""

    def __init__(self, folder: Path, command: tuple[str, ...] = _COMMAND) -> None:
        self._expected = folder / EXPECTED
        self._command = command
        self._ready: subprocess.Popen[bytes] | None = None
        self._since = 0.0

    def __call__(self, operation: str) -> subprocess.Popen[bytes]:
        """A process that carries it out: the one that stands ready, or a new one."""
        ready, self._ready = self._ready, None
        if ready is not None and _told(ready, operation):
            return ready
        return self._popen(operation, subprocess.DEVNULL)

    def look(self) -> None:
        """Has a process ready where one is expected, and ends one that nobody needed."""
        if self._ready is not None and time.monotonic() - self._since > _LIMIT_S:
            self.close()
        try:
            self._expected.unlink()
        except OSError:
            return
        if self._ready is None:
            self._ready, self._since = self._popen("-", subprocess.PIPE), time.monotonic()

    def close(self) -> None:
        """Ends the one that stands ready; it has nothing to lose."""
        if self._ready is not None:
            self._ready.kill()
            self._ready.communicate()
            self._ready = None

    def _popen(self, operation: str, stdin: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*self._command, operation], env=dict(os.environ), stdin=stdin)


def _told(process: subprocess.Popen[bytes], operation: str) -> bool:
    """Whether it lives and has the number now."""
    if process.stdin is None:
        return False
    with suppress(OSError):
        process.stdin.write(f"{operation}\n".encode())
        process.stdin.close()
    return process.poll() is None
