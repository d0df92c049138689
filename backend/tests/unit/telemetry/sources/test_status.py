from __future__ import annotations

import json

from insightengine.telemetry.schema import OWN_NAMESPACE
from insightengine.telemetry.sources.status import parse_snapshot, resource_of

SNAPSHOT = parse_snapshot(
    json.dumps(
        {
            "application": {"name": "shop"},
            "supervisor": {"pid": 2},
            "processes": [
                {"name": "edge", "pid": 3, "labels": {"service": "edge", "kind": "platform"}},
                {"name": "web.blue", "pid": 4, "labels": {"service": "web", "kind": "application"}},
            ],
        }
    )
)


def namespace(name: str) -> str | None:
    return resource_of(SNAPSHOT.process(name), "host").get("service.namespace")


def test_an_applications_processes_carry_its_name() -> None:
    assert namespace("web.blue") == "shop"


def test_the_platforms_own_processes_and_their_parts_are_marked_as_such() -> None:
    assert namespace("edge") == OWN_NAMESPACE
    assert namespace("edge.access") == OWN_NAMESPACE
    assert namespace("supervisor") == OWN_NAMESPACE


def test_a_process_that_nobody_knows_belongs_to_nobody() -> None:
    assert namespace("stranger") is None
