"""How a service runs without Docker: its placeholders replaced, and what is missing for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from urllib.parse import quote

from insightengine.application.model import Application, Service, SuppliedKind
from insightengine.application.placeholders import PLACEHOLDER
from insightengine.application.problems import Problem, error_of
from insightengine.core.errors import InvalidInputError
from insightengine.core.secrets import Secret

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
    source: str = "."


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
        own = {
            "python": place.python,
            "scripts": str(PurePath(place.python).parent),
            "port": None if place.port is None else str(place.port),
            "source": place.source,
        }
        value = own.get(name)
    if value is None:
        raise InvalidInputError(
            f"services.{service}.x-insight.local: {found.group()} has no value here",
            hint="name a service that runs here, or write the value itself",
        )
    return value


def local_problems(application: Application, profiles: Sequence[str] = ()) -> tuple[Problem, ...]:
    """What keeps the services of these profiles from running on a machine without Docker."""
    active = {service.name: service for service in application.active(profiles)}
    found: list[Problem] = []
    for service in active.values():
        found += _missing_dependencies(service, active)
        if service.supplied is None and service.local is None:
            what = f"the image {service.image}" if service.image else "its build"
            message = f"needs Docker: the platform cannot run {what} by itself"
            hint = "add x-insight.local.command: the command that starts it without Docker"
            found.append(Problem(service.location, f"services.{service.name}", message, hint))
    return tuple(found)


def _missing_dependencies(service: Service, active: Mapping[str, Service]) -> list[Problem]:
    return [
        Problem(
            service.location,
            f"services.{service.name}.depends_on.{dependency.service}",
            "is not part of the chosen profiles",
            "choose its profile too, or set `required: false`",
        )
        for dependency in service.depends_on
        if dependency.required and dependency.service not in active
    ]


def require_local(application: Application, profiles: Sequence[str] = ()) -> None:
    """Raises InvalidInputError with all of `local_problems`, if there are any."""
    found = local_problems(application, profiles)
    if found:
        raise error_of(application.file, found)
