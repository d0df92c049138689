"""Every key that is known, in one table: the reader checks against it, the reference is made of it.

Names of the Compose Specification. `USED` keys reach the model; `ACCEPTED` ones are valid, are
left to `docker compose`, and do nothing on the local runtime; `REFUSED` ones would change what the
application is, and reading on without them would run something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one place in the file. Keys that begin with `x-` are free everywhere."""

    used: frozenset[str]
    accepted: frozenset[str] = frozenset()
    refused: Mapping[str, str] | None = None  # key → what to do instead

    @property
    def known(self) -> frozenset[str]:
        return self.used | self.accepted | frozenset(self.refused or ())


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FLATTEN = "write the result of `docker compose config` to a file, and use that one"

TOP = Keys(
    used=_words("name services networks volumes secrets configs x-insight"),
    accepted=_words("version models"),
    refused={"include": _FLATTEN},
)
SERVICE = Keys(
    used=_words(
        "build command configs depends_on deploy entrypoint env_file environment expose "
        "healthcheck image networks ports profiles restart scale secrets stop_grace_period "
        "stop_signal volumes working_dir x-insight"
    ),
    accepted=_words(
        "annotations attach blkio_config cap_add cap_drop cgroup cgroup_parent container_name "
        "cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus "
        "cpuset credential_spec develop device_cgroup_rules devices dns dns_opt dns_search "
        "domainname driver_opts external_links extra_hosts gpus group_add hostname init ipc "
        "isolation label_file labels links logging mac_address mem_limit mem_reservation "
        "mem_swappiness memswap_limit models network_mode oom_kill_disable oom_score_adj pid "
        "pids_limit platform post_start pre_start pre_stop privileged pull_policy "
        "pull_refresh_after read_only runtime security_opt shm_size stdin_open storage_opt "
        "sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volumes_from"
    ),
    refused={"extends": _FLATTEN, "provider": "name an image, a build or x-insight.local.command"},
)
BUILD = Keys(
    used=_words("context dockerfile target args"),
    accepted=_words(
        "additional_contexts cache_from cache_to dockerfile_inline entitlements extra_hosts "
        "isolation labels network no_cache no_cache_filter platforms privileged provenance pull "
        "sbom secrets shm_size ssh tags ulimits"
    ),
)
DEPENDENCY = Keys(used=_words("condition required restart"))
DEPLOY = Keys(
    used=_words("replicas"),
    accepted=_words(
        "endpoint_mode labels mode placement resources restart_policy rollback_config update_config"
    ),
)
ENV_FILE = Keys(used=_words("path required"), accepted=_words("format"))
HEALTHCHECK = Keys(
    used=_words("test disable interval timeout retries start_period"),
    accepted=_words("start_interval"),
)
PORT = Keys(
    used=_words("target published host_ip protocol"), accepted=_words("name app_protocol mode")
)
MOUNT = Keys(
    used=_words("type source target read_only"),
    accepted=_words("bind cluster consistency image tmpfs volume"),
)
GRANT = Keys(used=_words("source"), accepted=_words("gid mode target uid"))


@dataclass(frozen=True, slots=True)
class Described:
    """A key of `x-insight`: its form, its default and what it means, for the reference."""

    form: str
    default: str
    meaning: str


INSIGHT: Mapping[str, Described] = {
    "colours": Described(
        "`true` or `false`",
        "`true` for a service with a published port or with `health`",
        "Whether releases of this service switch between two colours, blue and green.",
    ),
    "health": Described(
        "mapping", "ready while its process runs", "How to ask the service whether it can serve."
    ),
    "local": Described("mapping", "", "How the service runs without Docker."),
    "routes": Described(
        "list of path patterns",
        "parts of a path that look like ids become `:id`",
        "Names of routes in the access log, such as `/products/{slug}`.",
    ),
}
INSIGHT_HEALTH: Mapping[str, Described] = {
    "path": Described("path", "required", "A GET of it is answered with 200 by a healthy service."),
    "port": Described(
        "1 to 65535",
        "the first port in `ports` or `expose`",
        "The container's port that is asked; the local runtime asks the one it assigned.",
    ),
    "interval": Described("duration", "`2s`", "Time between two checks."),
    "timeout": Described("duration", "`2s`", "Time after which a check counts as failed."),
    "deadline": Described("duration", "`60s`", "Time that a start may take."),
}
INSIGHT_LOCAL: Mapping[str, Described] = {
    "command": Described("text or list", "required", "The command; no shell is involved."),
    "working_dir": Described(
        "path", "the Compose file's folder", "Where it runs, relative to the Compose file."
    ),
    "prepare": Described(
        "list of commands", "none", "Run to success before each start, such as migrations."
    ),
    "environment": Described(
        "mapping or list", "none", "Added to `environment` of the service; wins over it."
    ),
}


def names(table: Mapping[str, Described]) -> Keys:
    return Keys(used=frozenset(table))
