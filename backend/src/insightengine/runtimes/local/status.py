"""The state of the platform as a file that anybody may read: `.insight/run/status.json`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from insightengine.runtimes.port import ProcessStatus

VERSION = 1
OTHERS = "containers.json"  # what runs beside our processes, written by whoever watches it
STALE_AFTER_S = 10.0


@dataclass(frozen=True, slots=True)
class Overseer:
    """The supervisor or the warden."""

    pid: int
    since: datetime


def encode_status(
    now: datetime,
    supervisor: Overseer,
    warden: Overseer | None,
    application: Mapping[str, Any] | None,
    processes: Iterable[ProcessStatus],
) -> dict[str, Any]:
    return {
        "version": VERSION,
        "written_at": now.isoformat(),
        "supervisor": _overseer(supervisor),
        "warden": _overseer(warden) if warden else None,
        "application": application,
        "processes": [_process(status) for status in processes],
    }


def write_others(path: Path, now: datetime, statuses: Iterable[ProcessStatus]) -> None:
    """For the supervisor, who shows them with its own."""
    processes = [_process(status) for status in statuses]
    write_status(path, {"written_at": now.isoformat(), "processes": processes})


def read_others(path: Path, now: datetime) -> list[dict[str, Any]]:
    """None of them when nobody wrote for a while: what is not known is not shown as running."""
    found = read_status(path, now)
    return [] if found is None or found["stale"] else list(found["processes"])


def _overseer(overseer: Overseer) -> dict[str, Any]:
    return {"pid": overseer.pid, "since": overseer.since.isoformat()}


def _process(status: ProcessStatus) -> dict[str, Any]:
    return {
        "name": status.name,
        "state": status.state.value,
        "pid": status.pid,
        "since": status.since.isoformat(),
        "restarts": status.restarts,
        "last_check": status.last_check.isoformat() if status.last_check else None,
        "detail": status.detail,
        "ports": list(status.ports),
        "labels": dict(status.labels),
    }


def write_status(path: Path, status: Mapping[str, Any]) -> None:
    """Replaces the file atomically. Not fsynced: it describes now, and is written all the time."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(status), encoding="utf-8")
    temporary.chmod(0o644)
    temporary.replace(path)


def read_status(path: Path, now: datetime | None = None) -> dict[str, Any] | None:
    """The last written status with `stale` added, or None when there is none to be read."""
    try:
        status: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        written = datetime.fromisoformat(status["written_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    age = (now or datetime.now(UTC)) - written
    return {**status, "stale": age.total_seconds() > STALE_AFTER_S}
