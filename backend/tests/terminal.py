"""A command on a terminal of its own, and the screen that a person would see."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")
_BEGUN = re.compile(r"\x1b(\[[0-9;?]*)?")


class Screen:
    """Lines as a terminal keeps them, scrolled ones included.

    Understands what Rich writes: new lines, returns, cursor up, erased lines, and no colours.
    """

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._lines: list[list[str]] = [[]]
        self._row = self._column = 0
        self._rest = ""

    @property
    def lines(self) -> list[str]:
        return ["".join(line).rstrip() for line in self._lines]

    def write(self, text: str) -> None:
        """A sequence that comes in parts is obeyed when its last one is there."""
        text, at = self._rest + text, 0
        self._rest = ""
        while at < len(text):
            found = _SEQUENCE.match(text, at)
            if found:
                self._obey(found.group(1), found.group(2))
                at = found.end()
            elif _BEGUN.fullmatch(text, at):
                self._rest = text[at:]
                return
            else:
                self._put(text[at])
                at += 1

    def _obey(self, numbers: str, order: str) -> None:
        count = int(numbers) if numbers.isdigit() else 1
        if order == "A":
            self._row = max(0, self._row - count)
        elif order == "K":
            del self._lines[self._row][0 if numbers == "2" else self._column :]

    def _put(self, character: str) -> None:
        is_full = self._column == self._columns and character.isprintable()
        if character == "\n" or is_full:
            self._row, self._column = self._row + 1, 0
            while len(self._lines) <= self._row:
                self._lines.append([])
        if character == "\r":
            self._column = 0
        elif character.isprintable():
            line = self._lines[self._row]
            line.extend(" " * (self._column + 1 - len(line)))
            line[self._column] = character
            self._column += 1


class Terminal:
    """`shown` collects each state of the screen that was seen."""

    def __init__(self, process: subprocess.Popen[bytes], side: int, columns: int) -> None:
        self.process = process
        self._side = side
        self._screen = Screen(columns)
        self._changed = threading.Condition()
        self.shown: list[list[str]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while received := self._received():
            with self._changed:
                self._screen.write(decoder.decode(received))
                self.shown.append(self._screen.lines)
                self._changed.notify_all()

    def _received(self) -> bytes:
        with suppress(OSError):  # how Linux says that the other side was closed
            return os.read(self._side, 65536)
        return b""

    @property
    def lines(self) -> list[str]:
        return self.shown[-1] if self.shown else []

    def await_shown(self, is_there: Callable[[list[str]], bool], within_s: float) -> list[str]:
        """The first screen after now, or the present one, of which that holds."""
        deadline = time.monotonic() + within_s
        with self._changed:
            while not is_there(self.lines):
                left = deadline - time.monotonic()
                assert left > 0, f"not within {within_s} s; the screen is:\n" + "\n".join(
                    self.lines
                )
                self._changed.wait(min(left, 0.2))
            return self.lines

    def type(self, keys: bytes) -> None:
        os.write(self._side, keys)

    def end(self, within_s: float) -> int:
        """Waits for the command; its exit code."""
        code = self.process.wait(within_s)
        self._reader.join(within_s)
        return code


@contextmanager
def at_terminal(
    argv: Sequence[str | Path],
    env: Mapping[str, str],
    *,
    columns: int = 100,
    rows: int = 40,
) -> Iterator[Terminal]:
    """The command leads a session whose terminal this is; Ctrl-C is typed as `\\x03`.

    It is heard also where the tests run in the background of a shell, which ignores it.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        # Each becomes what follows it: the same process to the end.
        ["env", "--default-signal=INT", "setsid", "--ctty", *map(str, argv)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**env, "TERM": "xterm-256color"},
    )
    os.close(theirs)
    terminal = Terminal(process, ours, columns)
    try:
        yield terminal
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)
