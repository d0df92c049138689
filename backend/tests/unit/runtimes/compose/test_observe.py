"""What `docker inspect` says, as instances."""

from __future__ import annotations

import json
from typing import Any

import pytest

from insightengine.core.colours import Colour
from insightengine.runtimes.compose.observe import containers_from
from insightengine.runtimes.port import Instance, InstanceState

LABELS = {
    "io.insightengine.platform": "insight-1a2b3c4d",
    "io.insightengine.kind": "application",
    "io.insightengine.unit": "shop",
    "io.insightengine.service": "web",
    "io.insightengine.name": "web.blue",
    "io.insightengine.colour": "blue",
    "io.insightengine.release": "r1",
    "io.insightengine.port": "8000",
    "com.docker.compose.project": "shop-blue",
}


def found(policy: str = "unless-stopped", address: str = "10.1.64.0", **state: Any) -> str:
    one = {
        "Id": "4f5e",
        "Name": "/shop-blue-web-blue-1",
        "Config": {"Labels": LABELS},
        "HostConfig": {"RestartPolicy": {"Name": policy}},
        "RestartCount": 3,
        "State": {"Status": "running", "Pid": 42, **state},
        "NetworkSettings": {
            "Networks": {"edge": {"IPAddress": address, "IPAMConfig": {"IPv4Address": "10.1.64.0"}}}
        },
    }
    return json.dumps([one])


def instance(inspected: str) -> Instance | None:
    [container] = containers_from(inspected, "edge")
    return container.instance


def test_a_running_container_is_an_instance_with_its_address() -> None:
    assert instance(found()) == Instance(
        "shop", "web", "web.blue", Colour.BLUE, "r1", InstanceState.RUNNING, "10.1.64.0", 8000, 3
    )


def test_a_stopped_one_keeps_its_fixed_address() -> None:
    told = instance(found(address="", Status="restarting", ExitCode=3))
    assert told is not None
    assert (told.host, told.detail) == ("10.1.64.0", "ended with exit code 3")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"Health": {"Status": "healthy"}}, InstanceState.RUNNING),
        ({"Health": {"Status": "starting"}}, InstanceState.STARTING),
        ({"Health": {"Status": "unhealthy"}}, InstanceState.UNHEALTHY),
        ({"Status": "created"}, InstanceState.STARTING),
        ({"Status": "paused"}, InstanceState.UNHEALTHY),
        ({"Status": "removing"}, InstanceState.STOPPING),
        ({"Status": "exited", "ExitCode": 0}, InstanceState.FAILED),
        ({"Status": "exited", "ExitCode": 137, "OOMKilled": True}, InstanceState.FAILED),
    ],
)
def test_states(state: dict[str, Any], expected: InstanceState) -> None:
    told = instance(found(**state))
    assert told is not None
    assert told.state is expected


def test_a_job_that_ended_well_is_no_instance() -> None:
    assert instance(found(policy="no", Status="exited", ExitCode=0)) is None


def test_memory_and_failed_checks_are_named() -> None:
    killed = instance(found(Status="exited", ExitCode=137, OOMKilled=True))
    check = {"Status": "unhealthy", "Log": [{"Output": "first\nHTTP 503\n"}]}
    failing = instance(found(Health=check))
    assert killed is not None
    assert killed.detail == "ended with exit code 137 (out of memory)"
    assert failing is not None
    assert failing.detail == "HTTP 503"


def test_containers_of_others_are_no_instances() -> None:
    others = json.dumps([{"Id": "1", "Name": "/x", "Config": {"Labels": None}, "State": {}}])
    assert instance(others) is None
