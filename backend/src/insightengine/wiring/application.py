"""An application on this machine: its services as processes, its ports as sites of the edge."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from insightengine.application.local import Endpoint, LocalPlace, local_process
from insightengine.application.model import Application, PublishedPort, Service, SuppliedKind
from insightengine.core.errors import InvalidInputError
from insightengine.core.settings import PortOffset
from insightengine.edge.models import Address, ApplicationSite, Pool, Upstream
from insightengine.runtimes.local.supplied.postgres import DatabaseOwner
from insightengine.runtimes.port import HttpReady, ProcessSpec, Readiness, RunningReady
from insightengine.wiring.environment import PlatformContext, parse_env, read_secret

RESERVED = frozenset(
    {
        *("api", "edge", "store", "collector", "postgres", "valkey", "supervisor", "warden"),
        *("host", "backups", "wal-receiver"),
    }
)
_MOST_SERVICES = (PortOffset.VALKEY - PortOffset.APPLICATION) // 2


@dataclass(frozen=True, slots=True)
class Placed:
    """An application, the folder of its file, and which of its profiles run."""

    application: Application
    folder: Path
    release: str
    profiles: tuple[str, ...] = ()

    @property
    def started(self) -> tuple[Service, ...]:
        """The services that run as processes of their own."""
        active = self.application.active(self.profiles)
        return tuple(service for service in active if service.supplied is None)

    def supplied(self, kind: SuppliedKind) -> tuple[Service, ...]:
        active = self.application.active(self.profiles)
        return tuple(service for service in active if service.supplied is kind)


def release_of(text: str) -> str:
    """A short name of this version of the file."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def label_of(placed: Placed, service: Service) -> str:
    """The service's name in telemetry and processes; it never collides with the platform's own."""
    return f"{placed.application.name}-{service.name}" if service.name in RESERVED else service.name


def process_name(placed: Placed, service: Service) -> str:
    return f"{label_of(placed, service)}.{'blue' if service.colours else '1'}"


def secret_names(placed: Placed) -> tuple[str, ...]:
    """The credentials that the platform makes for the servers it supplies."""
    supplied = (
        *placed.supplied(SuppliedKind.POSTGRES),
        *placed.supplied(SuppliedKind.VALKEY),
    )
    return tuple(_secret_name(service) for service in supplied)


def _secret_name(service: Service) -> str:
    return f"application_{service.name}_password"


def database_owners(context: PlatformContext, placed: Placed) -> tuple[DatabaseOwner, ...]:
    return tuple(
        DatabaseOwner(
            _role(service), _database(service), str(context.state.secret(_secret_name(service)))
        )
        for service in placed.supplied(SuppliedKind.POSTGRES)
    )


def _role(service: Service) -> str:
    """Always prefixed: a file may not name the platform's own roles."""
    return f"app_{service.environment.get('POSTGRES_USER', service.name)}"


def _database(service: Service) -> str:
    user = service.environment.get("POSTGRES_USER", service.name)
    return f"app_{service.environment.get('POSTGRES_DB', user)}"


def cache_passwords(context: PlatformContext, placed: Placed) -> dict[str, str]:
    """The users of Valkey that the application's services log in as."""
    return {
        f"app_{service.name}": read_secret(context.state, _secret_name(service)).reveal()
        for service in placed.supplied(SuppliedKind.VALKEY)
    }


def application_sites(context: PlatformContext, placed: Placed) -> tuple[ApplicationSite, ...]:
    """One site for each published port; both colours exist, blue serves."""
    sites: list[ApplicationSite] = []
    for service in placed.started:
        label = label_of(placed, service)
        published = [port for port in service.published_ports if port.host is not None]
        for number, port in enumerate(published):
            sites.append(
                ApplicationSite(
                    name=label if number == 0 else f"{label}-{port.host}",
                    service=label,
                    listen=_listen(context, port),
                    pool=_pool(context, placed, service),
                    routes=service.routes,
                )
            )
    return tuple(sites)


def _listen(context: PlatformContext, port: PublishedPort) -> Address:
    return Address(port.address or context.settings.bind_host, port.host or 0)


def _pool(context: PlatformContext, placed: Placed, service: Service) -> Pool:
    blue, green = _ports(context, placed, service)
    return Pool(
        Upstream(placed.release, (Address("127.0.0.1", blue),)),
        Upstream(placed.release, (Address("127.0.0.1", green),)),
    )


