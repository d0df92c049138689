"""An application in containers, beside a platform of local processes.

With the runtime `compose` the releaser and the watcher of containers keep the user who brought the
platform up, because both need Docker's socket; nothing else does. The edge reaches both colours at
fixed addresses of a Docker network.
"""

from __future__ import annotations

import hmac
import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import psycopg

from insightengine.application.model import PublishedPort, Service
from insightengine.core.colours import Colour
from insightengine.core.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from insightengine.core.settings import PortOffset, Runtime
from insightengine.edge.models import Address
from insightengine.release.migrations.folder import Connect
from insightengine.runtimes.compose import commands
from insightengine.runtimes.compose.addresses import colour_addresses
from insightengine.runtimes.compose.document import declared_files
from insightengine.runtimes.compose.files import KEPT, forget_files, keep_file
from insightengine.runtimes.compose.names import Names
from insightengine.runtimes.compose.runner import Runner, docker_environment
from insightengine.runtimes.compose.runtime import ComposeRuntime, require_docker
from insightengine.runtimes.compose.status import instances_told
from insightengine.runtimes.local.status import OTHERS, read_others
from insightengine.runtimes.port import Instance, ProcessSpec, RunningReady, Source, Unit
from insightengine.wiring.application import Placed, base_environment
from insightengine.wiring.environment import PlatformContext, as_environment, read_secret

_POSTGRES_PORT = 5432


def is_hosted(context: PlatformContext) -> bool:
    """Whether the application of the platform runs in containers."""
    return context.settings.runtime is Runtime.COMPOSE


def compose_runtime(context: PlatformContext) -> ComposeRuntime:
    return ComposeRuntime(
        Names.of_state(context.state.root),
        context.state.compose,
        telemetry_port=context.settings.port(PortOffset.OTLP_HTTP),
        subnet=context.settings.docker_subnet,
    )


class ToldRuntime(ComposeRuntime):
    """For processes that may not ask Docker, such as the API: they plan with what was told."""

    def __init__(self, context: PlatformContext) -> None:
        super().__init__(Names.of_state(context.state.root), context.state.compose)
        self._told = context.state.run / OTHERS

    def instances(self, unit: str) -> tuple[Instance, ...]:
        return instances_told(read_others(self._told, datetime.now(UTC)), unit)


def require_engine(context: PlatformContext) -> None:
    """Raises UnavailableError where containers are asked for and there is no Docker Engine."""
    if is_hosted(context):
        require_docker(Runner())


@dataclass(frozen=True, slots=True)
class Reach:
    """How the edge and containers meet; `telemetry` is where containers send theirs."""

    subnet: IPv4Network
    telemetry: Address

    def addresses_of(
        self, placed: Placed, service: Service, colour: Colour, port: PublishedPort
    ) -> tuple[Address, ...]:
        coloured = tuple(one for one in placed.started if one.colours)
        found = colour_addresses(self.subnet, colour, coloured)[service.name]
        return tuple(Address(str(address), port.container) for address in found)


def container_reach(context: PlatformContext) -> Reach:
    """Makes the network when it is missing."""
    subnet = compose_runtime(context).edge_subnet()
    port = context.settings.port(PortOffset.OTLP_HTTP)
    return Reach(subnet, Address(str(subnet[1]), port))


def docker_access() -> dict[str, str]:
    """What a process of ours needs to find Docker; it has to keep our user, too."""
    return {**docker_environment(), "HOME": os.environ.get("HOME", "/")}


def watcher(context: PlatformContext) -> ProcessSpec:
    """The process that tells of containers."""
    own = {**base_environment(context), **as_environment(context)}
    return ProcessSpec(
        name="containers",
        argv=(sys.executable, "-m", "insightengine.worker.containers"),
        cwd=context.state.root,
        env={**own, **docker_access()},
        readiness=RunningReady(),
        labels={"service": "containers", "colour": "", "release": "", "kind": "platform"},
        keeps_user=True,
    )


def version_of(context: PlatformContext, value: bytes) -> str:
    """A name for the value, the same as long as it is, from which it cannot be guessed."""
    key = read_secret(context.state, "session_key").reveal().encode()
    return hmac.digest(key, value, "sha256").hex()[:12]


