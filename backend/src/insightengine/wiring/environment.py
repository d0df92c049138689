"""Reads what a process of the platform needs to know: settings, state folder, secrets."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from insightengine.core.errors import InvalidInputError, UnavailableError
from insightengine.core.secrets import Secret
from insightengine.core.settings import PREFIX, Settings, StateFolder, settings_from

NOT_SETTINGS = frozenset({"INSIGHT_STATE", "INSIGHT_COLOUR", "INSIGHT_SERVICE"})


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

    `overrides` (from flags) win over the environment, and that over the project's `.env`. Raises
    InvalidInputError that names the file, the line and what is wrong.
    """
    variables = {**project_variables(project), **(overrides or {})}
    settings = settings_from(variables, f"{project / '.env'} and environment")
    return PlatformContext(settings, StateFolder(project.resolve() / ".insight"))


def project_variables(project: Path) -> dict[str, str]:
    """What a Compose file of the project may refer to: its `.env`, then the environment."""
    return {**read_env_file(project / ".env"), **os.environ}


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a `.env` file; none when there is no such file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read: {error}", code="invalid_env") from None
    return parse_env(text, str(path))


def parse_env(text: str, source: str) -> dict[str, str]:
    """Variables of `NAME=value` lines; outer quotes are taken off, `#` comments."""
    variables: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip().removeprefix("export ")
        if not line or line.startswith("#"):
            continue
        name, separator, value = line.partition("=")
        name = name.strip()
        if not separator or not name.isidentifier():
            raise InvalidInputError(
                f"{source}:{number}: expected NAME=value, found {line!r}",
                code="invalid_env",
                hint="one variable a line; comments start with #",
            )
        _check_name(name, source, number)
        variables[name] = _unquoted(value.strip())
    return variables


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


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value.split(" #", 1)[0].rstrip()


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
