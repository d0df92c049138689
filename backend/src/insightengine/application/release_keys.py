"""Reads `x-insight.release` of the file, and `smoke` and `migrations` of a service."""

from __future__ import annotations

import re
from collections.abc import Mapping

from insightengine.application.keys import (
    INSIGHT_MIGRATIONS,
    INSIGHT_SMOKE,
    RELEASE,
    RELEASE_GATES,
    RELEASE_HOOKS,
    RELEASE_METRIC,
    names,
)
from insightengine.application.policy import (
    Approval,
    GateLimits,
    Hook,
    Lint,
    MetricGate,
    MigrationKind,
    Migrations,
    OnInconclusive,
    ReleasePolicy,
    SmokeRequest,
)
from insightengine.application.reading import Cursor, Given

PATH = re.compile(r"/[!-~]{0,1000}")
_URL = re.compile(r"https?://[!-~]{1,1000}")
_METHOD = re.compile(r"[A-Z]{3,10}")
_RULE = re.compile(r"[a-z][a-z-]{2,60}")
_MOST_METRIC = 1e15


def release_policy(cursor: Cursor) -> ReleasePolicy:
    given = Given(cursor.keys(names(RELEASE)))
    default = ReleasePolicy()
    policy = ReleasePolicy(
        rollback_window_s=given.read("rollback_window", Cursor.seconds, default.rollback_window_s),
        drain_timeout_s=given.read("drain_timeout", Cursor.seconds, default.drain_timeout_s),
        watch_s=given.read("watch", Cursor.seconds, default.watch_s),
        watch_limit_s=given.read("watch_limit", Cursor.seconds, default.watch_limit_s),
        warm_up_s=given.read("warm_up", Cursor.seconds, default.warm_up_s),
        on_inconclusive=given.read(
            "on_inconclusive", lambda found: found.choice(OnInconclusive), default.on_inconclusive
        ),
        gates=given.read("gates", _gates, default.gates),
        canary=given.read("canary", _canary, ()),
        canary_step_s=given.read("canary_step", Cursor.seconds, default.canary_step_s),
        hooks=given.read("hooks", _hooks, {}),
        tests=given.read("tests", _commands, ()),
        notify=given.read("notify", _urls, ()),
        approval=given.read("approval", lambda found: found.choice(Approval), default.approval),
        lint=given.read("lint", lambda found: found.choice(Lint), default.lint),
        keep=given.read("keep", lambda found: found.integer(1, 1000), default.keep),
        keep_s=given.read("keep_for", Cursor.seconds, default.keep_s),
    )
    if policy.watch_limit_s < policy.watch_s and "watch_limit" in given.keys:
        given.keys["watch_limit"].wrong(f"at least `watch`, which is {policy.watch_s:g}s")
    return policy


def _gates(cursor: Cursor) -> GateLimits:
    given = Given(cursor.keys(names(RELEASE_GATES)))
    default = GateLimits()
    return GateLimits(
        error_increase=given.read("error_increase", _share, default.error_increase),
        p95_ratio=given.read("p95_ratio", lambda c: c.number(1.0, 100.0), default.p95_ratio),
        p95_floor_s=given.read("p95_floor", Cursor.seconds, default.p95_floor_s),
        most_errors=given.read("most_errors", _share, default.most_errors),
        slowest_p95_s=given.maybe("slowest_p95", Cursor.seconds),
        least_requests=given.read(
            "least_requests", lambda c: c.integer(10, 1_000_000), default.least_requests
        ),
        most_restarts=given.read("most_restarts", lambda c: c.integer(0, 1000), 0),
        memory_ratio=given.read("memory_ratio", lambda c: c.number(1.0, 100.0), 2.0),
        metrics=given.read("metrics", _metrics, ()),
    )


def _share(cursor: Cursor) -> float | None:
    return cursor.number(0.0, 1.0)


def _metrics(cursor: Cursor) -> tuple[MetricGate, ...]:
    found: list[MetricGate] = []
    for item in cursor.items("a list of metrics"):
        keys = item.keys(names(RELEASE_METRIC))
        missing = [key for key in RELEASE_METRIC if key not in keys]
        if missing:
            item.fail(f"`{missing[0]}` is missing", "name: NAME and at_most: NUMBER")
            continue
        name = keys["name"].text("a metric's name")
        most = keys["at_most"].number(-_MOST_METRIC, _MOST_METRIC)
        if name is not None and most is not None:
            found.append(MetricGate(name, most))
    return tuple(found)


