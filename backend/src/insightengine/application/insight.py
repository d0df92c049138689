"""`x-insight` of a service."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from insightengine.application.keys import INSIGHT, INSIGHT_HEALTH, INSIGHT_LOCAL, names
from insightengine.application.model import Health, LocalRun
from insightengine.application.policy import Migrations, SmokeRequest
from insightengine.application.ports import HIGHEST
from insightengine.application.reading import Cursor
from insightengine.application.release_keys import PATH, migrations, smoke_requests

_ROUTE = re.compile(r"/|(/([A-Za-z0-9_.~-]+|\{[a-z_][a-z0-9_]*\}))+/?")
_SHORTEST_CHECK_S = 0.1


@dataclass(frozen=True, slots=True)
class Insight:
    """What was given; `colours` is None where the default holds."""

    colours: bool | None = None
    health: Health | None = None
    local: LocalRun | None = None
    routes: tuple[str, ...] = ()
    smoke: tuple[SmokeRequest, ...] = ()
    migrations: Migrations | None = None


def insight(cursor: Cursor, variables: Mapping[str, str]) -> Insight:
    keys = cursor.keys(names(INSIGHT))
    return Insight(
        colours=keys["colours"].boolean() if "colours" in keys else None,
        health=_health(keys["health"]) if "health" in keys else None,
        local=_local(keys["local"], variables) if "local" in keys else None,
        routes=_routes(keys["routes"]) if "routes" in keys else (),
        smoke=smoke_requests(keys["smoke"]) if "smoke" in keys else (),
        migrations=migrations(keys["migrations"]) if "migrations" in keys else None,
    )


def _health(cursor: Cursor) -> Health | None:
    keys = cursor.keys(names(INSIGHT_HEALTH))
    if "path" not in keys:
        if cursor.is_table:
            cursor.fail("`path` is missing", "add the path that answers 200, such as path: /up")
        return None
    path = keys["path"].text("a path such as /up")
    if path is not None and not PATH.fullmatch(path):
        keys["path"].wrong("a path such as /up, without spaces")
        path = None
    default = Health(path or "/")
    return Health(
        path=default.path,
        port=keys["port"].integer(1, HIGHEST, "a port") if "port" in keys else None,
        interval_s=_seconds(keys, "interval", default.interval_s),
        timeout_s=_seconds(keys, "timeout", default.timeout_s),
        deadline_s=_seconds(keys, "deadline", default.deadline_s),
        successes=(keys["successes"].integer(1, 100) or 1) if "successes" in keys else 1,
    )


def _seconds(keys: Mapping[str, Cursor], name: str, default: float) -> float:
    found = keys[name].seconds(_SHORTEST_CHECK_S) if name in keys else None
    return default if found is None else found


def _local(cursor: Cursor, variables: Mapping[str, str]) -> LocalRun | None:
    keys = cursor.keys(names(INSIGHT_LOCAL))
    if "command" not in keys:
        if cursor.is_table:
            cursor.fail("`command` is missing", "add the command that starts the service")
        return None
    command = keys["command"].words()
    if command is not None and not any(command):
        keys["command"].wrong("a command")
    return LocalRun(
        command=command or (),
        working_dir=keys["working_dir"].text("a path") if "working_dir" in keys else None,
        prepare=_commands(keys["prepare"]) if "prepare" in keys else (),
        build=_commands(keys["build"]) if "build" in keys else (),
        environment=keys["environment"].variables(variables) if "environment" in keys else {},
    )


def _commands(cursor: Cursor) -> tuple[tuple[str, ...], ...]:
    found = [(item, item.words()) for item in cursor.items("a list of commands")]
    for item, words in found:
        if words == ():
            item.wrong("a command")
    return tuple(words for _, words in found if words)


def _routes(cursor: Cursor) -> tuple[str, ...]:
    found: list[str] = []
    for item in cursor.items("a list of path patterns"):
        text = item.text("a path pattern")
        if text is not None and not _ROUTE.fullmatch(text):
            item.wrong("a path pattern such as /products/{slug}")
        elif text is not None:
            found.append(text)
    return tuple(found)
