"""Which environment of a project a command means, and what its `.env` file says. No settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from insightengine.core.errors import InvalidInputError
from insightengine.core.places import Environment, StateFolder

CHOSEN = "INSIGHT_ENV"  # which environment of the project a command is about, as `--env` says


@dataclass(frozen=True, slots=True)
class Place:
    """A platform of which only its state folder is known."""

    state: StateFolder


def chosen_environment() -> str | None:
    """What `--env` said; None for the project's own."""
    return os.environ.get(CHOSEN) or None


def state_of(project: Path) -> StateFolder:
    """The state folder of the chosen environment."""
    chosen, own = chosen_environment(), own_environment(project)
    return state_in(project, environment_named(chosen, CHOSEN) if chosen else own, own)


def state_in(project: Path, environment: Environment, own: Environment) -> StateFolder:
    name = ".insight" if environment is own else f".insight-{environment}"
    return StateFolder(project.resolve() / name)


def own_environment(project: Path) -> Environment:
    """Which one the folder is for when nothing is chosen."""
    path = project / ".env"
    written = {name: value for _, name, value in assignments(read_or_empty(path), str(path))}
    variables = {**written, **os.environ}
    named = variables.get("INSIGHT_ENVIRONMENT")
    return environment_named(named, "INSIGHT_ENVIRONMENT") if named else Environment.DEVELOPMENT


def environment_named(name: str, source: str) -> Environment:
    try:
        return Environment(name)
    except ValueError:
        known = ", ".join(Environment)
        raise InvalidInputError(
            f"{source}: there is no environment {name[:60]!r}",
            code="invalid_setting",
            hint=f"known are {known}",
        ) from None


def read_or_empty(path: Path) -> str:
    """Raises InvalidInputError for a file that is there and cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read: {error}", code="invalid_env") from None


def assignments(text: str, source: str) -> Iterator[tuple[int, str, str]]:
    """Line number, name and value of `NAME=value` lines; outer quotes are taken off, `#` comments.

    Raises InvalidInputError that names the line.
    """
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip().removeprefix("export ")
        if not line or line.startswith("#"):
            continue
        name, separator, value = line.partition("=")
        name = name.strip()
        if not separator or not name.isidentifier():
            raise InvalidInputError(
                f"{source}:{number}: expected NAME=value",  # what stands there may be a secret
                code="invalid_env",
                hint="one variable a line; comments start with #",
            )
        yield number, name, _unquoted(value.strip())


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value.split(" #", 1)[0].rstrip()
