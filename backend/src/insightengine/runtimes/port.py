"""What a runtime is asked to run, and what it reports.

A `ProcessSpec` is a value made purely; a runtime carries it out. The vocabulary is shared by the
local runtime, Docker Compose and Kubernetes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HttpReady:
    """Ready when a GET is answered with `status`."""

    url: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class PostgresReady:
    """Ready when `SELECT 1` is answered. The password is read from a file, never from argv."""

    host: str
    port: int
    user: str
    database: str
    password_file: Path


@dataclass(frozen=True, slots=True)
class RedisReady:
    """Ready when an authenticated PING is answered with PONG."""

    host: str
    port: int
    password_file: Path | None = None


@dataclass(frozen=True, slots=True)
class CommandReady:
    """Ready when the command exits with 0; it is tried again until the start time-out."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunningReady:
    """For a process that serves nobody: ready when it still runs after `stable_s` seconds."""

    stable_s: float = 0.5


Readiness = HttpReady | PostgresReady | RedisReady | CommandReady | RunningReady


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process to keep running.

    `name` is unique within a platform: `postgres`, `edge`, `api.blue`, `web.green`. `env` is
    complete: nothing is inherited. `prepare` are commands that run to success before each start
    (for example migrations), `initialise` commands that run to success each time it has become
    ready and before its dependants start; both must be idempotent. `ports` are those it will
    listen on; they are checked for other holders first.
    """

    name: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    readiness: Readiness
    depends_on: tuple[str, ...] = ()
    prepare: tuple[tuple[str, ...], ...] = ()
    initialise: tuple[tuple[str, ...], ...] = ()
    ports: tuple[int, ...] = ()
    stop_signal: str = "SIGTERM"
    stop_timeout_s: float = 10.0
    labels: Mapping[str, str] = field(default_factory=dict)  # service, colour, release


class ProcessState(StrEnum):
    WAITING = "waiting"  # for a dependency
    PREPARING = "preparing"
    STARTING = "starting"
    READY = "ready"
    UNHEALTHY = "unhealthy"  # runs, but its readiness check fails
    BACKING_OFF = "backing_off"  # died; the next start is scheduled
    CRASH_LOOP = "crash_loop"  # died too often in a row; still retried at the longest pause
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """What is known of one process. `detail` explains every state that is not `ready`."""

    name: str
    state: ProcessState
    pid: int | None
    since: datetime
    restarts: int
    last_check: datetime | None
    detail: str | None
    ports: tuple[int, ...]
    labels: Mapping[str, str]
