"""The backups process: ships received WAL, starts what is asked for or due, tells how far it is."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any

import structlog

from insightengine.core.errors import InsightError
from insightengine.core.lsn import SEGMENT_BYTES, Lsn, Segment
from insightengine.core.settings import PortOffset
from insightengine.recovery.house import RECEIVER, House
from insightengine.recovery.measure import Flow, measurements
from insightengine.recovery.moments import Moment
from insightengine.recovery.objectives import objectives_now
from insightengine.recovery.points import spread_points
from insightengine.recovery.repositories import initialise
from insightengine.recovery.repository import require_repository
from insightengine.recovery.shipping import Shipper
from insightengine.recovery.spooling import Spooled, tidying
from insightengine.stores.server import PostgresServer
from insightengine.telemetry.serving import serve
from insightengine.wiring.environment import PlatformContext
from insightengine.wiring.recovery import house_of
from insightengine.worker.dispatcher import WAL_GAP, Dispatcher, Primary
from insightengine.worker.process import run
from insightengine.worker.ready import Starter

_HOST = "127.0.0.1"
_TICK_S = 0.5
_LISTEN_S = 0.05
_TIDY_S = 5.0
_log = structlog.get_logger("backups")


class Worker:
    """Its threads share what they know through the catalogue and `primary`."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.halt = threading.Event()
        self.primary = Primary()
        self.flow = Flow()
        self._starter = Starter(house.folders.root)
        self._dispatcher = Dispatcher(house, self.primary, self._starter)
        self._tidied_at = 0.0
        self._shippers = [
            Shipper(repository, house.folders.spool, house.now) for repository in house.repositories
        ]
        self._last_moment: Lsn | None = None

    def threads(self) -> list[threading.Thread]:
        ship_s = self.house.policy.wal.ship_every_s / 2  # a tick, and the time of a put
        steps = [
            *(
                ("ship", partial(self._ship, s), partial(self._wait, ship_s))
                for s in self._shippers
            ),
            ("watch", self._watch, self._wait),
            ("operate", self._dispatcher.dispatch, self._wait_for_orders),
        ]
        return [
            threading.Thread(target=self._keep, args=(step, pause), name=name)
            for name, step, pause in steps
        ]

    def _keep(self, step: Callable[[], None], pause: Callable[[], None]) -> None:
        """Calls the step again and again; what it raises is told once, until it changes."""
        told = ""
        while not self.halt.is_set():
            try:
                step()
                told = ""
            except InsightError as error:
                if error.message != told:
                    _log.warning(error.message, hint=error.hint)
                told = error.message
            except Exception:
                _log.exception("a step failed")
                self.halt.wait(5)
            pause()

    def _wait(self, seconds: float = _TICK_S) -> None:
        self.halt.wait(seconds)

    def _wait_for_orders(self) -> None:
        """A tick; less when somebody asks for an operation, who may wait for a restore."""
        deadline = time.monotonic() + _TICK_S
        while not self.halt.wait(_LISTEN_S) and time.monotonic() < deadline:
            self._starter.look()
            with suppress(InsightError):  # the step tells it
                if self.house.journal.has_asked():
                    return

    def _ship(self, shipper: Shipper) -> None:
        before = shipper.shipped
        require_repository(shipper.repository.store)
        spread_points(self.house, shipper.repository)
        after = shipper.step(self.primary.flushed)
        if after is None or (before and before.lsn == after.lsn and before.error == after.error):
            return
        self.house.catalogue.set_fact(
            f"shipped {after.repository}",
            {
                "timeline": after.timeline,
                "lsn": str(after.lsn),
                "at": after.at.isoformat(),
                "error": after.error,
            },
        )
        if before is None or before.lsn.segment != after.lsn.segment:
            self.house.catalogue.set_coverage(after.repository, shipper.coverage())
        if after.error and (before is None or before.error != after.error):
            _log.warning("write-ahead log is not shipped", reason=after.error)

    def _tidy(self) -> None:
        """Keeps the folder of received WAL within its limit; what had to go is told and noted."""
        found = tidying(
            list(self._spooled()), len(self._shippers), self.house.policy.wal.spool_limit_bytes
        )
        for one in found.remove:
            (self.house.folders.spool / one.folder / one.segment.name).unlink(missing_ok=True)
        if found.gaps:
            last = max(one.segment for one in found.gaps)
            _log.warning(
                "received write-ahead log was given up: no repository takes it",
                up_to=str(last.end),
                hint="insight backup status; a new backup closes the gap once one answers",
            )
            self.house.catalogue.set_fact(WAL_GAP, str(last.end))

    def _spooled(self) -> Iterator[Spooled]:
        for folder in self.house.folders.spool.glob("*"):
            if folder.is_symlink() or not folder.is_dir():
                continue
            for path in folder.iterdir():
                segment = Segment.parse(path.name)
                if segment is not None:
                    stored_in = sum(shipper.has(path.name) for shipper in self._shippers)
                    yield Spooled(segment, folder.name, SEGMENT_BYTES, stored_in)

    def _watch(self) -> None:
        """Where the server and its receiver are."""
        with self.house.server() as server:
            while not self.halt.wait(_TICK_S):
                state = server.state()
                self.primary.seen_at = time.monotonic()
                self.primary.timeline = state.timeline
                self._note_receivers(server, state.lsn)
                if time.monotonic() - self._tidied_at > _TIDY_S:
                    self._tidied_at = time.monotonic()
                    self._tidy()
                if state.lsn != self._last_moment:
                    self._note_moment(Moment(self.house.now(), state.timeline, state.lsn))

    def _note_receivers(self, server: PostgresServer, lsn: Lsn) -> None:
        replica_lsn: Lsn | None = None
        for receiver in server.receivers():
            if receiver.name == RECEIVER:
                self.primary.flushed = receiver.flush_lsn
            else:
                replica_lsn = receiver.replay_lsn
        slot = server.slot(RECEIVER)
        spooled = sum(one.size_bytes for one in self._spooled())
        self.flow = Flow(
            server=lsn,
            received=self.primary.flushed,
            kept_bytes=slot.kept_bytes if slot else None,
            spooled_bytes=spooled,
            stored={
                shipper.repository.name: shipper.shipped.lsn
                for shipper in self._shippers
                if shipper.shipped is not None
            },
            replica_behind_bytes=max(0, lsn - replica_lsn) if replica_lsn else None,
        )

    def measured(self) -> list[dict[str, Any]]:
        """What the collector asks for, as JSON."""
        house = self.house
        found = measurements(
            objectives_now(house), self.flow, house.backups(), house.standings(), house.now()
        )
        return [asdict(one) for one in found]

    def _note_moment(self, moment: Moment) -> None:
        self._last_moment = moment.lsn
        at = moment.at.isoformat()
        fact = {"lsn": str(moment.lsn), "at": at, "timeline": moment.timeline}
        self.house.catalogue.set_fact("server", fact)
        self.house.catalogue.add_moment(moment)

    def end_children(self) -> None:
        """They go on where they were at the next start."""
        self._starter.close()
        self._dispatcher.end_children()


