"""Process specifications as a file: what `insight up` wants, read by the supervisor.

The file holds environments and therefore secrets: mode 0600, owned by whoever started the platform.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from insightengine.core.errors import AccessDeniedError
from insightengine.runtimes.port import (
    CommandReady,
    HttpReady,
    PostgresReady,
    ProcessSpec,
    Readiness,
    RedisReady,
    RunningReady,
)

WANTED = "wanted.json"  # what shall run, in the run folder
_READINESS: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (HttpReady, PostgresReady, RedisReady, CommandReady, RunningReady)
}


@dataclass(frozen=True, slots=True)
class ServiceUser:
    """Whom the services run as when root starts the platform."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything the supervisor needs to know. Durations are seconds."""

    specs: tuple[ProcessSpec, ...]
    user: ServiceUser | None
    start_timeout_s: float
    longest_pause_s: float
    application: Mapping[str, Any] | None  # shown in status.json as it is


def fingerprint(spec: ProcessSpec) -> str:
    """Changes when a running process would have to be replaced to fit the spec."""
    relevant = [spec.argv, str(spec.cwd), sorted(spec.env.items()), spec.prepare, spec.initialise]
    return hashlib.sha256(json.dumps(relevant).encode()).hexdigest()[:16]


def write_wanted(path: Path, wanted: Wanted, owner: tuple[int, int] | None = None) -> None:
    """Replaces the file atomically; `owner` is whom root writes it for."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)  # of a process of the same number that was killed
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(temporary, flags, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if owner is not None:
            os.fchown(descriptor, *owner)
        json.dump(_encoded(wanted), file, default=str)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)


def read_own_wanted(path: Path) -> Wanted:
    """As root, only what root has written: the folder belongs to the services' user, and the file
    says which program is started as whom. Raises AccessDeniedError for another's.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, encoding="utf-8") as file:
        owner = os.fstat(descriptor).st_uid
        if os.geteuid() == 0 and owner != 0:
            raise AccessDeniedError(
                f"{path} was written by user {owner}, not by root: it is not obeyed",
                code="foreign_orders",
                hint="look at who wrote it; `insight up` writes it again",
            )
        return _decoded(json.load(file))


def read_wanted(path: Path) -> Wanted:
    return _decoded(json.loads(path.read_text(encoding="utf-8")))


def _decoded(values: dict[str, Any]) -> Wanted:
    return Wanted(
        specs=tuple(_decoded_spec(item) for item in values["specs"]),
        user=ServiceUser(**values["user"]) if values["user"] else None,
        start_timeout_s=values["start_timeout_s"],
        longest_pause_s=values["longest_pause_s"],
        application=values["application"],
    )


def _encoded(wanted: Wanted) -> dict[str, Any]:
    values = asdict(wanted)
    for encoded, spec in zip(values["specs"], wanted.specs, strict=True):
        encoded["readiness"]["kind"] = type(spec.readiness).__name__
    return values


def _decoded_spec(values: dict[str, Any]) -> ProcessSpec:
    known = {field.name for field in fields(ProcessSpec)}
    given = {name: _tuples(value) for name, value in values.items() if name in known}
    return ProcessSpec(
        **{
            **given,
            "cwd": Path(values["cwd"]),
            "readiness": _decoded_readiness(dict(values["readiness"])),
        }
    )


def _decoded_readiness(values: dict[str, Any]) -> Readiness:
    kind = _READINESS[values.pop("kind")]
    if values.get("password_file"):
        values["password_file"] = Path(values["password_file"])
    ready: Readiness = kind(**{name: _tuples(value) for name, value in values.items()})
    return ready


def _tuples(value: Any) -> Any:
    """JSON knows lists only; specifications are frozen."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
