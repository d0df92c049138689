"""A keeper of real processes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from insightengine.runtimes.local.keeper import House, Keeper
from insightengine.runtimes.port import ProcessSpec, ProcessState, RunningReady

_LONG_S = 600.0  # a pause that no test waits for
_LIMIT_S = 20.0


@asynccontextmanager
async def kept(folder: Path, script: str) -> AsyncIterator[Keeper]:
    run, logs = folder / "run", folder / "logs"
    run.mkdir()
    logs.mkdir()
    spec = ProcessSpec("one", ("/bin/sh", "-c", script), folder, {}, RunningReady(0.05))
    keeper = Keeper(spec, House(run, logs, None, _LIMIT_S, _LONG_S, lambda: None))
    task = asyncio.create_task(keeper.run({}))
    try:
        yield keeper
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
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