def file_versions(context: PlatformContext, source: Source) -> dict[str, str]:
    """A name for the present content of each file that containers get as a secret or a config.

    The content is kept under that name, so that its release can come back with it. Raises
    InvalidInputError for one that cannot be read.
    """
    found: dict[str, str] = {}
    for name, file in declared_files(source.application):
        path = source.folder / file
        try:
            content = path.read_bytes()
            found[name] = version_of(context, content)
            keep_file(_kept(context, source.application.name), found[name], path, content)
        except OSError as error:
            raise InvalidInputError(
                f"{source.application.file}: {name}: {path} cannot be read: {error.strerror}"
            ) from None
    return found


def forget_versions(context: PlatformContext, unit: str, kept: Collection[str]) -> None:
    """Removes the files of releases that are no longer in the catalogue."""
    forget_files(_kept(context, unit), kept)


def _kept(context: PlatformContext, unit: str) -> Path:
    return context.state.compose / unit / KEPT


def server_database(runtime: ComposeRuntime, unit: Unit, service: Service) -> Connect:
    """Connects to a PostgreSQL that the application brings along, as its own first user.

    Raises ConflictError when it does not run here, or hides its password from us.
    """
    given = {**unit.source.env_files.get(service.name, {}), **service.environment}
    user = given.get("POSTGRES_USER", "postgres")
    trusts = given.get("POSTGRES_HOST_AUTH_METHOD") == "trust"
    if not given.get("POSTGRES_PASSWORD") and not trusts:
        raise ConflictError(
            f"services.{service.name}: its password is not in POSTGRES_PASSWORD",
            code="no_database_password",
            hint="let migrations run by a command of your own: x-insight.migrations.command",
        )

    def connect() -> psycopg.Connection[tuple[object, ...]]:
        try:
            return psycopg.connect(
                host=_server_address(runtime, unit.name, service.name),
                port=_POSTGRES_PORT,
                user=user,
                dbname=given.get("POSTGRES_DB", user),
                password=given.get("POSTGRES_PASSWORD"),
                autocommit=True,
                connect_timeout=5,
                client_encoding="utf8",  # without one of the database, text would be bytes
            )
        except psycopg.OperationalError as error:
            raise UnavailableError(
                f"{service.name} does not answer: {str(error).strip()}",
                hint=f"insight logs {service.name}",
            ) from None

    return connect


def _server_address(runtime: ComposeRuntime, unit: str, service: str) -> str:
    wanted = {"kind": "server", "service": service}
    for one in runtime.containers(unit):
        if one.addresses and wanted.items() <= one.labels.items():
            return one.addresses[0]
    raise ConflictError(
        f"{service} does not run", code="not_provisioned", hint="insight up --runtime compose"
    )


def end_application(context: PlatformContext) -> int:
    """Ends all containers of the platform; volumes stay. How many there were."""
    folder = context.state.compose
    units = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    if not units and not is_hosted(context):
        return 0
    runtime = compose_runtime(context)
    ended = sum(runtime.remove_all(unit) for unit in units)
    runtime.remove_networks()
    return ended


def restart_containers(
    context: PlatformContext, status: Mapping[str, Any], names: list[str]
) -> bool:
    """Restarts those of the processes that are containers; whether there were any."""
    found = [
        process["labels"]["container"]
        for process in status["processes"]
        if process["name"] in names and process["labels"].get("container")
    ]
    if found:
        compose_runtime(context).restart(found)
    return bool(found)


def container_of(status: Mapping[str, Any], wanted: str) -> str:
    """The container of a process or a service. Raises NotFoundError."""
    for process in status["processes"]:
        labels = process["labels"]
        if labels.get("container") and wanted in (process["name"], labels.get("service")):
            return str(labels["container"])
    raise NotFoundError(f"there is no container of {wanted}", hint="insight status")


def exec_argv(container: str, arguments: list[str]) -> tuple[str, ...]:
    """Runs a command in a container that is there; a terminal only where we have one."""
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return commands.execute(container, arguments, terminal=is_terminal)
