"""What the engine works with, handed in by `wiring`: narrow callables, nothing else is known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from insightengine.core.colours import Colour
from insightengine.edge.port import Edge
from insightengine.release.gates import Traffic
from insightengine.release.migrations.folder import Connect
from insightengine.runtimes.port import ReleaseRuntime, Source, Unit
from insightengine.stores.journal.port import Journal, Json, StoredRelease


@dataclass(frozen=True, slots=True)
class Means:
    """`read` gives the application as its files say now, with the configuration that is stored of
    it; `open_unit` makes a stored release startable again. `install` brings the edge in line with
    what is in both colours; `sites` names the edge's sites of a unit. `measure` counts what a
    release answered at these sites between two moments; `memory` is the mean of its processes.
    Of one journal, units that these means are not for are left alone: `cares_for`.
    `secrets` names the versions of a source's secrets and keeps them; `forget_secrets` removes
    those of a unit that are not among the given versions.
    """

    journal: Journal
    runtime: ReleaseRuntime
    edge: Edge
    read: Callable[[Json], tuple[Source, Json]]
    open_unit: Callable[[StoredRelease], Unit]
    secrets: Callable[[Source], Mapping[str, str]]
    install: Callable[[Mapping[Colour, Unit]], None]
    sites: Callable[[Unit], tuple[str, ...]]
    provision: Callable[[Unit], None]
    restore_point: Callable[[str], str | None]
    database: Callable[[Unit, str], Connect]
    measure: Callable[[tuple[str, ...], str, datetime, datetime], Traffic]
    memory: Callable[[str, datetime, datetime], float | None]
    now: Callable[[], datetime]
    cares_for: Callable[[str], bool] = lambda unit: True
    forget_secrets: Callable[[str, Collection[str]], None] = lambda unit, kept: None
