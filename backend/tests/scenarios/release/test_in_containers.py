"""What only containers could get wrong: two environments on one engine, files that are mounted."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from insightengine.core.colours import Colour
from insightengine.core.errors import ConflictError
from insightengine.wiring.promotion import Promotion, ask_promotion, prepare_promotion
from tests.docker.engine import Engine
from tests.scenarios.release.ground import QUICK, Ground, ground
from tests.scenarios.release.load import load_on

pytestmark = pytest.mark.timeout(300)
MOUNTED = """
secrets: {token: {file: ./token}}
configs: {rules: {file: ./rules.txt}}
"""


def prepared(staging: Ground, production: Ground) -> Promotion:
    """Once the watcher has told of the containers that serve in staging."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return prepare_promotion(staging.context, production.context)
        except ConflictError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_two_environments_stand_side_by_side_and_the_tested_image_is_promoted(
    docker_engine: Engine,
) -> None:
    with ExitStack() as stack:
        staging = stack.enter_context(ground(QUICK, docker_engine, "staging"))
        production = stack.enter_context(ground(QUICK, docker_engine, "production"))
        for one, version in ((production, "1"), (staging, "2")):
            operation = one.deploy(quick=True, version=version)
            assert operation.state == "done", one.story(operation)
        assert (staging.version(), production.version()) == ("2", "1")

        (production.folder / ".env").write_text(
            f"TINY_PORT={production.port}\nBASE_PYTHON={production.base}\n"
        )
        promotion = prepared(staging, production)
        (staging.folder / "behaviour.json").write_text('{"version": "never tested"}')
        asked = ask_promotion(production.context, promotion, "ada")
        with load_on(production.port) as load:
            production.service.work()
        done = production.means.journal.operation(asked.id)
        assert done.state == "done", production.story(done)
        assert (staging.version(), production.version()) == ("2", "2")
        assert load.failures == []
        steps = [e.step for e in production.means.journal.entries(asked.id)]
        assert "build:web" in steps
        assert "is taken over" in production.story(done), "it was built a second time"
        stored = production.means.journal.release("tiny", done.release or "")
        tested = staging.means.journal.release("tiny", promotion.release)
        assert stored.content["artefacts"] == tested.content["artefacts"]


def mounted(one: Ground, service: str, colour: Colour | None, path: str) -> str:
    """What a container of the service reads there."""
    assert one.engine is not None
    [found] = [
        i.name
        for i in one.means.runtime.containers("tiny")  # type: ignore[attr-defined]
        if i.instance and i.instance.service == service and i.instance.colour is colour
    ]
    return one.engine.docker("exec", found, "cat", path)


def test_a_rollback_brings_back_the_secrets_and_configs_of_its_release(
    docker_engine: Engine,
) -> None:
    with ground(QUICK, docker_engine) as one:
        one.rewrite("services:\n", MOUNTED.strip() + "\n\nservices:\n")
        one.rewrite("  web:\n", "  web:\n    secrets: [token]\n    configs: [rules]\n")
        one.rewrite("  worker:\n", "  worker:\n    secrets: [token]\n")

        def deploy(number: str) -> str:
            for name in ("token", "rules.txt"):
                (one.folder / name).write_text(f"{name} {number}")
            operation = one.deploy(quick=True, version=number)
            assert operation.state == "done", one.story(operation)
            return operation.release or ""

        first = deploy("1")
        deploy("2")
        deploy("3")  # so that the first no longer runs and has to be started
        serving = one.means.edge.selection("tiny").colour
        assert mounted(one, "web", serving, "/run/secrets/token") == "token 3"
        operation = one.roll_back(first)
        assert operation.state == "done", one.story(operation)
        serving = one.means.edge.selection("tiny").colour
        assert mounted(one, "web", serving, "/run/secrets/token") == "token 1"
        assert mounted(one, "web", serving, "/rules") == "rules.txt 1"
        assert mounted(one, "worker", None, "/run/secrets/token") == "token 1"

        one.rewrite("release:", "release:\n    keep: 1\n    keep_for: 1ms")
        deploy("4")
        kept = one.means.journal.releases("tiny")
        assert len(kept) == 2, "the serving one and its rollback target"
        versions = {v for release in kept for v in release.content["secrets"].values()}  # type: ignore[attr-defined]
        files = one.context.state.compose / "tiny/files"
        assert {path.name for path in files.iterdir()} == versions