def _ports(context: PlatformContext, placed: Placed, service: Service) -> tuple[int, int]:
    """The two ports of a service, counted over all services so that profiles do not move them."""
    own = [one for one in placed.application.services if one.supplied is None]
    index = own.index(service)
    if index >= _MOST_SERVICES:
        raise InvalidInputError(
            f"{placed.application.file}: {len(own)} services run as processes; "
            f"the ports of one platform suffice for {_MOST_SERVICES}",
            hint="split the application, or supply services by the platform",
        )
    blue = context.settings.port(PortOffset.APPLICATION) + 2 * index
    return blue, blue + 1


def endpoints(context: PlatformContext, placed: Placed) -> dict[str, Endpoint]:
    """Where each service is reached: through the edge when it publishes a port, else directly."""
    found: dict[str, Endpoint] = {}
    for service in placed.supplied(SuppliedKind.POSTGRES):
        found[service.name] = Endpoint(
            "127.0.0.1",
            context.settings.port(PortOffset.POSTGRES),
            SuppliedKind.POSTGRES,
            _role(service),
            read_secret(context.state, _secret_name(service)),
            _database(service),
        )
    for number, service in enumerate(placed.supplied(SuppliedKind.VALKEY), start=1):
        found[service.name] = Endpoint(
            "127.0.0.1",
            context.settings.port(PortOffset.VALKEY),
            SuppliedKind.VALKEY,
            f"app_{service.name}",
            read_secret(context.state, _secret_name(service)),
            str(number),
        )
    for service in placed.application.services:
        if service.supplied is None:
            public = next((p.host for p in service.published_ports if p.host is not None), None)
            port = public or _ports(context, placed, service)[0]
            found[service.name] = Endpoint("127.0.0.1", port)
    return found


def application_processes(context: PlatformContext, placed: Placed) -> Iterator[ProcessSpec]:
    places = endpoints(context, placed)
    for service in placed.started:
        yield _process(context, placed, service, places)


def _process(
    context: PlatformContext, placed: Placed, service: Service, places: Mapping[str, Endpoint]
) -> ProcessSpec:
    port = _ports(context, placed, service)[0]
    run = local_process(
        service, LocalPlace(sys.executable, port, places), _env_files(placed.folder, service)
    )
    listens = bool(service.published_ports or service.exposed_ports or service.health)
    return ProcessSpec(
        name=process_name(placed, service),
        argv=run.argv,
        cwd=(placed.folder / run.working_dir).resolve(),
        env={
            **base_environment(context),
            **_telemetry_environment(context, placed, service),
            "PORT": str(port),
            **run.environment,
        },
        readiness=_readiness(service, port),
        depends_on=tuple(_dependencies(placed, service)),
        prepare=run.prepare,
        ports=(port,) if listens else (),
        stop_signal=service.stop_signal or "SIGTERM",
        stop_timeout_s=service.stop_grace_s,
        labels={
            "service": label_of(placed, service),
            "colour": "blue" if service.colours else "",
            "release": placed.release,
            "kind": "application",
        },
    )


def _readiness(service: Service, port: int) -> Readiness:
    if service.health is None:
        return RunningReady()
    return HttpReady(f"http://127.0.0.1:{port}{service.health.path}")


def _dependencies(placed: Placed, service: Service) -> Iterator[str]:
    active = {one.name: one for one in placed.application.active(placed.profiles)}
    for dependency in service.depends_on:
        target = active.get(dependency.service)
        if target is None:
            continue
        if target.supplied in (SuppliedKind.POSTGRES, SuppliedKind.VALKEY):
            yield target.supplied.value
        elif target.supplied is None:
            yield process_name(placed, target)


def _env_files(folder: Path, service: Service) -> dict[str, str]:
    variables: dict[str, str] = {}
    for env_file in service.env_files:
        path = folder / env_file.path
        try:
            variables |= parse_env(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            if env_file.required:
                raise InvalidInputError(
                    f"services.{service.name}.env_file: {path} cannot be read: {error}",
                    hint="create the file, or mark it `required: false`",
                ) from None
    return variables


def base_environment(context: PlatformContext) -> dict[str, str]:
    """What every process gets; nothing of the caller's environment leaks into services."""
    own = Path(sys.executable).parent
    return {
        "PATH": f"{own}:{os.environ.get('PATH', os.defpath)}",
        "HOME": str(context.state.run / "home"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
    }


def _telemetry_environment(
    context: PlatformContext, placed: Placed, service: Service
) -> dict[str, str]:
    resource: Sequence[str] = (
        f"service.namespace={placed.application.name}",
        f"insight.release={placed.release}",
        *(["insight.colour=blue"] if service.colours else []),
    )
    endpoint = f"http://127.0.0.1:{context.settings.port(PortOffset.OTLP_HTTP)}"
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": label_of(placed, service),
        "OTEL_RESOURCE_ATTRIBUTES": ",".join(resource),
    }
