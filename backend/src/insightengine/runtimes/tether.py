"""Runs a command that must not outlive whoever asked for it: `python -I -S tether.py ARGV…`.

Standard input is a pipe that the asker holds open. When it ends, because the asker was killed, the
command is killed with all it started. Standard library only.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence


def tethered(argv: Sequence[str]) -> tuple[str, ...]:
    """The command line that runs another one like that."""
    return (sys.executable, "-I", "-S", __file__, *argv)


def main() -> int:
    os.setsid()
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    ended = os.pidfd_open(command.pid)
    ready, _, _ = select.select([0, ended], [], [])
    if ended in ready:
        code = command.wait()
        return code if code >= 0 else 128 - code
    os.killpg(0, signal.SIGKILL)
    return 1


if __name__ == "__main__":
    sys.exit(main())
