"""What may go on to the next environment, and what is told to be different there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from insightengine.application.load import Overlay, load_application
from insightengine.application.model import Application
from insightengine.release.promotion import Standing, built_otherwise, differences, why_not

GOOD = Standing(
    "staging", "7f3a", "7f3a", "done", frozenset({"health", "tests"}), has_tests=True, instances=2
)
BASE = """\
services:
  web:
    build: {context: ., args: {LEVEL: one}}
    ports: ["4301:8000"]
    environment: {TOKEN: "${TOKEN:-none}"}
    x-insight: {health: {path: /up}}
x-insight: {release: {watch: 30s}}
"""


def application(overlay: str = "{}", **variables: str) -> Application:
    return load_application(BASE, "compose.yaml", variables, Overlay(overlay, "over.yaml"))


def test_a_release_that_was_tested_and_is_well_may_go_on() -> None:
    assert why_not(GOOD) is None


def test_a_release_without_tests_of_its_own_may_go_on() -> None:
    assert why_not(replace(GOOD, has_tests=False, done=frozenset({"health"}))) is None


@pytest.mark.parametrize(
    ("standing", "told"),
    [
        (replace(GOOD, serving="51bc"), "does not serve; 51bc does"),
        (replace(GOOD, serving=None), "does not serve; nothing does"),
        (replace(GOOD, state="failed"), "was not released to its end: failed"),
        (replace(GOOD, state=None), "was not released to its end: never"),
        (replace(GOOD, state="held"), "was not released to its end: held"),
        (replace(GOOD, done=frozenset({"health"})), "the tests of release 7f3a"),
        (replace(GOOD, failing=1), "1 of 2 processes of release 7f3a in staging are well"),
        (replace(GOOD, instances=0), "0 of 0 processes"),
        (replace(GOOD, under_way=True), "staging is being changed"),
    ],
)
def test_what_was_not_proved_does_not_go_on(standing: Standing, told: str) -> None:
    refused = why_not(standing)
    assert refused is not None
    assert told in refused.message
    assert refused.message.startswith("nothing was promoted: ")


def test_differences_name_the_key_and_both_values() -> None:
    found = differences(application(), application("x-insight: {release: {watch: 10s}}"))
    assert list(map(str, found)) == ['x-insight.release.watch: "30s" → "10s"']


def test_values_of_the_environment_are_never_shown() -> None:
    found = differences(application(), application(TOKEN="hunter2"))
    assert list(map(str, found)) == ["services.web.environment.TOKEN differs"]
    assert "hunter2" not in repr(found)


def test_a_key_that_only_one_has_is_told() -> None:
    found = differences(application(), application("x-insight: {release: {approval: another}}"))
    assert list(map(str, found)) == ['x-insight.release.approval: not given → "another"']


def test_another_build_is_noticed_also_by_its_arguments() -> None:
    other = application("services: {web: {build: {args: {LEVEL: two}}}}")
    assert built_otherwise(application(), other) == "services.web.build"
    assert built_otherwise(application(), application("x-insight: {release: {watch: 1s}}")) is None
