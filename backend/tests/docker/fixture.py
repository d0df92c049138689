"""`docker_engine`: one engine for a test session, started when the first test asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.docker.engine import REQUIRED, Engine, UnusableError, engine


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[Engine]:
    try:
        with engine() as running:
            yield running
    except UnusableError as error:
        if REQUIRED:
            pytest.fail(f"INSIGHT_REQUIRE_DOCKER=1, but: {error}")
        pytest.skip(f"no Docker: {error}")
