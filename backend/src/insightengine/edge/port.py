"""What features may ask of an edge, whichever product it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from insightengine.core.colours import Colour
from insightengine.edge.models import EdgeConfiguration, Selection


@dataclass(frozen=True, slots=True)
class Proof:
    """`answers` consecutive fresh requests through the edge were all answered as asked."""

    site: str
    release: str
    colour: Colour
    answers: int
    took_s: float


@dataclass(frozen=True, slots=True)
class EdgeStatus:
    """What the running edge says of itself.

    `connections_total` counts since its start, those to clients and to upstreams together.
    """

    generation: str
    worker_pid: int
    connections_total: int


class Edge(Protocol):
    def install(self, configuration: EdgeConfiguration) -> str:
        """Make `configuration` the served one and return its generation. Idempotent.

        A running edge takes it over without dropping a request; one that does not run starts with
        it. Persisted selections stay. Raises InvalidInputError with the edge's own words when it
        refuses the configuration: the last good one then still serves and is what it starts with.
        """

    def switch(self, site: str, selection: Selection) -> None:
        """Send new requests of `site` to another colour; survives a restart. Idempotent."""

    def selection(self, site: str) -> Selection:
        """The persisted selection. Raises NotFoundError for a site without colours."""

    def prove(
        self,
        site: str,
        release: str,
        colour: Colour,
        *,
        path: str | None = None,
        timeout_s: float = 10.0,
    ) -> Proof:
        """Ask through the edge until it answers from that release and colour only.

        Any status below 500 counts as an answer. `path` is `/` when not given, for the console
        the API's health path.

        Raises UnavailableError with what was answered instead when that does not happen in time.
        """

    def status(self) -> EdgeStatus:
        """Raises UnavailableError when the edge does not answer."""
