"""What the file says about releases, read into a policy, or a problem with its place."""

from __future__ import annotations

import textwrap

import pytest

from insightengine.application.load import load_application
from insightengine.application.model import Application, Health
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
from insightengine.core.errors import InvalidInputError, render_error


def read(text: str) -> Application:
    return load_application(textwrap.dedent(text), "compose.yaml", {})


def policy(text: str) -> ReleasePolicy:
    body = textwrap.indent(textwrap.dedent(text), "    ")
    return read(f"services: {{web: {{image: a}}}}\nx-insight:\n  release:\n{body}").release


def test_a_file_that_says_nothing_gets_the_defaults() -> None:
    assert read("services: {web: {image: a}}").release == ReleasePolicy()


EVERY_KEY = """\
        rollback_window: 1h
        drain_timeout: 5s
        watch: 10s
        watch_limit: 1m
        warm_up: 2s
        on_inconclusive: roll-back
        gates:
          error_increase: 0.02
          p95_ratio: 1.5
          p95_floor: 20ms
          most_errors: 0.2
          slowest_p95: 800ms
          least_requests: 200
          most_restarts: 1
          memory_ratio: 3
          metrics:
            - {name: queue.length, at_most: 100}
        canary: [5, 50]
        canary_step: 30s
        hooks:
          before-build: ./check.sh --strict
          after-switch: [[./warm.sh], [./tell.sh, "it serves"]]
        tests: ./end-to-end.sh
        notify: ["https://example.org/hook"]
        approval: another
        lint: refuse
        keep: 3
        keep_for: 24h
"""


def test_every_key_of_a_release_reaches_the_policy() -> None:
    assert policy(EVERY_KEY) == ReleasePolicy(
        rollback_window_s=3600,
        drain_timeout_s=5,
        watch_s=10,
        watch_limit_s=60,
        warm_up_s=2,
        on_inconclusive=OnInconclusive.ROLL_BACK,
        gates=GateLimits(
            error_increase=0.02,
            p95_ratio=1.5,
            p95_floor_s=0.02,
            most_errors=0.2,
            slowest_p95_s=0.8,
            least_requests=200,
            most_restarts=1,
            memory_ratio=3,
            metrics=(MetricGate("queue.length", 100),),
        ),
        canary=(5, 50),
        canary_step_s=30,
        hooks={
            Hook.BEFORE_BUILD: (("./check.sh", "--strict"),),
            Hook.AFTER_SWITCH: (("./warm.sh",), ("./tell.sh", "it serves")),
        },
        tests=(("./end-to-end.sh",),),
        notify=("https://example.org/hook",),
        approval=Approval.ANOTHER,
        lint=Lint.REFUSE,
        keep=3,
        keep_s=86400,
    )


def test_a_service_says_how_it_is_checked_and_migrated() -> None:
    [web] = read(
        """\
        services:
          web:
            image: a
            x-insight:
              health: {path: /up, successes: 3}
              smoke:
                - /
                - path: /api/orders
                  method: POST
                  status: 201
                  headers: {X-Test: "1"}
                  body: "{}"
                  contains: created
                  within: 300ms
              migrations: {alembic: alembic.ini, lock_timeout: 1s, attempts: 2}
        """
    ).services
    assert web.health == Health("/up", successes=3)
    assert web.smoke == (
        SmokeRequest("/"),
        SmokeRequest("/api/orders", "POST", 201, {"X-Test": "1"}, "{}", "created", 0.3),
    )
    assert web.migrations == Migrations(
        MigrationKind.ALEMBIC, "alembic.ini", lock_timeout_s=1, attempts=2
    )


def test_another_tool_migrates_by_its_commands() -> None:
    [web] = read(
        """\
        services:
          web:
            image: a
            x-insight:
              migrations:
                command: python manage.py migrate
                sql_of: [python, manage.py, sqlmigrate]
        """
    ).services
    assert web.migrations == Migrations(
        MigrationKind.COMMAND,
        up=("python", "manage.py", "migrate"),
        sql=("python", "manage.py", "sqlmigrate"),
    )


WRONG = {
    "canary: [50, 5]": "allowed is percentages that grow",
    "canary: [100]": "allowed is a percentage from 1 to 99",
    "watch: 10s\nwatch_limit: 5s": "allowed is at least `watch`, which is 10s",
    "approval: everybody": "did you mean `anybody`?",
    "gates: {error_increase: 5}": "allowed is a number from 0 to 1",
    "gates: {metrics: [{name: a}]}": "`at_most` is missing",
    "hooks: {before-boot: a}": "unknown key",
    "notify: [file:///etc/passwd]": "allowed is an address such as https://",
    "keep: 0": "allowed is a whole number from 1 to 1000",
    "tests: ['']": "release.tests[0]: found",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_cannot_be_meant_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        policy(text)
    shown = render_error(caught.value)
    assert "compose.yaml:" in shown
    assert WRONG[text] in shown


WRONG_SERVICE = {
    "smoke: [up]": "allowed is a path such as /up",
    "smoke: [{method: GET}]": "`path` is missing",
    "migrations: {alembic: a, sql: b}": "found 2 of `alembic`, `sql` and `command`",
    "migrations: {sql: b, down: c}": "goes with `command` only",
    "migrations: {sql: b, database: nowhere}": "'nowhere' names no service",
    "migrations: {sql: b}": "is missing: there are 2 databases",
    "health: {path: /, successes: 0}": "allowed is a whole number from 1 to 100",
}


@pytest.mark.parametrize("text", WRONG_SERVICE)
def test_what_a_service_cannot_mean_is_refused(text: str) -> None:
    others = "one: {image: postgres}, other: {image: postgres}"
    with pytest.raises(InvalidInputError) as caught:
        read(f"services: {{{others}, web: {{image: a, x-insight: {{{text}}}}}}}")
    assert WRONG_SERVICE[text] in render_error(caught.value)
