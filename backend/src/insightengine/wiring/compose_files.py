"""Finds and reads the Compose file of a project, what it names, and an environment's overlay."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from insightengine.application.load import Overlay
from insightengine.application.model import Service
from insightengine.core.errors import InvalidInputError
from insightengine.wiring.environment import parse_env

COMPOSE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
MOST_BYTES = 1024 * 1024


def find_compose_file(project: Path) -> Path | None:
    """The file that `docker compose` would take, by the same order of names.

    Raises InvalidInputError where something else has that name.
    """
    return _first_file(project / name for name in COMPOSE_NAMES)


def _first_file(paths: Iterable[Path]) -> Path | None:
    found = next((path for path in paths if path.exists() or path.is_symlink()), None)
    if found is not None and not found.is_file():
        what = "a folder" if found.is_dir() else "no file"
        what = what if found.exists() else "a link to nothing"
        raise InvalidInputError(
            f"{found} is {what}; a Compose file is expected there",
            hint="rename it, or name the file: --file FILE",
        )
    return found


def read_compose(file: Path) -> str:
    """The text of a Compose file. Raises InvalidInputError when it cannot be one."""
    try:
        content = _read(file)
        if len(content) > MOST_BYTES:
            raise InvalidInputError(f"{file} has more than the {MOST_BYTES} bytes that are allowed")
        return content.decode("utf-8")
    except OSError as error:
        raise InvalidInputError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{file} is not UTF-8: {error}") from None


def _read(file: Path) -> bytes:
    """At most one byte more than a file may have: what is named may be endless."""
    with file.open("rb") as opened:
        return opened.read(MOST_BYTES + 1)


def find_overlay(file: Path, environment: str) -> Overlay | None:
    """What `compose.staging.yaml` beside the file says for the environment `staging`, if any."""
    names = [f"{file.stem}.{environment}{suffix}" for suffix in (".yaml", ".yml")]
    beside = _first_file(file.with_name(name) for name in names)
    return Overlay(read_compose(beside), str(beside)) if beside else None


def env_file_variables(folder: Path, service: Service) -> dict[str, str]:
    variables: dict[str, str] = {}
    for env_file in service.env_files:
        path = folder / env_file.path
        try:
            if path.exists() and not path.is_file():
                raise OSError("it is no file")
            content = _read(path)
            if len(content) > MOST_BYTES:
                raise OSError(f"it has more than {MOST_BYTES} bytes")
            variables |= parse_env(content.decode("utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            if env_file.required:
                raise InvalidInputError(
                    f"services.{service.name}.env_file: {path} cannot be read: {error}",
                    hint="create the file, or mark it `required: false`",
                ) from None
    return variables
