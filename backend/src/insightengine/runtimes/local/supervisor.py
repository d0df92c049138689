"""The supervisor: brings all wanted processes up, keeps them, takes orders, tells the state."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import re
import signal
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from insightengine.core.errors import InvalidInputError, NotFoundError
from insightengine.core.settings import StateFolder
from insightengine.runtimes.local import plan, warden
from insightengine.runtimes.local.colours import wanted_colours
from insightengine.runtimes.local.control import SOCKET
from insightengine.runtimes.local.keeper import House, Keeper
from insightengine.runtimes.local.logfiles import rotate_all
from insightengine.runtimes.local.records import (
    alive_records,
    read_record,
    record_path,
    write_own_record,
)
from insightengine.runtimes.local.spawn import end, watch_exit
from insightengine.runtimes.local.specs import (
    WANTED,
    ServiceUser,
    Wanted,
    fingerprint,
    read_own_wanted,
)
from insightengine.runtimes.local.status import (
    OTHERS,
    Overseer,
    encode_status,
    read_others,
    write_status,
)
from insightengine.runtimes.port import ProcessSpec

OVERSEERS = ("supervisor", "warden")
LOCK = "lock"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*")
_STATUS_INTERVAL_S = 2.0
_HOUSEKEEPING_INTERVAL_S = 5.0
_log = logging.getLogger(__name__)


class Supervisor:
    """One per state folder. Started again after a kill, it adopts what its predecessor left."""

    def __init__(self, state: StateFolder) -> None:
        self._state = state
        self._keepers: dict[str, Keeper] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._wanted: Wanted | None = None
        self._applying = asyncio.Lock()

    async def run(self) -> None:
        """Returns when the platform was stopped in order; then `wanted.json` is gone."""
        lock = _locked(self._state.run / LOCK)
        if lock is None:
            _log.info("another supervisor already runs here")
            return
        own = write_own_record(self._state.run, "supervisor")
        self._since = datetime.fromtimestamp(own.started_at, UTC)
        for signal_ in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_, self._stopping.set)
        server = await self._listen()
        background = [
            asyncio.create_task(self._tell_status()),
            asyncio.create_task(self._keep_house()),
        ]
        await self._apply()
        await self._stopping.wait()
        server.close()
        await self._stop_all()
        for task in background:
            task.cancel()
        self._leave()
        lock.close()

    async def _listen(self) -> asyncio.Server:
        os.chdir(self._state.run)  # see control.py: socket addresses are short
        address = self._state.run / SOCKET
        _remove(address)
        server = await asyncio.start_unix_server(self._serve, SOCKET)
        _protect(address, read_own_wanted(self._state.run / WANTED).user)
        return server

    def _leave(self) -> None:
        """From here on the warden has nothing to guard."""
        self._write_status()
        (self._state.run / WANTED).unlink(missing_ok=True)
        record_path(self._state.run, "supervisor").unlink(missing_ok=True)

    async def _apply(self) -> None:
        async with self._applying:
            await self._bring_in_line()

    async def _bring_in_line(self) -> None:
        """Brings the running processes in line with `wanted.json` and `colours.json`."""
        wanted = read_own_wanted(self._state.run / WANTED)
        both = (*wanted.specs, *_refuse_odd(wanted.specs, wanted_colours(self._state.run)))
        plan.start_order(both)  # refuses circles before anything is touched
        self._wanted = wanted
        specs = {spec.name: spec for spec in both}
        gone = plan.orphans(self._keepers, specs)
        altered = [
            name
            for name, keeper in self._keepers.items()
            if name in specs and fingerprint(keeper.spec) != fingerprint(specs[name])
        ]
        await self._stop([*gone, *altered])
        await self._end_orphans(specs)
        house = House(
            self._state.run,
            self._state.logs,
            wanted.user,
            wanted.start_timeout_s,
            wanted.longest_pause_s,
            self._changed.set,
        )
        new = [name for name in specs if name not in self._keepers]
        for name in new:
            self._keepers[name] = Keeper(specs[name], house)
        for name in new:
            self._tasks[name] = asyncio.create_task(self._keepers[name].run(self._keepers))
        self._changed.set()

    async def _end_orphans(self, wanted: Iterable[str]) -> None:
        records = alive_records(self._state.run)
        for name in plan.orphans(records, [*wanted, *self._keepers, *OVERSEERS]):
            _log.warning("%s (pid %d) is not wanted any more", name, records[name].pid)
            exit_ = watch_exit(records[name].pid)
            await end(exit_, "SIGTERM", 10.0)
            exit_.close()
            record_path(self._state.run, name).unlink(missing_ok=True)

    async def _stop(self, names: Iterable[str]) -> None:
        stopped = set(names)
        for name in stopped:
            self._tasks[name].cancel()
        await asyncio.gather(*(self._tasks[name] for name in stopped), return_exceptions=True)
        await asyncio.gather(*(self._keepers[name].stop() for name in stopped))
        for name in stopped:
            del self._keepers[name], self._tasks[name]

    async def _stop_all(self) -> None:
        specs = tuple(keeper.spec for keeper in self._keepers.values())
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for group in plan.stop_order(specs):
            await asyncio.gather(*(self._keepers[name].stop() for name in group))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._obey(json.loads(await reader.readline()))
        except NotFoundError as error:
            answer = {"error": error.message, "hint": error.hint, "code": "not_found"}
        except Exception as error:
            _log.exception("an order failed")
            answer = {"error": str(error), "code": "internal"}
        writer.write(json.dumps(answer).encode() + b"\n")
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    async def _obey(self, order: dict[str, Any]) -> dict[str, Any]:
        match order:
            case {"verb": "stop"}:
                self._stopping.set()
                return {"stopping": len(self._keepers)}
            case {"verb": "apply"}:
                await self._apply()
                return {"processes": sorted(self._keepers)}
            case {"verb": "restart", "names": list(names)}:
                for keeper in self._named(names):
                    keeper.restart()
                return {"restarting": names}
            case {"verb": "hurry", "names": list(names)}:
                for keeper in self._named(names):
                    keeper.hurry()
                return {"hurrying": names}
            case _:
                return {"error": f"unknown order {order}", "code": "invalid_input"}

    def _named(self, names: list[str]) -> list[Keeper]:
        unknown = sorted(set(names) - set(self._keepers))
        if unknown:
            known = ", ".join(sorted(self._keepers))
            raise NotFoundError(f"there is no process {unknown[0]}", hint=f"known are {known}")
        return [self._keepers[name] for name in names]

    async def _tell_status(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _STATUS_INTERVAL_S)
            self._changed.clear()
            try:
                self._write_status()
            except OSError as error:
                _log.warning("status.json cannot be written: %s", error)
            await asyncio.sleep(0.05)

    def _write_status(self) -> None:
        record = read_record(self._state.run, "warden")
        guard = (
            Overseer(record.pid, datetime.fromtimestamp(record.started_at, UTC))
            if record and record.is_alive()
            else None
        )
        status = encode_status(
            datetime.now(UTC),
            Overseer(os.getpid(), self._since),
            guard,
            self._wanted.application if self._wanted else None,
            [keeper.status for keeper in self._keepers.values()],
        )
        status["processes"] += read_others(self._state.run / OTHERS, datetime.now(UTC))
        write_status(self._state.run / "status.json", status)

    async def _keep_house(self) -> None:
        """Rotates logs, and replaces a warden that was killed."""
        while True:
            await asyncio.sleep(_HOUSEKEEPING_INTERVAL_S)
            try:
                await asyncio.to_thread(rotate_all, self._state.logs)
                guard = read_record(self._state.run, "warden")
                if guard is None or not guard.is_alive():
                    _log.warning("the warden is gone; a new one is started")
                    warden.start(self._state)
            except OSError as error:
                _log.warning("housekeeping failed: %s", error)


def _locked(path: Path) -> Any:
    """The open lock file, held until it is closed; None when another process holds it."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _protect(path: Path, user: ServiceUser | None) -> None:
    """The services' user may give orders: the releaser runs as that user, and so does all that it
    can have started."""
    path.chmod(0o600)
    if user is not None:
        os.chown(path, user.uid, user.gid)


def _refuse_odd(
    platform: Iterable[ProcessSpec], colours: tuple[ProcessSpec, ...]
) -> tuple[ProcessSpec, ...]:
    """`colours.json` is written by the services' user: its names become paths that root opens, and
    what it starts runs as that user."""
    reserved = {spec.name for spec in platform} | set(OVERSEERS)
    for spec in colours:
        if not _NAME.fullmatch(spec.name) or spec.name in reserved:
            raise InvalidInputError(f"{spec.name!r} cannot be the name of a process")
        if spec.keeps_user:
            raise InvalidInputError(f"{spec.name} cannot keep the user who started the platform")
    return colours
