"""Which platform is meant and where its state lies, apart from the settings.

A command that needs no more than that, such as a rollback, imports no settings: their model and
what hangs on it cost as much time as the rest of its start.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Protocol

PREFIX = "INSIGHT_"
EXPECTED = "expected"  # in the folder of recovery: somebody is about to ask for an operation


class Environment(StrEnum):
    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class Runtime(StrEnum):
    LOCAL = "local"
    COMPOSE = "compose"


class StateFolder:
    """Names of everything under `.insight/`. Paths only; creates nothing."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.run = root / "run"  # pid records, control socket, rendered configuration
        self.logs = root / "logs"  # one file a process: <name>.log; the edge's: edge.access.log
        self.secrets = root / "secrets"  # one file a secret, mode 0600
        self.postgres = root / "postgres"
        self.valkey = root / "valkey"
        self.store = root / "store"
        self.spool = root / "spool"
        self.edge = root / "edge"
        self.compose = root / "compose"  # files for Docker Compose, mode 0600
        self.collector = root / "collector"  # read positions of tailed files
        self.releases = root / "releases"  # journal, catalogue, and versions of services

    def secret(self, name: str) -> Path:
        return self.secrets / name


class Located(Protocol):
    """Whatever knows the state folder of its platform."""

    @property
    def state(self) -> StateFolder: ...
