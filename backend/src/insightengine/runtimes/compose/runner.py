"""Runs the command lines of `commands.py`: a time limit on each, output line by line."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from insightengine.core.errors import UnavailableError
from insightengine.runtimes.compose.commands import Argv
from insightengine.runtimes.port import Output
from insightengine.runtimes.tether import tethered

_KEPT_LINES = 200
_PASSED_ON = ("PATH", "HOME", "LANG", "USER", "TMPDIR", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR")
_PASSED_ON_PREFIXES = ("DOCKER_", "BUILDKIT_", "HTTP_", "HTTPS_", "NO_PROXY", "http", "https")
_UNREACHABLE = ("Cannot connect to the Docker daemon", "error during connect")
_NO_PERMISSION = "permission denied while trying to connect"


def docker_environment() -> dict[str, str]:
    """What `docker` needs of ours. COMPOSE_* stays out: a caller's shell must not choose files."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }


@dataclass(frozen=True, slots=True)
class Finished:
    """`output` is what went to standard output, `said` the lines of both."""

    code: int
    output: str
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Runner:
    environment: dict[str, str] = field(default_factory=docker_environment, repr=False)

    def ask(self, argv: Argv, timeout_s: float = 30.0) -> Finished:
        """Runs a command to its end. Raises UnavailableError when there is no Docker Engine."""
        try:
            done = subprocess.run(
                argv,
                env=self.environment,
                cwd="/",  # where no Compose file of anybody lies
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except FileNotFoundError:
            raise _no_docker() from None
        except subprocess.TimeoutExpired:
            raise _timed_out(f"`{shown(argv)}` did not end within {timeout_s:g} s") from None
        said = (*done.stdout.splitlines(), *done.stderr.splitlines())
        refuse_unreachable(done.returncode, said)
        return Finished(done.returncode, done.stdout, said)

    def stream(self, argv: Argv, output: Output, timeout_s: float) -> Finished:
        """Runs a command and hands on each line. Raises TimeoutError after ending it.

        It ends when we are killed: whoever goes on in our place must not meet it half-way.
        """
        kept: deque[str] = deque(maxlen=_KEPT_LINES)

        def take(line: str) -> None:
            kept.append(line)
            output(line)

        code = _streamed(argv, self.environment, take, timeout_s)
        refuse_unreachable(code, tuple(kept))
        return Finished(code, "", tuple(kept))

    def carry_out(self, argv: Argv, timeout_s: float) -> None:
        """Runs what changes much and takes long, tethered to us. Raises UnavailableError."""
        try:
            done = self.stream(argv, lambda _: None, timeout_s)
        except TimeoutError as error:
            raise _timed_out(str(error)) from None
        _refuse_failed(argv, done)

    def demand(self, argv: Argv, timeout_s: float = 120.0) -> Finished:
        """Like `ask`; raises UnavailableError with Docker's own words when it fails."""
        done = self.ask(argv, timeout_s)
        _refuse_failed(argv, done)
        return done


def _streamed(
    argv: Argv, environment: dict[str, str], take: Callable[[str], None], timeout_s: float
) -> int:
    if shutil.which(argv[0], path=environment.get("PATH")) is None:
        raise _no_docker()
    process = subprocess.Popen(
        tethered(argv),
        env=environment,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    over = threading.Event()

    def end() -> None:
        over.set()
        if process.stdin is not None:
            process.stdin.close()

    timer = threading.Timer(timeout_s, end)
    timer.start()
    try:
        with process:
            for line in process.stdout or ():
                take(line.rstrip("\r\n"))
    finally:
        timer.cancel()
    if over.is_set():
        raise TimeoutError(f"`{shown(argv)}` did not end within {timeout_s:g} s")
    return process.returncode


def shown(argv: Argv) -> str:
    """The command as a person would recognise it; paths of our own files left out."""
    return " ".join(argv[:2] + tuple(w for w in argv[2:] if not w.startswith(("/", "-"))))[:200]


def last_words(done: Finished) -> str:
    return " | ".join(line.strip() for line in done.said[-3:] if line.strip()) or "without a word"


def _refuse_failed(argv: Argv, done: Finished) -> None:
    if done.code != 0:
        raise UnavailableError(
            f"`{shown(argv)}` failed: {last_words(done)}",
            code="docker_failed",
            context={"output": list(done.said[-20:])},
        )


def _timed_out(message: str) -> UnavailableError:
    return UnavailableError(message, code="docker_timeout", hint="docker info")


def refuse_unreachable(code: int, said: tuple[str, ...]) -> None:
    if code == 0:
        return
    for line in said:
        if _NO_PERMISSION in line:
            raise UnavailableError(
                "Docker refuses this user: its socket cannot be opened",
                code="docker_unavailable",
                hint="run as root, or add the user to the group docker and log in again",
            )
        if line.startswith(_UNREACHABLE):
            raise UnavailableError(
                f"the Docker Engine does not answer: {line}",
                code="docker_unavailable",
                hint="systemctl start docker, or set DOCKER_HOST",
            )


def _no_docker() -> UnavailableError:
    return UnavailableError(
        "there is no `docker` command",
        code="docker_unavailable",
        hint="install Docker Engine with its Compose plugin, or leave out --runtime compose",
    )
