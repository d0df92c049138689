"""How a service runs without Docker: the placeholders of `x-insight.local`, replaced.

    {python}                    the interpreter that runs the platform
    {port}                      the port on which this service must listen (also in $PORT)
    {SERVICE.host} {SERVICE.port} {SERVICE.url}
                                where another service is reached: through the edge when it
                                publishes a port, else directly
    {SERVICE.user} {SERVICE.password} {SERVICE.database}
                                of a service that the platform supplies
    {{ and }}                   a brace

What holds a secret is allowed in `environment` only: command lines can be read by every user of
the machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from insightengine.application.model import Service, SuppliedKind
from insightengine.core.errors import InvalidInputError
from insightengine.core.secrets import Secret

PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([A-Za-z0-9_-]+)(?:\.([a-z]+))?\}")
OWN = ("python", "port")
OF_ANY = ("host", "port", "url")
OF_SUPPLIED: Mapping[SuppliedKind, tuple[str, ...]] = {
    SuppliedKind.POSTGRES: ("user", "password", "database"),
    SuppliedKind.VALKEY: ("password",),
    SuppliedKind.CLICKHOUSE: ("user", "password", "database"),
    SuppliedKind.NGINX: (),
}
_SCHEMES = {SuppliedKind.POSTGRES: "postgresql", SuppliedKind.VALKEY: "redis"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service is reached on this machine, and with which credentials.

    `kind` is that of the service: it decides the scheme of the URL.
    """

    host: str
    port: int
    kind: SuppliedKind | None = None
    user: str | None = None
    password: Secret | None = None
    database: str | None = None

    @property
    def url(self) -> str:
        """Credentials percent-encoded, the database as path: what libpq and redis-py read."""
        login = quote(self.user or "", safe="")
        if self.password is not None:
            login += ":" + quote(self.password.reveal(), safe="")
        scheme = _SCHEMES.get(self.kind, "http") if self.kind else "http"
        path = f"/{quote(self.database, safe='')}" if self.database else ""
        return f"{scheme}://{login}{'@' if login else ''}{self.host}:{self.port}{path}"

    def value(self, attribute: str) -> str | None:
        values = {
            "host": self.host,
            "port": str(self.port),
            "url": self.url,
            "user": self.user,
            "password": self.password.reveal() if self.password else None,
            "database": self.database,
        }
        return values.get(attribute)


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """What the machine adds: interpreter, assigned port, and the endpoints by service name."""

    python: str
    port: int | None
    endpoints: Mapping[str, Endpoint]


@dataclass(frozen=True, slots=True)
class LocalProcess:
    """What to run. `environment` may hold secrets and is therefore not shown by `repr`."""

    argv: tuple[str, ...]
    prepare: tuple[tuple[str, ...], ...]
    working_dir: str
    environment: Mapping[str, str] = field(repr=False)


def local_process(
    service: Service, place: LocalPlace, env_files: Mapping[str, str] | None = None
) -> LocalProcess:
    """The process of a service, its placeholders replaced.

    `env_files` is the content of the service's env files, later ones over earlier ones. Of one
    variable, `x-insight.local.environment` wins over `environment`, and that over `env_files`.
    Raises InvalidInputError when the service has no `x-insight.local` or a value is not known.
    """
    local = service.local
    if local is None:
        raise InvalidInputError(
            f"services.{service.name}.x-insight.local is missing",
            hint="add x-insight.local.command: it is run where there is no Docker",
        )

    def fill(text: str) -> str:
        return PLACEHOLDER.sub(lambda found: _value(found, service.name, place), text)

    return LocalProcess(
        argv=tuple(fill(word) for word in local.command),
        prepare=tuple(tuple(fill(word) for word in command) for command in local.prepare),
        working_dir=local.working_dir or ".",
        environment={
            **(env_files or {}),
            **service.environment,
            **{name: fill(value) for name, value in local.environment.items()},
        },
    )


def _value(found: re.Match[str], service: str, place: LocalPlace) -> str:
    if found.group() in ("{{", "}}"):
        return found.group()[0]
    name, attribute = found.group(1), found.group(2)
    if attribute is not None:
        endpoint = place.endpoints.get(name)
        value = endpoint.value(attribute) if endpoint else None
    else:
        own = {"python": place.python, "port": None if place.port is None else str(place.port)}
        value = own.get(name)
    if value is None:
        raise InvalidInputError(
            f"services.{service}.x-insight.local: {found.group()} has no value here",
            hint="name a service that runs here, or write the value itself",
        )
    return value
