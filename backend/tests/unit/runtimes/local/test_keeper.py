"""A keeper of real processes."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from insightengine.runtimes.local.keeper import House, Keeper
from insightengine.runtimes.port import ProcessSpec, ProcessState, RunningReady

_LONG_S = 600.0  # a pause that no test waits for
_LIMIT_S = 20.0


@asynccontextmanager
async def kept(folder: Path, script: str) -> AsyncIterator[Keeper]:
    async with all_kept(folder, {"one": script}) as keepers:
        yield keepers["one"]


@asynccontextmanager
async def all_kept(folder: Path, scripts: dict[str, str]) -> AsyncIterator[dict[str, Keeper]]:
    """Each depends on the one before it."""
    run, logs = folder / "run", folder / "logs"
    run.mkdir()
    logs.mkdir()
    house = House(run, logs, None, _LIMIT_S, _LONG_S, lambda: None)
    keepers: dict[str, Keeper] = {}
    for name, script in scripts.items():
        before = tuple(keepers)[-1:]
        argv = ("/bin/sh", "-c", script)
        spec = ProcessSpec(name, argv, folder, {}, RunningReady(0.05), before)
        keepers[name] = Keeper(spec, house)
    tasks = [asyncio.create_task(keeper.run(keepers)) for keeper in keepers.values()]
    try:
        yield keepers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for keeper in keepers.values():
            await keeper.stop()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_LIMIT_S):
        while not holds():
            await asyncio.sleep(0.01)


async def test_who_is_hurried_does_not_wait_for_the_next_start(tmp_path: Path) -> None:
    async with kept(tmp_path, "test -e found && exec sleep 600") as keeper:
        await until(lambda: keeper.status.state is ProcessState.CRASH_LOOP)
        tmp_path.joinpath("found").touch()
        keeper.hurry()
        await until(lambda: keeper.status.state is ProcessState.READY)


async def test_a_process_that_runs_is_left_alone_by_hurry(tmp_path: Path) -> None:
    async with kept(tmp_path, "exec sleep 600") as keeper:
        await until(lambda: keeper.status.state is ProcessState.READY)
        before = keeper.status.pid
        keeper.hurry()
        await asyncio.sleep(0.2)
        assert (keeper.status.pid, keeper.status.restarts) == (before, 0)


async def test_a_process_that_runs_is_replaced_by_restart(tmp_path: Path) -> None:
    async with kept(tmp_path, "exec sleep 600") as keeper:
        await until(lambda: keeper.status.state is ProcessState.READY)
        before = keeper.status.pid
        keeper.restart()
        await until(lambda: keeper.status.pid not in (None, before))
        assert keeper.status.restarts == 1


async def test_who_dies_with_what_it_depends_on_is_in_no_crash_loop(tmp_path: Path) -> None:
    sleeps = "exec sleep 600"
    async with all_kept(tmp_path, {"server": sleeps, "receiver": sleeps}) as kept_ones:
        server, receiver = kept_ones.values()
        for _ in range(6):
            await until(lambda: all(each.ready.is_set() for each in kept_ones.values()))
            for each in (receiver, server):
                assert each.status.pid is not None
                os.kill(each.status.pid, signal.SIGKILL)
            await until(lambda: not server.ready.is_set() and not receiver.ready.is_set())
            server.restart()  # its own pauses are not what is looked at
        await until(lambda: receiver.status.state is ProcessState.READY)
        assert receiver.status.restarts >= 6


async def test_whom_a_process_waits_for_may_be_replaced_meanwhile(tmp_path: Path) -> None:
    """As by `insight up` with another specification of it."""
    (tmp_path / "run").mkdir()
    (tmp_path / "logs").mkdir()
    house = House(tmp_path / "run", tmp_path / "logs", None, _LIMIT_S, _LONG_S, lambda: None)

    def keeper(name: str, *before: str) -> Keeper:
        argv = ("/bin/sh", "-c", "exec sleep 600")
        return Keeper(ProcessSpec(name, argv, tmp_path, {}, RunningReady(0.05), before), house)

    keepers = {"server": keeper("server"), "receiver": keeper("receiver", "server")}
    tasks = [asyncio.create_task(keepers["receiver"].run(keepers))]
    await until(lambda: keepers["receiver"].status.detail == "for server")
    del keepers["server"]
    await asyncio.sleep(0.3)
    keepers["server"] = keeper("server")
    tasks.append(asyncio.create_task(keepers["server"].run(keepers)))
    await until(lambda: keepers["receiver"].status.state is ProcessState.READY)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for one in keepers.values():
        await one.stop()
