"""What the supervisor's snapshot says of the processes: their labels and pids."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from insightengine.telemetry.schema import OWN_NAMESPACE
from insightengine.telemetry.sources.records import Attributes

PROCESS: Final = "insight.process"
_COLOURS: Final = (".blue", ".green")
_OWN: Final = ("supervisor", "warden")


@dataclass(frozen=True, slots=True)
class Process:
    """`pid` is None when it does not run; labels that are not known are ''."""

    name: str
    pid: int | None
    service: str
    colour: str = ""
    release: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    processes: Mapping[str, Process] = field(default_factory=dict)

    def process(self, name: str) -> Process:
        """Of a process that is not in the snapshot, the service is its name without the colour.

        `edge.access`, the edge's access log, belongs to the process `edge`.
        """
        found = self.processes.get(name)
        owner = self.processes.get(name.partition(".")[0])
        namespace = owner.namespace if owner else ""
        return found or Process(name, None, service_of(name), namespace=namespace)


def parse_snapshot(text: str) -> Snapshot:
    """An empty snapshot when the text is not one; entries that are wrong are left out."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Snapshot()
    if not isinstance(found, dict):
        return Snapshot()
    application = found.get("application")
    namespace = _text(application, "name") if isinstance(application, dict) else ""
    listed = found.get("processes")
    entries = [_process(entry, namespace) for entry in listed] if isinstance(listed, list) else []
    own = [_own(name, found.get(name)) for name in _OWN]
    return Snapshot({entry.name: entry for entry in (*entries, *own) if entry is not None})


def read_snapshot(path: Path) -> Snapshot:
    try:
        return parse_snapshot(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return Snapshot()


def service_of(process: str) -> str:
    """`web.green` → `web`; the edge's access log and other parts of a process belong to it too."""
    for colour in _COLOURS:
        process = process.removesuffix(colour)
    return process.split(".", 1)[0] or "unknown_service"


def resource_of(process: Process, host: str) -> Attributes:
    """Resource attributes under which a process's logs and measurements are stored."""
    known = {
        "service.name": process.service,
        "service.namespace": process.namespace,
        "host.name": host,
        PROCESS: process.name,
        "insight.release": process.release,
        "insight.colour": process.colour,
    }
    return {key: value for key, value in known.items() if value}


def _process(entry: object, namespace: str) -> Process | None:
    if not isinstance(entry, dict) or not _text(entry, "name"):
        return None
    name, labels = _text(entry, "name"), entry.get("labels")
    labels = labels if isinstance(labels, dict) else {}
    return Process(
        name=name,
        pid=_pid(entry.get("pid")),
        service=_text(labels, "service") or service_of(name),
        colour=_text(labels, "colour"),
        release=_text(labels, "release"),
        namespace=namespace if _text(labels, "kind") == "application" else OWN_NAMESPACE,
    )


def _own(name: str, entry: object) -> Process | None:
    pid = _pid(entry.get("pid")) if isinstance(entry, dict) else None
    return None if pid is None else Process(name, pid, name, namespace=OWN_NAMESPACE)


def _pid(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _text(entry: Mapping[str, object], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""
