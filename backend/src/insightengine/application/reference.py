"""The reference page of all keys, made of the tables that the reader checks against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from insightengine.application.backup_reading import (
    BACKUP,
    OBJECTIVES,
    RETENTION,
    TO,
    VERIFY,
    WAL,
)
from insightengine.application.images import supplied_names
from insightengine.application.keys import (
    INSIGHT,
    INSIGHT_HEALTH,
    INSIGHT_LOCAL,
    INSIGHT_MIGRATIONS,
    INSIGHT_SMOKE,
    INSIGHT_TOP,
    RELEASE,
    RELEASE_GATES,
    RELEASE_HOOKS,
    RELEASE_METRIC,
    SERVICE,
    TOP,
    Described,
)
from insightengine.application.placeholders import OF_OTHERS, OWN

_HEAD = """# The Compose file

An application is a file of the [Compose Specification](https://compose-spec.io). What Compose
cannot say stands under `x-insight`, which `docker compose` ignores. Variables (`$NAME`,
`${NAME:-default}`, `${NAME:?message}`, `${NAME:+other}`, `$$` for a dollar) come from `.env` and
the environment; the environment wins. `INSIGHT_PUBLIC_PORT` is there without being set: a port of
the platform that is kept free, so that `"${INSIGHT_PUBLIC_PORT:-8080}:80"` moves with
`--base-port` and from environment to environment. Anchors, aliases and merge keys (`<<`) work.
Durations are written `500ms`, `10s` or `1m30s`.
"""
_SUPPLIED = """## Services that the platform supplies

Without Docker these are not started from their image; the platform's own server is used. The
image's name decides, whatever its registry and tag, unless the service has `build` or
`x-insight.local`:
"""
_PLACEHOLDERS = """### Placeholders

In the texts of `x-insight.local`, for what the machine decides. Those that hold a secret
(`password`, and `url` of a supplied PostgreSQL, Valkey or ClickHouse) are allowed in `environment`
only. `{{` and `}}` are braces.
"""
_BACKUP = """### `backup`

Sizes are written `50MB` or `4GiB`, schedules as in cron (`30 2 * * sun`, `@daily`), in UTC. A run
that was missed because the machine was off is made up once. `backup: false` takes none. Access
keys of a bucket never stand in the file: `insight backup credentials` keeps them.
"""
_COMPOSE = """## Keys of the Compose Specification

Used keys reach the model. Accepted keys are valid, are left to `docker compose`, and do nothing
without Docker. Any other key is an error, except those that begin with `x-`.
"""


def compose_reference() -> str:
    """The page in Markdown."""
    parts = [
        _HEAD,
        "## `services.NAME.x-insight`\n",
        _table(INSIGHT),
        "### `health`\n",
        _table(INSIGHT_HEALTH),
        "### `local`\n",
        _table(INSIGHT_LOCAL),
        "### `smoke`\n",
        _table(INSIGHT_SMOKE),
        "### `migrations`\n",
        _table(INSIGHT_MIGRATIONS),
        _PLACEHOLDERS,
        _placeholders(),
        "## `x-insight` at the top of the file\n",
        _table(INSIGHT_TOP),
        "### `release`\n",
        _table(RELEASE),
        "### `release.gates`\n",
        _table(RELEASE_GATES),
        "### `release.gates.metrics`\n",
        _table(RELEASE_METRIC),
        "### `release.hooks`\n",
        _table(RELEASE_HOOKS),
        *_backup(),
        _SUPPLIED,
        _supplied(),
        _COMPOSE,
        _compose_keys(),
    ]
    return "\n".join(parts)


def _backup() -> Iterable[str]:
    yield _BACKUP
    yield _table(BACKUP)
    tables = {"to[]": TO, "retention": RETENTION, "wal": WAL, "verify": VERIFY}
    for name, table in tables.items():
        yield f"### `backup.{name}`\n"
        yield _table(table)
    yield "### `objectives`\n"
    yield _table(OBJECTIVES)


def _table(keys: Mapping[str, Described]) -> str:
    rows = [
        f"| `{name}` | {key.form} | {key.default or 'none'} | {key.meaning} |"
        for name, key in keys.items()
    ]
    return _rows(["key", "form", "default", "meaning"], rows)


def _placeholders() -> str:
    own = [f"| `{{{name}}}` | {meaning} |" for name, meaning in OWN.items()]
    others = [f"| `{{SERVICE.{name}}}` | {meaning} |" for name, meaning in OF_OTHERS.items()]
    return _rows(["placeholder", "stands for"], own + others)


def _supplied() -> str:
    names = supplied_names()
    rows = [f"| {kind} | {_list(of_kind)} |" for kind, of_kind in names.items()]
    return _rows(["supplied", "images named"], rows)


def _compose_keys() -> str:
    rows = []
    for place, keys in (("top of the file", TOP), ("service", SERVICE)):
        rows += [
            f"| {place} | used | {_list(sorted(keys.used))} |",
            f"| {place} | accepted | {_list(sorted(keys.accepted))} |",
            f"| {place} | not supported | {_list(sorted(keys.refused or ()))} |",
        ]
    return _rows(["place", "keys are", "names"], rows)


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _rows(head: list[str], rows: list[str]) -> str:
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows, ""])
