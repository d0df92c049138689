"""An application on this machine: its services as processes, its ports as sites of the edge."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from insightengine.application.local import Endpoint, LocalPlace, local_process
from insightengine.application.model import Application, Service, SuppliedKind
from insightengine.core.colours import Colour
from insightengine.core.errors import InvalidInputError
from insightengine.core.settings import PortOffset
from insightengine.runtimes.local.sources import tree_of
from insightengine.runtimes.local.supplied.postgres import DatabaseOwner
from insightengine.runtimes.port import (
    HttpReady,
    ProcessSpec,
    Readiness,
    RunningReady,
    Source,
    Unit,
)
from insightengine.wiring.compose_files import env_file_variables
from insightengine.wiring.environment import PlatformContext, ingest_headers, read_secret

RESERVED = frozenset(
    {
        *("api", "edge", "store", "collector", "postgres", "valkey", "supervisor", "warden"),
        *("host", "containers", "backups", "wal-receiver", "releaser"),
    }
)
_MOST_PROCESSES = (PortOffset.VALKEY - PortOffset.APPLICATION) // 2 - 4  # the rest: singles


NEVER_RELEASED = ""  # a file as it is read: only the release engine names releases


@dataclass(frozen=True, slots=True)
class Placed:
    """An application, the folder of its file, which release of it, and its profiles that run."""

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


def label_of(placed: Placed, service: Service) -> str:
    """The service's name in telemetry and processes; it never collides with the platform's own."""
    return telemetry_name(placed.application.name, service.name)


def telemetry_name(application: str, service: str) -> str:
    return f"{application}-{service}" if service in RESERVED else service


def process_name(placed: Placed, service: Service, colour: Colour, replica: int = 0) -> str:
    label = label_of(placed, service)
    if not service.colours:
        return f"{label}.1"
    return f"{label}.{colour}" + (f".{replica + 1}" if replica else "")


def placed_of(unit: Unit) -> Placed:
    source = unit.source
    return Placed(source.application, source.folder, unit.release, source.profiles)


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


def coloured_ports(
    context: PlatformContext, placed: Placed, service: Service, colour: Colour
) -> tuple[int, ...]:
    """One for each replica. Blue has the even ones and green the odd ones, so that releases with
    other services or more replicas never meet."""
    coloured = [one for one in placed.application.services if _is_coloured(one)]
    first = sum(one.replicas for one in coloured[: coloured.index(service)])
    if first + service.replicas > _MOST_PROCESSES:
        raise InvalidInputError(
            f"{placed.application.file}: more than {_MOST_PROCESSES} processes a colour; "
            "the ports of one platform suffice for no more",
            hint="lower deploy.replicas, or split the application",
        )
    base = context.settings.port(PortOffset.APPLICATION) + (colour is Colour.GREEN)
    return tuple(base + 2 * (first + replica) for replica in range(service.replicas))


def _is_coloured(service: Service) -> bool:
    return service.colours and service.supplied is None


def _single_port(context: PlatformContext, placed: Placed, service: Service) -> int:
    """Counted down from the end of the range, away from those of the colours."""
    single = [s for s in placed.application.services if not s.colours and s.supplied is None]
    return context.settings.port(PortOffset.VALKEY) - 1 - single.index(service)


def endpoints(
    context: PlatformContext, placed: Placed, colour: Colour, *, through_edge: bool
) -> dict[str, Endpoint]:
    """Where each service is reached.

    Services of a colour reach each other directly, so that a unit never talks to another one;
    single services go through the edge where a port is published.
    """
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
            found[service.name] = Endpoint(
                "127.0.0.1", _port_of(context, placed, service, colour, through_edge=through_edge)
            )
    return found


def _port_of(
    context: PlatformContext,
    placed: Placed,
    service: Service,
    colour: Colour,
    *,
    through_edge: bool,
) -> int:
    public = next((p.host for p in service.published_ports if p.host is not None), None)
    if not service.colours:
        return _single_port(context, placed, service)
    if public is not None and through_edge:
        return public
    return coloured_ports(context, placed, service, colour)[0]


def unit_processes(
    context: PlatformContext, unit: Unit, colour: Colour, folders: Mapping[str, Path]
) -> tuple[ProcessSpec, ...]:
    """All processes of a unit, each in the folder of its artefact."""
    placed = placed_of(unit)
    within = endpoints(context, placed, colour, through_edge=False)
    outside = endpoints(context, placed, colour, through_edge=True)
    found: list[ProcessSpec] = []
    for service in placed.started:
        places = within if service.colours else outside
        for replica in range(service.replicas if service.colours else 1):
            seat = _Seat(unit, placed, service, colour, replica, folders[service.name])
            found.append(_process(context, seat, places))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Seat:
    """One process of a release: of which service, in which colour, the how manyeth."""

    unit: Unit
    placed: Placed
    service: Service
    colour: Colour
    replica: int
    source: Path

    @property
    def colour_label(self) -> str:
        return self.colour.value if self.service.colours else ""


def _process(context: PlatformContext, seat: _Seat, places: Mapping[str, Endpoint]) -> ProcessSpec:
    service, placed = seat.service, seat.placed
    if service.colours:
        port = coloured_ports(context, placed, service, seat.colour)[seat.replica]
    else:
        port = _single_port(context, placed, service)
    run = local_process(
        service,
        LocalPlace(sys.executable, port, places, str(seat.source)),
        seat.unit.source.env_files.get(service.name),
    )
    listens = bool(service.published_ports or service.exposed_ports or service.health)
    return ProcessSpec(
        name=process_name(placed, service, seat.colour, seat.replica),
        argv=run.argv,
        cwd=_working_folder(seat, run.working_dir),
        env={
            **base_environment(context),
            **_telemetry_environment(context, seat),
            "PORT": str(port),
            **run.environment,
        },
        readiness=_readiness(service, port),
        depends_on=tuple(_dependencies(seat)),
        prepare=run.prepare,
        ports=(port,) if listens else (),
        stop_signal=service.stop_signal or "SIGTERM",
        stop_timeout_s=service.stop_grace_s,
        labels={
            "service": label_of(placed, service),
            "name": service.name,
            "unit": placed.application.name,
            "colour": seat.colour_label,
            "release": placed.release,
            "kind": "application",
        },
    )


def _working_folder(seat: _Seat, working_dir: str) -> Path:
    """The same place in the artefact as in the source it was copied from."""
    root = tree_of(seat.service, seat.placed.folder).root
    wanted = (seat.placed.folder / working_dir).resolve()
    if wanted != root and root not in wanted.parents:
        raise InvalidInputError(
            f"services.{seat.service.name}.x-insight.local.working_dir: {wanted} is outside of "
            f"{root}, of which a version is made",
            hint="use a folder inside, or set build.context to one that holds both",
        )
    return seat.source / wanted.relative_to(root)


def _readiness(service: Service, port: int) -> Readiness:
    if service.health is None:
        return RunningReady()
    return HttpReady(f"http://127.0.0.1:{port}{service.health.path}")


def _dependencies(seat: _Seat) -> Iterator[str]:
    placed = seat.placed
    active = {one.name: one for one in placed.application.active(placed.profiles)}
    for dependency in seat.service.depends_on:
        target = active.get(dependency.service)
        if target is None:
            continue
        if target.supplied in (SuppliedKind.POSTGRES, SuppliedKind.VALKEY):
            yield target.supplied.value
        elif target.supplied is None and target.colours and seat.service.colours:
            yield process_name(placed, target, seat.colour)


def source_of(placed: Placed) -> Source:
    """The application as its files say now, with what its env files hold."""
    active = placed.application.active(placed.profiles)
    env_files = {one.name: env_file_variables(placed.folder, one) for one in active}
    return Source(placed.application, placed.folder, placed.profiles, env_files)


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


def _telemetry_environment(context: PlatformContext, seat: _Seat) -> dict[str, str]:
    resource: Sequence[str] = (
        f"service.namespace={seat.placed.application.name}",
        f"insight.release={seat.placed.release}",
        *([f"insight.colour={seat.colour}"] if seat.service.colours else []),
    )
    endpoint = f"http://127.0.0.1:{context.settings.port(PortOffset.OTLP_HTTP)}"
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": label_of(seat.placed, seat.service),
        "OTEL_RESOURCE_ATTRIBUTES": ",".join(resource),
        **ingest_headers(context),
    }