async def backups(context: PlatformContext, stop: asyncio.Event) -> None:
    """Waits for the first cluster of a new platform, then ships, operates and answers."""
    os.umask(0o077)
    house: House | None = None
    worker: Worker | None = None
    serving = asyncio.create_task(_answer(context, lambda: worker, stop))
    while house is None and not stop.is_set():
        try:
            house = await asyncio.to_thread(house_of, context)
        except InsightError:
            await asyncio.sleep(0.3)
    if house is not None:
        await asyncio.to_thread(initialise, house)
        worker = Worker(house)
        threads = worker.threads()
        for thread in threads:
            thread.start()
        await stop.wait()
        worker.halt.set()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        worker.end_children()
    await serving


def _objectives(worker: Worker) -> dict[str, Any]:
    return objectives_now(worker.house).as_json()


async def _answer(
    context: PlatformContext, worker: Callable[[], Worker | None], stop: asyncio.Event
) -> None:
    async def app(scope: dict[str, Any], _: Any, send: Any) -> None:
        found: Worker | None = worker()
        body: Any = {"status": "ok"}
        if scope["path"] == "/measurements":
            body = await asyncio.to_thread(found.measured) if found else []
        elif scope["path"] == "/objectives":
            body = await asyncio.to_thread(_objectives, found) if found else {}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    await serve(app, _HOST, context.settings.port(PortOffset.BACKUPS), stop)


if __name__ == "__main__":
    run("backups", backups)
