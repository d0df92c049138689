"""What a runtime is asked to run, and what it reports.

A `ProcessSpec` is a value made purely; the local runtime carries it out. `ReleaseRuntime` is what
the release engine asks of every runtime: local processes, Docker Compose, Kubernetes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from insightengine.application.model import Application, Service
from insightengine.core.colours import Colour


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
    keeps_user: bool = False  # runs as the supervisor, not as the services' user


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


# What a release needs of a runtime -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """Where new versions come from: an application as its files say now.

    `folder` is that of the Compose file. `env_files` are the variables of each service's env
    files, by service; they are read once, because a release is closed.
    """

    application: Application
    folder: Path
    profiles: tuple[str, ...] = ()
    env_files: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    @property
    def started(self) -> tuple[Service, ...]:
        """The services that run here and are not supplied by the platform."""
        active = self.application.active(self.profiles)
        return tuple(service for service in active if service.supplied is None)


@dataclass(frozen=True, slots=True)
class Artefact:
    """One built version of a service. Equal digests mean equal content, on every machine.

    `digest` is `sha256:` and 64 hexadecimal digits: of an image, or of a source tree with what it
    was built by.
    """

    service: str
    digest: str


@dataclass(frozen=True, slots=True)
class Unit:
    """What a colour runs. Closed: starting it later looks nothing up but the platform's own places.

    `artefacts` holds one for each of `source.started`, by service; `secrets` the versions of the
    secrets and configs that it was made with, by `secrets.NAME`. Credentials of servers that the
    platform supplies are not in it; the runtime fills in those that are valid when it starts.
    """

    release: str
    source: Source
    artefacts: Mapping[str, Artefact]
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the application; releases of different names do not know each other."""
        return self.source.application.name

    @property
    def coloured(self) -> tuple[Service, ...]:
        return tuple(service for service in self.source.started if service.colours)

    @property
    def single(self) -> tuple[Service, ...]:
        """Services of which only one version runs at a time, such as workers."""
        return tuple(service for service in self.source.started if not service.colours)


class InstanceState(StrEnum):
    STARTING = "starting"  # includes waiting for a dependency
    RUNNING = "running"  # runs; whether it can serve is for health checks to say
    UNHEALTHY = "unhealthy"  # runs, but the runtime's own check fails
    FAILED = "failed"  # ended by itself, whether or not it will be tried again
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Instance:
    """One process or container of a release. `colour` is None for those of single services.

    `host` and `port` are where the edge and the checks of this machine reach it; None for one that
    listens nowhere. `restarts` counts those since it was started for this release. `is_checked`
    says that the runtime has a check of its own, which succeeds only in the state RUNNING.
    """

    unit: str
    service: str
    name: str
    colour: Colour | None
    release: str
    state: InstanceState
    host: str | None = None
    port: int | None = None
    restarts: int = 0
    detail: str | None = None
    is_checked: bool = False


Output = Callable[[str], None]  # takes one line, without its end


class ReleaseRuntime(Protocol):
    """What a release asks of a runtime. Blocking; calls of one unit come one at a time.

    Every method is idempotent: the caller may have been killed before it could note the outcome,
    and asks again. `unit` is the name of an application. Errors are those of `core.errors`; after
    one, what served before still serves.
    """

    def obtain(self, source: Source, service: str, output: Output) -> Artefact:
        """Build the service's artefact from the source, or fetch it; what is there is reused.

        Raises InsightError with code `build_failed` and the last lines of output, `no_space` when
        the disk is full, or `fetch_failed`. Nothing half-built is left that passes for whole.
        """

    def adopt(self, artefact: Artefact, state: Path, output: Output) -> None:
        """Keep as our own what another platform of this machine built; `state` is its folder.

        Raises InsightError with code `artefact_missing` when it is gone there, or `no_space`.
        """

    def has(self, artefact: Artefact) -> bool:
        """Whether it is whole and can be started here."""

    def artefacts(self) -> tuple[Artefact, ...]:
        """All that are kept here, of every application."""

    def discard(self, artefact: Artefact) -> None:
        """Delete it. Raises ConflictError while an instance runs from it."""

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
        """Run a command in a fresh surrounding of the service's artefact; return its exit code.

        It sees the service's own environment, overlaid by `environment`; `{python}` in a word is
        the interpreter there. It is ended with all it started when `timeout_s` is over, and then
        TimeoutError is raised.
        """

    def start(self, colour: Colour, unit: Unit) -> None:
        """Bring up the coloured services of the unit; return without waiting until they serve.

        They reach each other within their colour. Raises ConflictError when another release runs
        in this colour: stop it first.
        """

    def stop(self, unit: str, colour: Colour) -> None:
        """End all instances of a colour: stop signal, grace period, kill. Returns after that."""

    def replace(self, unit: Unit, colour: Colour) -> None:
        """Make the single services those of the unit: those that differ are stopped, then started.

        They reach coloured services in `colour`, the serving one. Returns when they were started;
        services of the unit's application that it no longer has are ended.
        """

    def instances(self, unit: str) -> tuple[Instance, ...]:
        """All that should run or still does, of both colours and the single services."""

    def logs(self, unit: str, colour: Colour | None, service: str, lines: int) -> tuple[str, ...]:
        """The last lines that the service's instances wrote, also after they ended."""
