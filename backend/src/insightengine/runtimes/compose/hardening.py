"""Limits that a container gets where its file says nothing else.

Every default is taken back by the key it stands for: `read_only: false`, `cap_drop: []`,
`security_opt: []`, `pids_limit: -1`, `logging`, `restart: "no"`.
"""

from __future__ import annotations

from enum import StrEnum

from insightengine.runtimes.compose.values import Json

PIDS_LIMIT = 1024
# Entrypoints that begin as root take over the data folder and then step down to another user.
STEP_DOWN = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID")
_LOGGING: Json = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}


class Kind(StrEnum):
    SERVER = "server"  # PostgreSQL and the like, from images that others made
    SERVICE = "service"
    JOB = "job"  # runs once and ends


def hardened(service: Json, kind: Kind, *, runs_as_root: bool) -> dict[str, object]:
    """The service of a Compose file with defaults in the places that it leaves open."""
    if service.get("privileged") is True:
        return {"logging": _LOGGING, "pids_limit": PIDS_LIMIT, **service}
    defaults: dict[str, object] = {
        "security_opt": ["no-new-privileges:true"],
        "pids_limit": PIDS_LIMIT,
        "logging": _LOGGING,
    }
    if not service.keys() & {"cap_add", "cap_drop"}:
        defaults["cap_drop"] = ["ALL"]
        if runs_as_root:
            defaults["cap_add"] = list(STEP_DOWN)
    if kind is not Kind.SERVER and "read_only" not in service:
        defaults["read_only"] = True
        if "tmpfs" not in service:
            defaults["tmpfs"] = ["/tmp:mode=1777", "/run:mode=1777"]  # noqa: S108
    if kind is not Kind.JOB:
        defaults["restart"] = "unless-stopped"
    return {**defaults, **service}


def is_root(user: str) -> bool:
    """Whether an image's (or a service's) user is root; images without one are."""
    return user.partition(":")[0] in ("", "0", "root")
