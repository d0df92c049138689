"""Applications that nobody visits: there is nothing to switch, and that is said at once."""

from __future__ import annotations

import pytest

from tests.docker.engine import Engine
from tests.scenarios.release.ground import ground

pytestmark = pytest.mark.timeout(120)
WORKER = """
name: tiny
services:
  worker:
    image: python:3.12
    command: ["python3", "-c", "import time; time.sleep(3600)"]
    x-insight: {local: {command: "python3 -c 'import time; time.sleep(3600)'"}}
"""
DATABASE = "name: tiny\nservices:\n  postgres:\n    image: postgres:18\n"


@pytest.mark.parametrize("text", [WORKER, DATABASE], ids=["worker", "database"])
def test_what_nobody_can_be_switched_to_is_refused_with_what_to_do(
    engine: Engine | None, text: str
) -> None:
    with ground(engine=engine) as one:
        (one.folder / "compose.yaml").write_text(text, encoding="utf-8")
        operation = one.deploy(quick=True)
        assert operation.state == "failed", one.story(operation)
        assert "no service that a release could switch to" in operation.summary
        assert one.strays() == []
