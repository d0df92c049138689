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
    "migrations": Described(
        "mapping", "none", "How a release brings the schema of its database to its version."
    ),
    "routes": Described(
        "list of path patterns",
        "parts of a path that look like ids become `:id`",
        "Names of routes in the access log, such as `/products/{slug}`.",
    ),
    "smoke": Described(
        "list of paths or mappings",
        "none",
        "Requests that a new version must answer before any visitor reaches it.",
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
    "successes": Described("1 to 100", "`1`", "Checks in a row that must succeed."),
}
INSIGHT_LOCAL: Mapping[str, Described] = {
    "command": Described("text or list", "required", "The command; no shell is involved."),
    "working_dir": Described(
        "path", "the Compose file's folder", "Where it runs, relative to the Compose file."
    ),
    "prepare": Described(
        "list of commands", "none", "Run to success before each start, such as migrations."
    ),
    "build": Described(
        "list of commands",
        "none",
        "Run once in the copied source of each version, such as `uv sync --frozen`.",
    ),
    "environment": Described(
        "mapping or list", "none", "Added to `environment` of the service; wins over it."
    ),
}
INSIGHT_SMOKE: Mapping[str, Described] = {
    "path": Described("path", "required", "What is asked for; the short form is the path alone."),
    "method": Described("text", "`GET`", "Method of the request."),
    "status": Described("100 to 599", "200 to 399", "Status that must come back."),
    "headers": Described("mapping or list", "none", "Headers of the request."),
    "body": Described("text", "none", "Body of the request."),
    "contains": Described("text", "none", "A text that must be in the body that comes back."),
    "within": Described("duration", "`5s`", "Time in which the answer must be complete."),
}
INSIGHT_MIGRATIONS: Mapping[str, Described] = {
    "alembic": Described("path", "", "The `alembic.ini`, relative to the service's source."),
    "sql": Described("path", "", "A folder of `NAME.up.sql` files, each with a `NAME.down.sql`."),
    "command": Described("text or list", "", "Any other tool: the command that migrates."),
    "down": Described("text or list", "none", "With `command`: takes the migration back."),
    "sql_of": Described(
        "text or list", "none", "With `command`: prints the SQL that would run, for the lint."
    ),
    "database": Described(
        "service", "the only supplied PostgreSQL", "The service whose database it is."
    ),
    "lock_timeout": Described("duration", "`2s`", "How long a statement may wait for a lock."),
    "statement_timeout": Described("duration", "`1m`", "How long a statement may run."),
    "attempts": Described("1 to 100", "`5`", "Attempts when a lock was not free in time."),
    "timeout": Described("duration", "`10m`", "How long all migrations together may run."),
    "allow": Described("list of rules", "none", "Rules of the lint whose findings are accepted."),
}
INSIGHT_TOP: Mapping[str, Described] = {
    "release": Described("mapping", "", "How the application is released."),
    "backup": Described(
        "mapping, or `false`", "see below", "What is backed up, when, where to, and for how long."
    ),
    "objectives": Described(
        "mapping", "none", "How much may be lost, how long a restore may take."
    ),
}
RELEASE: Mapping[str, Described] = {
    "rollback_window": Described(
        "duration", "`15m`", "How long the previous version stays warm after a release."
    ),
    "drain_timeout": Described(
        "duration", "`30s`", "How long requests that the previous version began are waited for."
    ),
    "watch": Described("duration", "`30s`", "How long the gates compare after the switch."),
    "watch_limit": Described(
        "duration", "`5m`", "How long they may take when there are too few requests to decide."
    ),
    "warm_up": Described(
        "duration", "`3s`", "Time after a switch in which latency does not count yet."
    ),
    "on_inconclusive": Described(
        "`hold`, `accept` or `roll-back`", "`hold`", "What follows when they could not decide."
    ),
    "gates": Described("mapping", "", "What counts as worse than the previous version."),
    "canary": Described(
        "list of percentages", "none", "Shares of visitors that get the new version before all do."
    ),
    "canary_step": Described("duration", "`1m`", "How long each share is watched."),
    "hooks": Described(
        "mapping", "none", "Commands of yours, run in the folder of the Compose file."
    ),
    "tests": Described(
        "command or list of commands",
        "none",
        "Run against the released version; failing undoes it.",
    ),
    "notify": Described(
        "list of addresses", "none", "Each outcome is sent there as JSON, by POST."
    ),
    "approval": Described(
        "`none`, `anybody` or `another`", "`none`", "Who has to agree to a plan before it runs."
    ),
    "lint": Described(
        "`warn` or `refuse`", "`warn`", "What findings about locks and scans in migrations do."
    ),
    "keep": Described("1 to 1000", "`10`", "Releases kept for a rollback, at least."),
    "keep_for": Described("duration", "`720h`", "Younger releases are kept in any case."),
}
RELEASE_GATES: Mapping[str, Described] = {
    "error_increase": Described("0 to 1", "`0.01`", "Allowed growth of the share of 5xx answers."),
    "p95_ratio": Described("1 to 100", "`1.2`", "Allowed p95, as a multiple of the previous one."),
    "p95_floor": Described("duration", "`5ms`", "Growth of p95 that is never a reason."),
    "most_errors": Described("0 to 1", "`0.1`", "Allowed share of 5xx answers in any case."),
    "slowest_p95": Described("duration", "none", "Allowed p95 in any case."),
    "least_requests": Described("10 to 1000000", "`50`", "Fewer requests decide nothing."),
    "most_restarts": Described("0 to 1000", "`0`", "Allowed restarts of its processes."),
    "memory_ratio": Described(
        "1 to 100", "`2`", "Allowed memory, as a multiple of the previous version's."
    ),
    "metrics": Described("list of mappings", "none", "Any stored metric, with its limit."),
}
RELEASE_METRIC: Mapping[str, Described] = {
    "name": Described("text", "required", "The metric's name."),
    "at_most": Described("number", "required", "What its mean over the watch may reach."),
}
RELEASE_HOOKS: Mapping[str, Described] = {
    "before-build": Described("command or list", "none", "Before anything is built."),
    "before-migrate": Described("command or list", "none", "Before the schema is changed."),
    "before-switch": Described("command or list", "none", "When the new version is proved."),
    "after-switch": Described("command or list", "none", "When it serves."),
    "on-rollback": Described("command or list", "none", "When it was taken back."),
}


def names(table: Mapping[str, Described]) -> Keys:
    return Keys(used=frozenset(table))
