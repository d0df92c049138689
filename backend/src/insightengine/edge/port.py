"""What features may ask of an edge, whichever product it is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from insightengine.core.colours import Colour
from insightengine.edge.models import Address, EdgeConfiguration, Selection


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
        it. Persisted selections stay. Other releases at the same addresses need no reload. Raises
        InvalidInputError with the edge's own words when it refuses the configuration: the last
        good one then still serves and is what it starts with.
        """

    def switch(self, unit: str, selection: Selection) -> None:
        """Send new requests of all sites of `unit` elsewhere, at once; survives a restart.

        Idempotent. Raises NotFoundError for a unit that is not served.
        """

    def selection(self, unit: str) -> Selection:
        """The persisted selection. Raises NotFoundError for a unit that is not served."""

    def close(self, unit: str) -> None:
        """Answer the unit's visitors with a page that says so; its health paths still answer.

        Survives a restart. Idempotent.
        """

    def open(self, unit: str) -> None:
        """End what `close` began. Idempotent."""

    def is_closed(self, unit: str) -> bool: ...

    def connections(self, addresses: Collection[Address]) -> int:
        """How many connections to these servers are open: requests that are not yet finished."""

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
