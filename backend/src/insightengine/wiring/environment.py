"""Reads what a process of the platform needs to know: settings, state folder, secrets."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from insightengine.core.errors import InvalidInputError, UnavailableError
from insightengine.core.secrets import Secret
from insightengine.core.settings import (
    PREFIX,
    Environment,
    PortOffset,
    Settings,
    StateFolder,
    settings_from,
)
from insightengine.runtimes.local.specs import WANTED, read_wanted
from insightengine.wiring.project import CHOSEN, assignments, environment_named, read_or_empty
from insightengine.wiring.project import chosen_environment as chosen_environment
from insightengine.wiring.project import own_environment as own_environment
from insightengine.wiring.project import state_in as state_in
from insightengine.wiring.project import state_of as state_of
from insightengine.wiring.secrets import INGEST_KEY

NOT_SETTINGS = frozenset({"INSIGHT_STATE", "INSIGHT_COLOUR", "INSIGHT_SERVICE", CHOSEN})
# Where the hundred ports of an environment begin, counted from those of the project's own.
_PORTS_APART = {Environment.STAGING: 100, Environment.PRODUCTION: 200, Environment.DEVELOPMENT: 300}
_FLAGS = {"INSIGHT_BASE_PORT": "--base-port", "INSIGHT_RUNTIME": "--runtime"}


@dataclass(frozen=True, slots=True)
class PlatformContext:
    """The settings of a platform and where its state lies."""

    settings: Settings
    state: StateFolder


def load() -> PlatformContext:
    """The context of a process that the platform started: `INSIGHT_STATE` and its environment.

    Raises InvalidInputError when the variable is missing or a setting is wrong.
    """
    folder = os.environ.get("INSIGHT_STATE")
    if not folder:
        raise InvalidInputError(
            "INSIGHT_STATE is not set, so the state folder is unknown",
            hint="start the platform with `insight up`; it sets the variable for its processes",
        )
    settings = settings_from(os.environ, "environment")
    return PlatformContext(settings, StateFolder(Path(folder)))


def load_project(project: Path, overrides: Mapping[str, str] | None = None) -> PlatformContext:
    """The context of a person's command in the folder `project`.

    `overrides` (from flags) win over the environment, and that over the project's `.env` files.
    Raises InvalidInputError that names the file, the line and what is wrong.
    """
    return load_environment(project, chosen_environment(), overrides)


def load_environment(
    project: Path, chosen: str | None, overrides: Mapping[str, str] | None = None
) -> PlatformContext:
    """The context of one environment of the project; None is the project's own.

    Each environment is a platform of its own: another state folder, other ports, other databases
    and secrets. Another than the project's own begins with its ports where nobody else's are,
    unless its `.env` file says where.
    """
    own = own_environment(project)
    environment = environment_named(chosen, f"{CHOSEN} or --env") if chosen else own
    written = read_env_file(project / f".env.{environment}")
    given = {
        str(project / ".env"): read_env_file(project / ".env"),
        str(project / f".env.{environment}"): written,
        "the environment": os.environ,
    }
    origins = {name: source for source, found in given.items() for name in found}
    origins |= {name: _FLAGS.get(name, "the running platform") for name in overrides or {}}
    variables = {name: value for found in given.values() for name, value in found.items()}
    variables |= {**(overrides or {}), "INSIGHT_ENVIRONMENT": environment.value}
    settings = settings_from(variables, "settings", origins)
    is_placed = "INSIGHT_BASE_PORT" in written or "INSIGHT_BASE_PORT" in (overrides or {})
    if environment is not own and not is_placed:
        apart = settings.base_port + _PORTS_APART[environment]
        variables["INSIGHT_BASE_PORT"] = str(apart)
        why = f"{environment} begins {_PORTS_APART[environment]} ports after the project's own"
        settings = settings_from(variables, "settings", {**origins, "INSIGHT_BASE_PORT": why})
    return PlatformContext(settings, state_in(project, environment, own))


def running_context(project: Path, environment: str | None = None) -> PlatformContext:
    """With the settings that the project's platform was brought up with, flags included.

    `environment` is the chosen one when it is None.
    """
    chosen = environment or chosen_environment()
    path = load_environment(project, chosen).state.run / WANTED
    specs = read_wanted(path).specs if path.exists() else ()
    given = next((one.env for one in specs if one.name == "collector"), None)
    return load_environment(project, chosen, given)


def given_variables(settings: Settings) -> dict[str, str]:
    """What a Compose file may refer to though nobody set it; whoever sets it wins.

    INSIGHT_PUBLIC_PORT is a port of this platform that is kept free, so that what an application
    publishes moves with `--base-port` and with the environment.
    """
    return {"INSIGHT_PUBLIC_PORT": str(settings.port(PortOffset.PUBLIC))}


def project_variables(project: Path) -> dict[str, str]:
    """What a Compose file of the project may refer to: its `.env` files, then the environment."""
    return {**written_variables(project, chosen_environment()), **os.environ}


def written_variables(project: Path, environment: str | None = None) -> dict[str, str]:
    """Those of `.env`, overlaid by `.env.ENVIRONMENT`."""
    chosen = environment or own_environment(project).value
    return {**read_env_file(project / ".env"), **read_env_file(project / f".env.{chosen}")}


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a `.env` file, the names of settings checked; none when there is none."""
    text = read_or_empty(path)
    return parse_env(text, str(path))


def parse_env(text: str, source: str) -> dict[str, str]:
    """Variables of `NAME=value` lines. Raises InvalidInputError that names a misspelt setting."""
    lines = list(assignments(text, source))
    for number, name, _ in lines:
        _check_name(name, source, number)
    return {name: value for _, name, value in lines}


def _check_name(name: str, source: str, number: int) -> None:
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    if not name.startswith(PREFIX) or name in known | NOT_SETTINGS:
        return
    near = difflib.get_close_matches(name, known, n=1)
    raise InvalidInputError(
        f"{source}:{number}: there is no setting {name}",
        code="invalid_env",
        hint=f"did you mean {near[0]}?" if near else "docs/reference/settings.md lists them",
    )


def read_secret(state: StateFolder, name: str) -> Secret:
    """The secret of that name. Raises UnavailableError when it is missing or unreadable."""
    try:
        return Secret(state.secret(name).read_text(encoding="utf-8").strip())
    except OSError as error:
        raise UnavailableError(
            f"the secret {name} cannot be read: {error.strerror}",
            hint="`insight up` creates missing secrets; it must run as the same user",
        ) from None


def as_environment(context: PlatformContext) -> Mapping[str, str]:
    """The variables from which `load()` of another process makes the same context."""
    given = context.settings.model_dump(exclude_none=True, mode="json")
    settings = {PREFIX + name.upper(): str(value) for name, value in given.items()}
    return {**settings, "INSIGHT_STATE": str(context.state.root)}


def ingest_headers(context: PlatformContext) -> dict[str, str]:
    """So that a platform that lets no stranger send telemetry goes on observing itself."""
    if not context.settings.otlp_require_key:
        return {}
    key = read_secret(context.state, INGEST_KEY).reveal()
    return {"OTEL_EXPORTER_OTLP_HEADERS": f"x-insight-key={key}"}
