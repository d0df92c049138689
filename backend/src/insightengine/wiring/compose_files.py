"""Finds and reads the Compose file of a project and the overlay of an environment."""

from __future__ import annotations

from pathlib import Path

from insightengine.application.load import Overlay
from insightengine.core.errors import InvalidInputError

COMPOSE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
MOST_BYTES = 1024 * 1024


def find_compose_file(project: Path) -> Path | None:
    """The file that `docker compose` would take, by the same order of names."""
    return next((project / name for name in COMPOSE_NAMES if (project / name).is_file()), None)


def read_compose(file: Path) -> str:
    """The text of a Compose file. Raises InvalidInputError when it cannot be one."""
    try:
        content = file.read_bytes()
        if len(content) > MOST_BYTES:
            raise InvalidInputError(f"{file} has {len(content)} bytes; allowed are {MOST_BYTES}")
        return content.decode("utf-8")
    except OSError as error:
        raise InvalidInputError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{file} is not UTF-8: {error}") from None


def find_overlay(file: Path, environment: str) -> Overlay | None:
    """What `compose.staging.yaml` beside the file says for the environment `staging`, if any."""
    for suffix in (".yaml", ".yml"):
        beside = file.with_name(f"{file.stem}.{environment}{suffix}")
        if beside.is_file():
            return Overlay(read_compose(beside), str(beside))
    return None
