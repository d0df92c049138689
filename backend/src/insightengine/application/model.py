"""The one model of an application, read from a Compose file plus `x-insight`.

Frozen values only. Durations are seconds, sizes bytes. Paths are texts as written in the file,
relative to its folder. Variables are already interpolated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from insightengine.application.backup import BackupPolicy, Objectives
from insightengine.application.policy import Migrations, ReleasePolicy, SmokeRequest


class SuppliedKind(StrEnum):
    """What the embedded platform supplies instead of starting the image."""

    POSTGRES = "postgres"
    VALKEY = "valkey"
    NGINX = "nginx"
    CLICKHOUSE = "clickhouse"


class Condition(StrEnum):
    """What a dependency must have reached before its dependant starts."""

    STARTED = "service_started"
    HEALTHY = "service_healthy"
    COMPLETED = "service_completed_successfully"


class RestartPolicy(StrEnum):
    NO = "no"
    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    UNLESS_STOPPED = "unless-stopped"


class Protocol(StrEnum):
    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True)
class Location:
    """Where something stands, counted from 1; `file` is empty for the Compose file itself."""

    line: int
    column: int
    file: str = ""


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """`host` is None when the file leaves the choice of the host port to the runtime."""

    host: int | None
    container: int
    address: str | None = None
    protocol: Protocol = Protocol.TCP


@dataclass(frozen=True, slots=True)
class Dependency:
    service: str
    condition: Condition = Condition.STARTED
    required: bool = True
    restart: bool = False


@dataclass(frozen=True, slots=True)
class EnvFile:
    path: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Build:
    context: str
    dockerfile: str | None = None
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mount:
    """`source` is None for anonymous volumes and tmpfs."""

    kind: str  # volume, bind, tmpfs, …
    source: str | None
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """Compose's own check, run inside the container. `test` is empty when it is disabled."""

    test: tuple[str, ...]
    interval_s: float = 30.0
    timeout_s: float = 30.0
    retries: int = 3
    start_period_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Health:
    """`x-insight.health`: ready when a GET of `path` is answered with 200.

    `port` is the container's; None means the first one that the service publishes or exposes. On
    the local runtime the service listens on the port that it is told, so `port` is not used there.
    A check is repeated every `interval_s`; a start fails after `deadline_s`. `successes` in a row
    are asked for.
    """

    path: str
    port: int | None = None
    interval_s: float = 2.0
    timeout_s: float = 2.0
    deadline_s: float = 60.0
    successes: int = 1


@dataclass(frozen=True, slots=True)
class LocalRun:
    """`x-insight.local`: how a service runs without Docker.

    Placeholders such as `{python}`, `{port}` or `{postgres.url}` are still in the texts;
    `application.local.local_process` replaces them. `environment` wins over the service's.
    """

    command: tuple[str, ...]
    working_dir: str | None = None
    prepare: tuple[tuple[str, ...], ...] = ()
    build: tuple[tuple[str, ...], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Service:
    """One service. `command` and `entrypoint` are None when the image's own are used.

    `routes` are path patterns such as `/products/{slug}` that name routes in the access log.
    """

    name: str
    location: Location
    image: str | None = None
    build: Build | None = None
    supplied: SuppliedKind | None = None
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    working_dir: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    env_files: tuple[EnvFile, ...] = ()
    depends_on: tuple[Dependency, ...] = ()
    published_ports: tuple[PublishedPort, ...] = ()
    exposed_ports: tuple[int, ...] = ()
    mounts: tuple[Mount, ...] = ()
    networks: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    restart: RestartPolicy = RestartPolicy.NO
    replicas: int = 1
    stop_signal: str | None = None
    stop_grace_s: float = 10.0
    healthcheck: Healthcheck | None = None
    health: Health | None = None
    colours: bool = False
    routes: tuple[str, ...] = ()
    local: LocalRun | None = None
    smoke: tuple[SmokeRequest, ...] = ()
    migrations: Migrations | None = None

    def is_active(self, profiles: Sequence[str]) -> bool:
        """Compose's rule: a service without profiles always runs."""
        return not self.profiles or "*" in profiles or bool(set(self.profiles) & set(profiles))


@dataclass(frozen=True, slots=True)
class Application:
    """`file` is the name that was given to the reader; `warnings` are worth showing, once.

    `document` is the whole file as JSON, its variables replaced: what this model does not name
    is still what Docker Compose runs.
    """

    name: str
    file: str
    services: tuple[Service, ...]
    warnings: tuple[str, ...] = ()
    document: str = field(default="{}", repr=False)
    release: ReleasePolicy = field(default_factory=ReleasePolicy)
    backup: BackupPolicy = field(default_factory=BackupPolicy)
    objectives: Objectives = field(default_factory=Objectives)

    def service(self, name: str) -> Service | None:
        return next((service for service in self.services if service.name == name), None)

    def active(self, profiles: Sequence[str] = ()) -> tuple[Service, ...]:
        """The services that run with these profiles, in the order of the file."""
        return tuple(service for service in self.services if service.is_active(profiles))
