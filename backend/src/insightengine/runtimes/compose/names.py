"""How things are called in Docker, so that they are found again after any crash.

An application `shop` becomes the Compose projects `shop` (databases and other servers that the
file brings along), `shop-single` (services without colours), `shop-blue` and `shop-green`. Volumes
and networks keep the names that `docker compose up` alone would give them. In another environment
than the project's own everything is called as if the application were `shop-staging`: nothing is
shared with the first, its data least of all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from insightengine.application.model import Service
from insightengine.core.colours import Colour
from insightengine.runtimes.port import Artefact

LABEL = "io.insightengine"
DIGEST_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Names:
    """`platform` tells the containers of one platform from those of others on the same engine.

    `environment` is empty for the project's own.
    """

    platform: str
    environment: str = ""

    @staticmethod
    def of_state(state: Path) -> Names:
        digest = hashlib.sha256(str(state).encode()).hexdigest()[:8]
        own, _, environment = state.name.partition("-")
        return Names(f"insight-{digest}", environment if own == ".insight" else "")

    def project(self, unit: str) -> str:
        """What the application is called here: the project of its servers.

        One whose overlay names it `shop-staging` already is called so.
        """
        suffix = f"-{self.environment}" if self.environment else ""
        return unit.removesuffix(suffix) + suffix

    def single_project(self, unit: str) -> str:
        return f"{self.project(unit)}-single"

    def task_project(self, unit: str) -> str:
        return f"{self.project(unit)}-task"

    def colour_project(self, unit: str, colour: Colour) -> str:
        """Also the network where the services of one colour find each other by their names."""
        return f"{self.project(unit)}-{colour}"

    @property
    def edge_network(self) -> str:
        """The edge, and everything that it or telemetry must reach."""
        return f"{self.platform}-edge"

    @property
    def repository(self) -> str:
        """Of the images that are kept; `localhost/` is no registry that a push could reach."""
        return f"localhost/{self.platform}"

    def image(self, artefact: Artefact) -> str:
        short = artefact.digest.removeprefix("sha256:")[:DIGEST_LENGTH]
        return f"{self.repository}:{artefact.service}.{short}"

    def build_tag(self, service: str) -> str:
        """What a build writes to before its digest is known; never read as an artefact."""
        return f"{self.repository}-build:{service}"

    def labels(self, unit: str, service: str = "", **more: str) -> Mapping[str, str]:
        given = {"platform": self.platform, "unit": unit, "service": service, **more}
        return {f"{LABEL}.{name}": value for name, value in given.items() if value}


def instance_name(service: str, colour: Colour | None, number: int) -> str:
    """As the local runtime names its processes: `web.blue`, `web.blue.2`, `worker.1`."""
    if colour is None:
        return f"{service}.{number}"
    return f"{service}.{colour}" + (f".{number}" if number > 1 else "")


def container_service(service: str, colour: Colour | None, number: int) -> str:
    """The service's name in its Compose project; unique over both colours, as it is a DNS name."""
    parts = [service, *([colour.value] if colour else []), *([str(number)] if number > 1 else [])]
    return "-".join(parts)


def port_of(service: Service) -> int | None:
    """The container's port that the edge and the checks use; None when it listens nowhere."""
    if service.health and service.health.port:
        return service.health.port
    published = [port.container for port in service.published_ports]
    return next(iter((*published, *service.exposed_ports)), None)
