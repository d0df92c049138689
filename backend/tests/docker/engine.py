"""A Docker Engine for tests, with Compose and one small base image; no registry is needed.

What answers already is used. Otherwise root starts a `dockerd` of the tests' own: its data lies in
the cache folder, so that a second run finds images and build steps again, and where it can be on a
disk of its own, so that a test can fill it. Several test runs may share it; the last one ends it.
The cache folder is INSIGHT_TEST_CACHE, else one under /var/tmp.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.docker.base import ensure_base
from tests.docker.plugin import plugin_folder

REQUIRED = os.environ.get("INSIGHT_REQUIRE_DOCKER") == "1"
_START_S = 60.0
_STOP_S = 30.0
_DISK_BYTES = 16 * 1024**3  # a sparse file: it takes what is in it
_started: list[subprocess.Popen[bytes]] = []  # kept, so that an ended daemon is reaped


class UnusableError(Exception):
    """Why there can be no engine here, in words for whoever reads the test report."""


@dataclass(frozen=True)
class Engine:
    """`environment` is what `docker` needs to find it; `base` an image with Python 3 in it. `disk`
    is where its data lies, if that is a disk of its own."""

    environment: Mapping[str, str]
    base: str
    disk: Path | None = None

    def docker(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["docker", *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert not check or done.returncode == 0, f"docker {arguments}: {done.stderr}"
        return done.stdout.strip()


def cache_folder() -> Path:
    return Path(os.environ.get("INSIGHT_TEST_CACHE", "/var/tmp/insight-test-cache")) / "docker"


@contextmanager
def engine() -> Iterator[Engine]:
    """Raises UnusableError with the reason when this machine can have none."""
    if shutil.which("docker") is None:
        raise UnusableError("there is no `docker` command")
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with _running(cache) as environment:
        with _locked(cache / "prepare.lock", fcntl.LOCK_EX):
            environment = {**environment, **_plugins(cache, environment)}
            base = ensure_base(cache, {**os.environ, **environment})
        if base is None:
            raise UnusableError("a base image needs root and `debootstrap`, or a registry")
        data = cache / "data"
        is_own = "DOCKER_HOST" in environment and data.is_mount()
        yield Engine(environment, base, data if is_own else None)


@contextmanager
def _running(cache: Path) -> Iterator[dict[str, str]]:
    if _answers({}):
        yield {}
        return
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        raise UnusableError("no Docker Engine answers, and starting one needs root and `dockerd`")
    own = {"DOCKER_HOST": f"unix://{cache / 'docker.sock'}"}
    with (cache / "users.lock").open("a") as users:
        with _locked(cache / "start.lock", fcntl.LOCK_EX):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not _answers(own):
                _start(cache, own)
        try:
            yield own
        finally:
            with _locked(cache / "start.lock", fcntl.LOCK_EX):
                _stop_when_last(cache, users)


def _start(cache: Path, own: Mapping[str, str]) -> None:
    _mount(cache)
    argv = [
        "dockerd",
        f"--data-root={cache / 'data'}",
        f"--exec-root={cache / 'run'}",
        f"--pidfile={cache / 'dockerd.pid'}",
        f"--host={own['DOCKER_HOST']}",
    ]
    with (cache / "dockerd.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
    _started.append(process)
    deadline = time.monotonic() + _START_S
    while not _answers(own):
        if process.poll() is not None or time.monotonic() > deadline:
            last = (cache / "dockerd.log").read_text(errors="replace").splitlines()[-3:]
            raise UnusableError("dockerd does not start: " + " | ".join(last))
        time.sleep(0.05)


def _mount(cache: Path) -> None:
    """Where no loop device can be had, the data lies in the folder like everything else."""
    data, disk = cache / "data", cache / "data.img"
    data.mkdir(exist_ok=True)
    if data.is_mount():
        return
    if not disk.exists():
        new = disk.with_suffix(".new")
        with new.open("wb") as file:
            file.truncate(_DISK_BYTES)
        made = subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(new)], check=False)
        if made.returncode != 0:
            return
        new.rename(disk)
    subprocess.run(["mount", "-o", "loop", str(disk), str(data)], check=False)


def _unmount(data: Path) -> None:
    """What is still busy stays mounted, and the next run uses it as it is."""
    deadline = time.monotonic() + _STOP_S
    while data.is_mount() and time.monotonic() < deadline:
        if subprocess.run(["umount", str(data)], capture_output=True, check=False).returncode:
            time.sleep(0.2)


def _stop_when_last(cache: Path, users: IO[str]) -> None:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # another test run still uses it
    try:
        daemon = int((cache / "dockerd.pid").read_text())
        os.kill(daemon, signal.SIGTERM)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return
    deadline = time.monotonic() + _STOP_S
    while (cache / "dockerd.pid").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in _started:
        process.wait(_STOP_S)
    _unmount(cache / "data")


def _answers(environment: Mapping[str, str]) -> bool:
    argv = ["docker", "version", "--format", "{{json .Server.Version}}"]
    asked = subprocess.run(
        argv, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    return asked.returncode == 0 and bool(json.loads(asked.stdout or "null"))


def _plugins(cache: Path, environment: Mapping[str, str]) -> dict[str, str]:
    asked = subprocess.run(
        ["docker", "compose", "version"],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    if asked.returncode == 0:
        return {}
    folder = plugin_folder(cache)
    if folder is None:
        raise UnusableError("there is no `docker compose`, and this Debian has no package of it")
    return {"DOCKER_CONFIG": str(folder)}


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, kind)
        yield