def _canary(cursor: Cursor) -> tuple[int, ...]:
    shares = [item.integer(1, 99, "a percentage") for item in cursor.items("a list of percentages")]
    known = tuple(share for share in shares if share is not None)
    if list(known) != sorted(set(known)):
        cursor.wrong("percentages that grow, such as [5, 25, 50]")
    return known


def _hooks(cursor: Cursor) -> Mapping[Hook, tuple[tuple[str, ...], ...]]:
    keys = cursor.keys(names(RELEASE_HOOKS))
    return {hook: _commands(keys[hook.value]) for hook in Hook if hook.value in keys}


def _commands(cursor: Cursor) -> tuple[tuple[str, ...], ...]:
    """A list of commands, or a single one as a text."""
    items = cursor.items() if cursor.is_list else [cursor]
    found = [(item, item.words()) for item in items]
    for item, words in found:
        if words == ():
            item.wrong("a command")
    return tuple(words for _, words in found if words)


def _urls(cursor: Cursor) -> tuple[str, ...]:
    for item in cursor.items("a list of addresses"):
        if not _URL.fullmatch(item.text("an address") or "https://x"):
            item.wrong("an address such as https://example.org/hook")
    return cursor.texts()


def smoke_requests(cursor: Cursor) -> tuple[SmokeRequest, ...]:
    read = [_smoke(item) for item in cursor.items("a list of paths or requests")]
    return tuple(request for request in read if request is not None)


def _smoke(cursor: Cursor) -> SmokeRequest | None:
    if not cursor.is_table:
        path = _path(cursor)
        return SmokeRequest(path) if path else None
    given = Given(cursor.keys(names(INSIGHT_SMOKE)))
    if "path" not in given.keys:
        cursor.fail("`path` is missing", "add the path to ask for, such as path: /")
        return None
    path = _path(given.keys["path"])
    method = given.read("method", Cursor.text, "GET")
    if not _METHOD.fullmatch(method):
        given.keys["method"].wrong("a method such as GET or POST")
    return SmokeRequest(
        path=path or "/",
        method=method,
        status=given.read("status", lambda c: c.integer(100, 599, "a status"), None),
        headers=given.read("headers", Cursor.headers, {}),
        body=given.read("body", Cursor.text, None),
        contains=given.read("contains", Cursor.text, None),
        within_s=given.read("within", lambda c: c.seconds(0.001), SmokeRequest("/").within_s),
    )


def _path(cursor: Cursor) -> str | None:
    path = cursor.text("a path such as /up")
    if path is not None and not PATH.fullmatch(path):
        cursor.wrong("a path such as /up, without spaces")
        return None
    return path


def migrations(cursor: Cursor) -> Migrations | None:
    given = Given(cursor.keys(names(INSIGHT_MIGRATIONS)))
    kinds = [kind for kind in MigrationKind if kind.value in given.keys]
    if len(kinds) != 1:
        if cursor.is_table:
            cursor.fail(f"found {len(kinds)} of `alembic`, `sql` and `command`, allowed is one")
        return None
    kind = kinds[0]
    default = Migrations(kind)
    main = given.keys[kind.value]
    for only in ("down", "sql_of"):
        if only in given.keys and kind is not MigrationKind.COMMAND:
            given.keys[only].fail("goes with `command` only")
    return Migrations(
        kind=kind,
        source=(main.text("a path") or "") if kind is not MigrationKind.COMMAND else "",
        database=given.read("database", Cursor.text, None),
        up=(main.words() or ()) if kind is MigrationKind.COMMAND else (),
        down=given.read("down", Cursor.words, ()),
        sql=given.read("sql_of", Cursor.words, ()),
        lock_timeout_s=given.read("lock_timeout", _short, default.lock_timeout_s),
        statement_timeout_s=given.read("statement_timeout", _short, default.statement_timeout_s),
        attempts=given.read("attempts", lambda c: c.integer(1, 100), default.attempts),
        timeout_s=given.read("timeout", _short, default.timeout_s),
        allow=given.read("allow", _rules, ()),
    )


def _short(cursor: Cursor) -> float | None:
    return cursor.seconds(0.001)


def _rules(cursor: Cursor) -> tuple[str, ...]:
    for item in cursor.items("a list of rules"):
        if not _RULE.fullmatch(item.text("a rule") or "rule"):
            item.wrong("a rule such as require-concurrent-index-creation")
    return cursor.texts()
