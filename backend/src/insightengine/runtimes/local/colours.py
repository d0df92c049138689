"""Carries out what `port.ReleaseRuntime` promises, with processes of this machine.

What shall run stands in `colours.json`; the supervisor reads it beside `wanted.json` and keeps it
running. So a colour outlives whoever started it, and comes back after a start of the machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from insightengine.core.colours import Colour
from insightengine.core.errors import ConflictError
from insightengine.core.settings import StateFolder
from insightengine.runtimes.local.artefacts import Artefacts
from insightengine.runtimes.local.control import ask
from insightengine.runtimes.local.specs import Wanted, fingerprint, read_wanted, write_wanted
from insightengine.runtimes.local.status import read_status
from insightengine.runtimes.port import (
    Artefact,
    Instance,
    InstanceState,
    Output,
    ProcessSpec,
    ProcessState,
    Source,
    Unit,
)
from insightengine.runtimes.tether import tethered

COLOURS = "colours.json"
_STOP_TIMEOUT_S = 300.0
_STATES = {
    ProcessState.READY: InstanceState.RUNNING,
    ProcessState.UNHEALTHY: InstanceState.UNHEALTHY,
    ProcessState.BACKING_OFF: InstanceState.FAILED,
    ProcessState.CRASH_LOOP: InstanceState.FAILED,
    ProcessState.STOPPING: InstanceState.STOPPING,
}

SpecsOf = Callable[[Unit, Colour, Mapping[str, Path]], tuple[ProcessSpec, ...]]
"""All processes of a unit, coloured and single, each in the folder of its artefact."""


def wanted_colours(run: Path) -> tuple[ProcessSpec, ...]:
    """What shall run of applications; nothing before the first release."""
    try:
        return read_wanted(run / COLOURS).specs
    except FileNotFoundError:
        return ()


def change_colours(
    run: Path, change: Callable[[tuple[ProcessSpec, ...]], Sequence[ProcessSpec]]
) -> None:
    """Writes what `change` makes of them. One at a time: several units are released side by side.

    The file belongs to the services' user, whoever writes it.
    """
    found = run.stat()
    owner = (found.st_uid, found.st_gid) if os.geteuid() == 0 else None
    with (run / f"{COLOURS}.lock").open("a") as lock:
        if owner is not None:
            os.fchown(lock.fileno(), *owner)
        fcntl.flock(lock, fcntl.LOCK_EX)
        after = tuple(change(wanted_colours(run)))
        write_wanted(run / COLOURS, Wanted(after, None, 0, 0, None), owner)


class LocalRuntime:
    def __init__(self, state: StateFolder, artefacts: Artefacts, specs_of: SpecsOf) -> None:
        self._run_folder = state.run
        self._logs = state.logs
        self._artefacts = artefacts
        self._specs_of = specs_of

    def obtain(self, source: Source, service: str, output: Output) -> Artefact:
        return self._artefacts.obtain(source, service, output)

    def adopt(self, artefact: Artefact, state: Path, output: Output) -> None:
        other = Artefacts(StateFolder(state).releases / "artefacts", None)
        self._artefacts.take_over(artefact, other.path(artefact), output)

    def has(self, artefact: Artefact) -> bool:
        return self._artefacts.has(artefact)

    def artefacts(self) -> tuple[Artefact, ...]:
        return self._artefacts.kept()

    def discard(self, artefact: Artefact) -> None:
        folder = self._artefacts.path(artefact)
        for spec in wanted_colours(self._run_folder):
            is_inside = spec.cwd == folder or folder in spec.cwd.parents
            if is_inside and spec.labels["name"] == artefact.service:
                raise ConflictError(
                    f"{spec.name} runs from {artefact.digest[7:19]}", code="artefact_used"
                )
        self._artefacts.discard(artefact)

    def run(
        self,
        unit: Unit,
        service: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        timeout_s: float,
        output: Output,
    ) -> int:
        specs = self._specs(unit, Colour.BLUE)
        own = next(spec for spec in specs if spec.labels["name"] == service)
        argv = [word.replace("{python}", sys.executable) for word in command]
        return _tethered(argv, own, {**own.env, **environment}, timeout_s, output)

    def start(self, colour: Colour, unit: Unit) -> None:
        new = [spec for spec in self._specs(unit, colour) if spec.labels["colour"]]

        def with_new(wanted: tuple[ProcessSpec, ...]) -> list[ProcessSpec]:
            others = {_release(s) for s in wanted if _is_of(s, unit.name, colour)} - {unit.release}
            if others:
                raise ConflictError(
                    f"{unit.name} {colour} runs release {min(others)}, not {unit.release}",
                    code="colour_in_use",
                    hint="stop it first",
                )
            return [*(s for s in wanted if not _is_of(s, unit.name, colour)), *new]

        self._want(with_new)

    def stop(self, unit: str, colour: Colour) -> None:
        self._want(lambda wanted: [spec for spec in wanted if not _is_of(spec, unit, colour)])

    def replace(self, unit: Unit, colour: Colour) -> None:
        after = [spec for spec in self._specs(unit, colour) if not spec.labels["colour"]]

        def with_after(wanted: tuple[ProcessSpec, ...]) -> list[ProcessSpec]:
            before = {spec.name: spec for spec in wanted if _is_of(spec, unit.name, None)}
            kept = [
                before[one.name] if one.name in before and _same(before[one.name], one) else one
                for one in after
            ]
            return [*(s for s in wanted if not _is_of(s, unit.name, None)), *kept]

        self._want(with_after)

    def instances(self, unit: str) -> tuple[Instance, ...]:
        status = read_status(self._run_folder / "status.json") or {"processes": []}
        known = {process["name"]: process for process in status["processes"]}
        wanted = [s for s in wanted_colours(self._run_folder) if s.labels.get("unit") == unit]
        return tuple(_instance(spec, known.get(spec.name)) for spec in wanted)

    def logs(self, unit: str, colour: Colour | None, service: str, lines: int) -> tuple[str, ...]:
        """Logs are by process name, so they outlive the process and its release."""
        found: list[str] = []
        for path in sorted(self._logs.glob(f"{service}.{colour or '1'}*.log")):
            with (
                contextlib.suppress(OSError),
                path.open(encoding="utf-8", errors="replace") as file,
            ):
                found += deque(file, maxlen=lines)
        return tuple(line.rstrip("\n") for line in found[-lines:])

    def _specs(self, unit: Unit, colour: Colour) -> tuple[ProcessSpec, ...]:
        folders = {name: self._artefacts.path(one) for name, one in unit.artefacts.items()}
        return self._specs_of(unit, colour, folders)

    def _want(self, change: Callable[[tuple[ProcessSpec, ...]], Sequence[ProcessSpec]]) -> None:
        change_colours(self._run_folder, change)
        ask(self._run_folder, {"verb": "apply"}, _STOP_TIMEOUT_S)


def _is_of(spec: ProcessSpec, unit: str, colour: Colour | None) -> bool:
    return spec.labels.get("unit") == unit and spec.labels.get("colour", "") == (colour or "")


def _release(spec: ProcessSpec) -> str:
    return spec.labels["release"]


def _same(one: ProcessSpec, other: ProcessSpec) -> bool:
    """The release's own name does not count: it differs though nothing else does."""

    def plain(spec: ProcessSpec) -> str:
        return fingerprint(spec).replace(spec.labels["release"], "")

    environments = [
        {k: v for k, v in spec.env.items() if k != "OTEL_RESOURCE_ATTRIBUTES"}
        for spec in (one, other)
    ]
    return plain(one) == plain(other) or (
        environments[0] == environments[1] and (one.argv, one.cwd) == (other.argv, other.cwd)
    )


