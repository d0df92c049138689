"""A real supervisor in a state folder of its own, without the platform's servers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from insightengine.core.errors import InsightError
from insightengine.core.settings import Runtime, Settings, StateFolder
from insightengine.runtimes.local.control import ask
from insightengine.runtimes.local.identity import prepare_state, service_user
from insightengine.runtimes.local.specs import Wanted, write_wanted
from insightengine.runtimes.local.teardown import end_everything
from insightengine.runtimes.port import ProcessSpec
from insightengine.wiring.environment import PlatformContext, as_environment
from insightengine.wiring.secrets import PLATFORM_SECRETS, ensure_secrets
from tests.ports import free_base_port


def context_in(
    folder: Path, runtime: Runtime = Runtime.LOCAL, environment: str = ""
) -> PlatformContext:
    """Settings whose hundred ports are free, and a state folder with all its parts.

    `environment` is empty for the folder's own.
    """
    state = StateFolder(folder / (f".insight-{environment}" if environment else ".insight"))
    user = service_user(None, folder)
    prepare_state(state, user)
    (state.run / "home").mkdir(exist_ok=True)
    ensure_secrets(state, PLATFORM_SECRETS, user)
    given = {"base_port": free_base_port(), "runtime": runtime}
    given |= {"environment": environment} if environment else {}
    return PlatformContext(Settings.model_validate(given), state)


@contextmanager
def supervised(context: PlatformContext, specs: Sequence[ProcessSpec] = ()) -> Iterator[None]:
    """The supervisor runs and takes orders; afterwards everything it started is ended."""
    state = context.state
    user = service_user(None, state.root.parent)
    write_wanted(state.run / "wanted.json", Wanted(tuple(specs), user, 20.0, 5.0, None))
    with (state.logs / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "insightengine.worker.supervisor"],
            env={**os.environ, **as_environment(context)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _await_orders(state, log.name)
        yield
    finally:
        end_everything(state)
        process.wait(20)


def _await_orders(state: StateFolder, log: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            ask(state.run, {"verb": "apply"})
        except InsightError:
            if time.monotonic() > deadline:
                raise AssertionError(Path(log).read_text()) from None
            time.sleep(0.05)
        else:
            return
