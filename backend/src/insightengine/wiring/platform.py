"""The platform's own processes, and the edge that stands in front of everything."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from insightengine.core.colours import Colour
from insightengine.core.settings import PortOffset, StateFolder
from insightengine.edge.control import nginx_binary
from insightengine.edge.models import (
    Address,
    ConsoleSite,
    EdgeConfiguration,
    EdgePaths,
    Limits,
    OtlpSite,
    Pool,
    Upstream,
    hosts_of,
)
from insightengine.edge.render import edge_argv
from insightengine.runtimes.local.supplied import postgres, valkey
from insightengine.runtimes.port import (
    HttpReady,
    PostgresReady,
    ProcessSpec,
    RedisReady,
    RunningReady,
)
from insightengine.wiring.application import Placed, base_environment
from insightengine.wiring.containers import container_reach, docker_access, is_hosted, watcher
from insightengine.wiring.environment import PlatformContext, as_environment
from insightengine.wiring.recovery_processes import recovery_processes, wal_safety
from insightengine.wiring.sites import application_sites, site_addresses

API_PORTS = {Colour.BLUE: PortOffset.API_BLUE, Colour.GREEN: PortOffset.API_GREEN}
_POSTGRES = "insightengine.runtimes.local.supplied.postgres"


def platform_processes(context: PlatformContext, placed: Placed | None) -> tuple[ProcessSpec, ...]:
    """Every process of the platform itself; those of applications and of the console, with the API,
    are started by releases."""
    supplied = None if is_hosted(context) else placed  # containers bring their own databases
    own = (
        _postgres(context, supplied),
        _valkey(context),
        _store(context),
        _collector(context),
        _edge(context, placed),
        *recovery_processes(context, supplied),
    )
    watched = placed is not None and is_hosted(context)
    return (*own, _releaser(context), *([watcher(context)] if watched else []))


@dataclass(frozen=True, slots=True)
class ConsoleVersion:
    """What a colour of the console is: the name of its release, and its pages."""

    release: str
    pages: Path


def only_version(pages: Path) -> Mapping[Colour, ConsoleVersion]:
    """The console of an installation that releases no other one."""
    return {Colour.BLUE: ConsoleVersion(version("insightengine"), pages)}


def edge_configuration(
    context: PlatformContext,
    units: Mapping[Colour, Placed],
    console: Mapping[Colour, ConsoleVersion],
) -> EdgeConfiguration:
    """`units` is what is in each colour of the application, `console` in those of the console."""
    settings = context.settings
    reach = container_reach(context) if is_hosted(context) else None

    def listen(offset: int) -> Address:
        return Address(settings.bind_host, settings.port(offset))

    def upstream(colour: Colour) -> Upstream:
        own = console.get(colour)
        address = Address(settings.api_host, settings.port(API_PORTS[colour]))
        return Upstream(own.release if own else "none", (address,))

    return EdgeConfiguration(
        console=ConsoleSite(
            listen(PortOffset.CONSOLE),
            {colour: own.pages for colour, own in console.items()},
            Pool(upstream(Colour.BLUE), upstream(Colour.GREEN)),
        ),
        otlp=OtlpSite(
            listen(PortOffset.OTLP_HTTP),
            (Address(settings.collector_host, settings.port(PortOffset.COLLECTOR)),),
            grpc=listen(PortOffset.OTLP_GRPC),
            inside=reach.telemetry if reach else None,
        ),
        admin=Address(settings.listen_host, settings.port(PortOffset.EDGE_ADMIN)),
        paths=EdgePaths.of(context.state),
        applications=application_sites(context, units, reach.addresses_of if reach else None),
        hosts=hosts_of(settings),
        limits=Limits(
            otlp_body_bytes=settings.otlp_max_body_bytes,
            otlp_message_bytes=settings.otlp_grpc_max_message_bytes,
        ),
        https=settings.console_url.startswith("https://"),
    )


def served_console(state: StateFolder) -> Path:
    """A link to the version of the console that served when the platform came up last."""
    return state.releases / "console/served"


def owners_file(context: PlatformContext) -> Path:
    return context.state.run / "database-owners.json"


def valkey_file(context: PlatformContext) -> Path:
    return context.state.valkey / "valkey.conf"


def _labels(service: str, colour: str = "", release: str = "") -> dict[str, str]:
    return {"service": service, "colour": colour, "release": release, "kind": "platform"}


def _postgres(context: PlatformContext, placed: Placed | None) -> ProcessSpec:
    state, settings = context.state, context.settings
    port = settings.port(PortOffset.POSTGRES)
    password = state.secret("postgres_admin_password")
    return ProcessSpec(
        name="postgres",
        argv=postgres.server_argv(state.postgres, port, settings.listen_host, wal_safety(placed)),
        cwd=state.root,
        env={
            **base_environment(context),
            **as_environment(context),
            # What runs before the WAL receiver starts must not wait for it.
            "PGOPTIONS": "-c synchronous_commit=local",
        },
        readiness=PostgresReady(settings.postgres_host, port, postgres.ADMIN, "postgres", password),
        prepare=((sys.executable, "-m", _POSTGRES, "init", str(state.postgres), str(password)),),
        initialise=(
            (
                *(sys.executable, "-m", "insightengine.worker.database"),
                *(settings.postgres_host, str(port)),
                *(str(state.secrets), str(owners_file(context))),
                str(served_console(state) / "backend/migrations"),
            ),
        ),
        ports=(port,),
        stop_signal="SIGINT",  # fast shutdown: sessions are ended, what is committed is kept
        stop_timeout_s=30.0,
        labels=_labels("postgres"),
    )


def _valkey(context: PlatformContext) -> ProcessSpec:
    port = context.settings.port(PortOffset.VALKEY)
    return ProcessSpec(
        name="valkey",
        argv=valkey.server_argv(valkey_file(context)),
        cwd=context.state.valkey,
        env=base_environment(context),
        readiness=RedisReady(
            context.settings.valkey_host, port, context.state.secret("valkey_password")
        ),
        ports=(port,),
        labels=_labels("valkey"),
    )


def _own(context: PlatformContext, module: str) -> tuple[tuple[str, ...], dict[str, str]]:
    environment = {**base_environment(context), **as_environment(context)}
    return (sys.executable, "-m", module), environment


def _store(context: PlatformContext) -> ProcessSpec:
    argv, environment = _own(context, "insightengine.worker.store")
    port = context.settings.port(PortOffset.STORE)
    return ProcessSpec(
        name="store",
        argv=argv,
        cwd=context.state.root,
        env=environment,
        readiness=HttpReady(f"http://{context.settings.store_host}:{port}/ping"),
        ports=(port,),
        stop_timeout_s=20.0,
        labels=_labels("store", release=version("insightengine")),
    )


def _collector(context: PlatformContext) -> ProcessSpec:
    argv, environment = _own(context, "insightengine.worker.collector")
    port = context.settings.port(PortOffset.COLLECTOR)
    return ProcessSpec(
        name="collector",
        argv=argv,
        cwd=context.state.root,
        env=environment,
        readiness=HttpReady(f"http://{context.settings.collector_host}:{port}/healthz"),
        ports=(port,),
        labels=_labels("collector", release=version("insightengine")),
    )


def _releaser(context: PlatformContext) -> ProcessSpec:
    argv, environment = _own(context, "insightengine.worker.releaser")
    hosted = is_hosted(context)
    return ProcessSpec(
        name="releaser",
        argv=argv,
        cwd=context.state.root,
        env={**environment, **(docker_access() if hosted else {})},
        readiness=RunningReady(),
        keeps_user=hosted,
        depends_on=("postgres", "edge"),
        labels=_labels("releaser", release=version("insightengine")),
    )


def _edge(context: PlatformContext, placed: Placed | None) -> ProcessSpec:
    settings = context.settings
    admin = settings.port(PortOffset.EDGE_ADMIN)
    sites = site_addresses(context, placed).values() if placed else ()
    return ProcessSpec(
        name="edge",
        argv=edge_argv(nginx_binary(), EdgePaths.of(context.state)),
        cwd=context.state.edge,
        env=base_environment(context),
        readiness=HttpReady(f"http://{settings.edge_host}:{admin}/status"),
        ports=(
            settings.port(PortOffset.CONSOLE),
            settings.port(PortOffset.OTLP_HTTP),
            settings.port(PortOffset.OTLP_GRPC),
            admin,
            *(address.port for address in sites),
        ),
        labels=_labels("edge"),
    )
