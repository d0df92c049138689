"""One part of the platform as the only process of a container.

    python -m insightengine.worker.part setup CONSOLE    secrets and configuration, before the rest
    python -m insightengine.worker.part run NAME         prepares it, and runs it until told to stop
    python -m insightengine.worker.part initialise NAME  what has to be done once it answers

The parts are those of the local runtime; what its supervisor does around them is done here. Output
goes to the container's own and to the state folder, where the collector reads it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from insightengine.core.errors import InsightError, NotFoundError, UnavailableError, render_error
from insightengine.runtimes.local.identity import prepare_state
from insightengine.runtimes.local.readiness import problem_of
from insightengine.runtimes.port import ProcessSpec
from insightengine.wiring.console_unit import installed_api
from insightengine.wiring.environment import PlatformContext, load
from insightengine.wiring.local import write_configuration
from insightengine.wiring.platform import edge_configuration, only_version, platform_processes
from insightengine.wiring.secrets import PLATFORM_SECRETS, ensure_secrets

PARTS = ("postgres", "valkey", "store", "collector", "api.blue", "edge")  # of docker-compose.yml
_CHECK_S = 2.0
_BLOCK_BYTES = 64 * 1024


def main(arguments: Sequence[str]) -> int:
    os.umask(0o027)
    context = load()
    match arguments:
        case ["setup", console]:
            return _setup(context, Path(console))
        case ["run", name]:
            return _run(context, _spec(context, name))
        case ["initialise", name]:
            return _initialise(context, _spec(context, name))
    sys.stderr.write(__doc__ or "")
    return 2


def parts(context: PlatformContext) -> tuple[ProcessSpec, ...]:
    """What docker-compose.yml starts; backups are made by the local runtime only."""
    found = (*platform_processes(context, None), installed_api(context))
    return tuple(spec for spec in found if spec.name in PARTS)


def _spec(context: PlatformContext, name: str) -> ProcessSpec:
    found = {spec.name: spec for spec in parts(context)}
    if name not in found:
        raise NotFoundError(f"there is no part {name}", hint=f"known are {', '.join(found)}")
    return found[name]


def _setup(context: PlatformContext, console: Path) -> int:
    """Idempotent; what is there stays."""
    prepare_state(context.state, None)
    ensure_secrets(context.state, PLATFORM_SECRETS, None)
    write_configuration(context, None, None, edge_configuration(context, {}, only_version(console)))
    return 0


def _initialise(context: PlatformContext, spec: ProcessSpec) -> int:
    deadline = time.monotonic() + context.settings.start_timeout_s
    while (problem := problem_of(spec.readiness, _CHECK_S)) is not None:
        if time.monotonic() > deadline:
            raise UnavailableError(f"{spec.name} does not answer: {problem}")
        time.sleep(0.2)
    return _commands(spec, spec.initialise)


def _commands(spec: ProcessSpec, commands: Sequence[Sequence[str]]) -> int:
    for argv in commands:
        code = subprocess.run(argv, cwd=spec.cwd, env=dict(spec.env), check=False).returncode
        if code != 0:
            return code
    return 0


def _run(context: PlatformContext, spec: ProcessSpec) -> int:
    code = _commands(spec, spec.prepare)
    if code != 0:
        return code
    process = subprocess.Popen(
        spec.argv,
        cwd=spec.cwd,
        env=dict(spec.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )

    def pass_on(number: int, _: FrameType | None) -> None:
        process.send_signal(signal.Signals[spec.stop_signal])

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    _copy_output(process, context.state.logs / f"{spec.name}.log")
    return process.wait()


def _copy_output(process: subprocess.Popen[bytes], log: Path) -> None:
    assert process.stdout is not None  # noqa: S101 - it was opened as a pipe
    # Appending, so that the file can be cut under us when it is rotated.
    with log.open("ab", buffering=0) as file, process.stdout:
        while block := os.read(process.stdout.fileno(), _BLOCK_BYTES):
            sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
            file.write(block)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except InsightError as error:
        sys.stderr.write(f"{render_error(error)}\n")
        sys.exit(error.exit_code)
