"""Keeps one process running: prepare, start or adopt, prove ready, watch, start again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from insightengine.runtimes.local import plan
from insightengine.runtimes.local.readiness import problem_of
from insightengine.runtimes.local.records import read_record, record_path
from insightengine.runtimes.local.spawn import (
    Exit,
    clear_session,
    end,
    run_to_end,
    spawn,
    watch_exit,
)
from insightengine.runtimes.local.specs import ServiceUser, fingerprint
from insightengine.runtimes.port import ProcessSpec, ProcessState, ProcessStatus, RunningReady

CHECK_INTERVAL_S = 2.0
CHECK_TIMEOUT_S = 2.0
UNHEALTHY_AFTER = 3  # failed checks in a row
KILLED_AFTER = 5
_LOOK_INTERVAL_S = 0.1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class House:
    """What all keepers of a platform share."""

    run: Path
    logs: Path
    user: ServiceUser | None
    start_timeout_s: float
    longest_pause_s: float
    changed: Callable[[], None]

    def log_of(self, name: str) -> Path:
        return self.logs / f"{name}.log"


class _NotReadyError(Exception):
    """The process did not come up; the text says why."""


class Keeper:
    """One process. `run()` ends only by being cancelled; `stop()` ends the process as well."""

    def __init__(self, spec: ProcessSpec, house: House) -> None:
        self.spec = spec
        self.ready = asyncio.Event()
        self._house = house
        self._state = ProcessState.WAITING
        self._since = datetime.now(UTC)
        self._detail: str | None = None
        self._restarts = 0
        self._last_check: datetime | None = None
        self._exit: Exit | None = None
        self._deaths: tuple[float, ...] = ()
        self._restart_asked = asyncio.Event()
        self._hurried = asyncio.Event()
        self._relied_on: list[tuple[Keeper, int]] = []  # and how often each had been started again

    @property
    def _user(self) -> ServiceUser | None:
        return None if self.spec.keeps_user else self._house.user

    @property
    def status(self) -> ProcessStatus:
        running = self._exit if self._exit and not self._exit.happened.is_set() else None
        return ProcessStatus(
            name=self.spec.name,
            state=self._state,
            pid=running.pid if running else None,
            since=self._since,
            restarts=self._restarts,
            last_check=self._last_check,
            detail=self._detail,
            ports=self.spec.ports,
            labels=self.spec.labels,
        )

    async def run(self, others: Mapping[str, Keeper]) -> None:
        while True:
            began = time.monotonic()
            try:
                await self._wait_for(others)
                began = time.monotonic()
                await self._bring_up()
                reason = await self._watch()
            except _NotReadyError as error:
                reason = str(error)
            self.ready.clear()
            await self._end_process()
            if self._restart_asked.is_set():
                self._restart_asked.clear()
                self._deaths = ()
            else:
                await self._pause(reason, time.monotonic() - began, others)
            self._restarts += 1

    async def stop(self) -> None:
        """Ends the process; call it after `run()` was cancelled."""
        self.ready.clear()
        self._become(ProcessState.STOPPING)
        await self._end_process()
        self._become(ProcessState.STOPPED)

    def restart(self) -> None:
        """Ends the process and starts it again at once, its history forgotten."""
        self._restart_asked.set()

    def hurry(self) -> None:
        """Ends the pause before the next start; a process that runs is left alone."""
        self._hurried.set()

    async def _wait_for(self, others: Mapping[str, Keeper]) -> None:
        """Looks again and again: whom it waits for may be replaced by another keeper meanwhile."""
        while missing := self._missing(others):
            detail = f"for {', '.join(missing)}"
            if (self._state, self._detail) != (ProcessState.WAITING, detail):
                self._become(ProcessState.WAITING, detail)
            awaited = others.get(missing[0])
            ready = awaited.ready if awaited else asyncio.Event()
            await _first(ready.wait(), _LOOK_INTERVAL_S)
        self._relied_on = self._starts_of(others)

    def _missing(self, others: Mapping[str, Keeper]) -> list[str]:
        found = {name: others.get(name) for name in self.spec.depends_on}
        return [name for name, one in found.items() if one is None or not one.ready.is_set()]

    def _starts_of(self, others: Mapping[str, Keeper]) -> list[tuple[Keeper, int]]:
        keepers = [others[name] for name in self.spec.depends_on if name in others]
        return [(one, one.status.restarts) for one in keepers]

    def _is_bereft(self, others: Mapping[str, Keeper]) -> bool:
        """What it depends on is away, or was since."""
        return bool(self._missing(others)) or self._starts_of(others) != self._relied_on

    async def _bring_up(self) -> None:
        began = await self._adopt_or_start()
        await self._wait_until_ready()
        if began is not plan.Begin.ADOPT:
            for command in self.spec.initialise:
                await self._run(command)
        self._hurried.clear()  # what was hurried for has happened
        self._become(ProcessState.READY)
        self.ready.set()

    async def _adopt_or_start(self) -> plan.Begin:
        record = read_record(self._house.run, self.spec.name)
        alive = (
            plan.Running(record.pid, record.fingerprint) if record and record.is_alive() else None
        )
        decision = plan.begin(alive, fingerprint(self.spec))
        if record is not None and decision is not plan.Begin.ADOPT:
            if alive is not None:
                self._exit = watch_exit(alive.pid)
                await self._end_process()
            else:
                await clear_session(record.pid)
        if alive is not None and decision is plan.Begin.ADOPT:
            self._exit = watch_exit(alive.pid)
            self._become(ProcessState.STARTING, "adopted")
            return decision
        self._become(ProcessState.PREPARING)
        for command in self.spec.prepare:
            await self._run(command)
        self._become(ProcessState.STARTING)
        pid = spawn(self.spec, self._house.run, self._house.log_of(self.spec.name), self._user)
        self._exit = watch_exit(pid)
        return decision

    async def _run(self, command: tuple[str, ...]) -> None:
        log = self._house.log_of(self.spec.name)
        try:
            code = await asyncio.wait_for(
                run_to_end(command, self.spec, log, self._user), self._house.start_timeout_s
            )
        except TimeoutError:
            limit = self._house.start_timeout_s
            raise _NotReadyError(f"`{_short(command)}` took more than {limit:g} s") from None
        except OSError as error:
            raise _NotReadyError(f"`{_short(command)}` cannot be run: {error}") from None
        if code != 0:
            raise _NotReadyError(f"`{_short(command)}` exited with {code}")

    async def _wait_until_ready(self) -> None:
        exit_ = self._running()
        deadline = time.monotonic() + self._house.start_timeout_s
        pause_s = 0.03
        if isinstance(self.spec.readiness, RunningReady):
            pause_s = self.spec.readiness.stable_s
            await _first(exit_.happened.wait(), pause_s)
        while True:
            problem = await self._check()
            if exit_.happened.is_set():
                raise _NotReadyError(f"{exit_.describe()} before it was ready")
            if problem is None:
                return
            if time.monotonic() > deadline:
                limit = self._house.start_timeout_s
                raise _NotReadyError(f"not ready after {limit:g} s: {problem}")
            await _first(exit_.happened.wait(), pause_s)
            pause_s = min(pause_s * 1.3, 0.3)

    async def _watch(self) -> str:
        """Returns why the process has to be started again."""
        exit_ = self._running()
        failures = 0
        while True:
            waiters = (exit_.happened.wait(), self._restart_asked.wait())
            await _first_of(waiters, CHECK_INTERVAL_S)
            if exit_.happened.is_set():
                return exit_.describe()
            if self._restart_asked.is_set():
                return "restarted on request"
            problem = await self._check()
            failures = failures + 1 if problem else 0
            if failures >= KILLED_AFTER:
                return f"did not answer {failures} checks: {problem}"
            if failures >= UNHEALTHY_AFTER:
                self.ready.clear()
                self._become(ProcessState.UNHEALTHY, problem)
            elif problem is None and self._state is ProcessState.UNHEALTHY:
                self._become(ProcessState.READY)
                self.ready.set()

    async def _check(self) -> str | None:
        problem = await asyncio.to_thread(problem_of, self.spec.readiness, CHECK_TIMEOUT_S)
        self._last_check = datetime.now(UTC)
        return problem

    async def _end_process(self) -> None:
        if self._exit is not None:
            await end(self._exit, self.spec.stop_signal, self.spec.stop_timeout_s)
            self._exit.close()
            self._exit = None
        record_path(self._house.run, self.spec.name).unlink(missing_ok=True)

    async def _pause(self, reason: str, ran_s: float, others: Mapping[str, Keeper]) -> None:
        """Until the next start. Who died because what it depends on is away did not die of itself:
        that is not counted, and the other one is waited for instead."""
        before = self._deaths
        self._deaths, pause = plan.pause_after_death(
            before, ran_s, time.monotonic(), self._house.longest_pause_s
        )
        state = ProcessState.CRASH_LOOP if pause.crash_loop else ProcessState.BACKING_OFF
        self._become(state, f"{reason}; next start in {pause.seconds:g} s")
        _log.warning("%s %s; next start in %.1f s", self.spec.name, reason, pause.seconds)
        deadline = time.monotonic() + pause.seconds
        while not self._is_called() and (left := deadline - time.monotonic()) > 0:
            if self._is_bereft(others):
                self._deaths = before
                break
            called = (self._restart_asked.wait(), self._hurried.wait())
            await _first_of(called, min(left, _LOOK_INTERVAL_S))
        if self._restart_asked.is_set():
            self._deaths = ()
        self._restart_asked.clear()
        self._hurried.clear()

    def _is_called(self) -> bool:
        return self._restart_asked.is_set() or self._hurried.is_set()

    def _running(self) -> Exit:
        if self._exit is None:
            raise _NotReadyError("it was not started")
        return self._exit

    def _become(self, state: ProcessState, detail: str | None = None) -> None:
        if state is not self._state:
            self._since = datetime.now(UTC)
            _log.info("%s is %s%s", self.spec.name, state.value, f": {detail}" if detail else "")
        self._state, self._detail = state, detail
        self._house.changed()


def _short(command: tuple[str, ...]) -> str:
    """A command as a person would name it."""
    words = [Path(command[0]).name, *command[1:4], *("…" for _ in command[4:5])]
    return " ".join(words)


async def _first(wait: object, limit_s: float) -> None:
    await _first_of((wait,), limit_s)


async def _first_of(waits: tuple[object, ...], limit_s: float) -> None:
    """Waits for whichever comes first, or for `limit_s`; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]  # type: ignore[call-overload]
    try:
        await asyncio.wait(tasks, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