def _instance(spec: ProcessSpec, process: Mapping[str, object] | None) -> Instance:
    colour = spec.labels.get("colour")
    state, restarts, detail = InstanceState.STARTING, 0, None
    is_current = process is not None and dict(process["labels"]) == dict(spec.labels)  # type: ignore[call-overload]
    if process is not None and is_current:
        state = _STATES.get(ProcessState(str(process["state"])), InstanceState.STARTING)
        restarts = int(str(process["restarts"]))
        detail = str(process["detail"]) if process["detail"] else None
    return Instance(
        unit=spec.labels["unit"],
        service=spec.labels["name"],
        name=spec.name,
        colour=Colour(colour) if colour else None,
        release=spec.labels["release"],
        state=state,
        host="127.0.0.1" if spec.ports else None,
        port=spec.ports[0] if spec.ports else None,
        restarts=restarts,
        detail=detail,
    )


def _tethered(
    argv: Sequence[str],
    spec: ProcessSpec,
    environment: Mapping[str, str],
    timeout_s: float,
    output: Output,
) -> int:
    """The exit code. What is not over in time, or whose asker is killed, is killed whole."""
    process = subprocess.Popen(
        tethered(argv),
        cwd=spec.cwd,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    deadline = time.monotonic() + timeout_s
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise ConflictError("the command has no pipes")
    with stdin, stdout, selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        rest = b""
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                stdin.close()
                process.wait()
                raise TimeoutError
            chunk = stdout.read1(65536)  # type: ignore[attr-defined]
            if not chunk:
                break
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                output(line.decode("utf-8", "replace"))
        if rest:
            output(rest.decode("utf-8", "replace"))
        return process.wait()
