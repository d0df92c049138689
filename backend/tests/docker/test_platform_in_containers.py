"""The platform from docker-compose.yml: its images, what it refuses, and that it heals."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.docker.engine import Engine
from tests.docker.node import node_base
from tests.ports import free_port

pytestmark = pytest.mark.timeout(1200)
ROOT = Path(__file__).parents[3]
PARTS = {"api", "collector", "edge", "postgres", "store", "valkey", "watch"}
PASSWORD = "purple ladder seven moon"


@dataclass
class Containers:
    engine: Engine
    environment: dict[str, str]

    def compose(self, *arguments: str, timeout_s: float = 900) -> str:
        argv = ["docker", "compose", "--project-name", "insight-test", "--progress", "plain"]
        done = subprocess.run(
            [*argv, "--project-directory", str(ROOT), *arguments],
            env={**os.environ, **self.engine.environment, **self.environment},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr[-3000:]}"
        return done.stdout.strip()

    def inspect(self, service: str) -> dict[str, Any]:
        container = self.compose("ps", "--all", "--quiet", service)
        found: list[dict[str, Any]] = json.loads(self.engine.docker("inspect", container))
        return found[0]

    @property
    def url(self) -> str:
        return self.environment["INSIGHT_PUBLIC_URL"]

    @property
    def otlp(self) -> str:
        return f"http://localhost:{self.environment['INSIGHT_OTLP_PORT']}"

    def up(self) -> None:
        self.compose("up", "--detach", "--wait", "--wait-timeout", "180")


@pytest.fixture(scope="module")
def containers(docker_engine: Engine) -> Iterator[Containers]:
    port = free_port()
    environment = {
        "BASE_PYTHON": docker_engine.base,
        "BASE_DEBIAN": docker_engine.base,
        "BASE_NODE": node_base(docker_engine),
        "INSIGHT_VERSION": "test",
        "INSIGHT_CONSOLE_PORT": str(port),
        "INSIGHT_OTLP_PORT": str(free_port()),
        "INSIGHT_PUBLIC_URL": f"http://localhost:{port}",
        "INSIGHT_EDGE_NETWORK": "172.30.143",
    }
    one = Containers(docker_engine, environment)
    try:
        one.compose("build", "api", "edge")
        one.up()
        yield one
    finally:
        one.compose("down", "--volumes", "--remove-orphans")


def eventually(look: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.2)


def is_ready(containers: Containers) -> bool:
    try:
        answer = httpx.get(f"{containers.url}/api/health/ready", timeout=5)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200 and answer.json()["status"] == "ok"


@pytest.fixture(scope="module")
def console(containers: Containers) -> Iterator[httpx.Client]:
    """The first administrator, who used the set-up link."""
    link = containers.compose("exec", "-T", "api", "insight", "setup-link")
    token = link.rpartition("token=")[2]
    with httpx.Client(base_url=f"{containers.url}/api/v1", timeout=10) as client:
        answer = client.post("/auth/password-setup", json={"token": token, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        yield client


def test_every_part_answers(containers: Containers) -> None:
    eventually(lambda: is_ready(containers), "every dependency of the API answers")
    page = httpx.get(f"{containers.url}/monitoring/")
    assert page.status_code == 200
    assert "<!DOCTYPE html>" in page.text


def test_what_is_sent_is_found_again(containers: Containers, console: httpx.Client) -> None:
    record = {
        "timeUnixNano": str(time.time_ns()),
        "severityText": "ERROR",
        "body": {"stringValue": "from outside the containers"},
    }
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    assert httpx.post(f"{containers.otlp}/v1/logs", json=body).status_code == 200

    def is_found() -> bool:
        answer = console.get("/telemetry/logs", params={"range": "15m", "search": "from outside"})
        assert answer.status_code == 200, answer.text
        return bool(answer.json()["items"])

    eventually(is_found, "the log record is found")


def test_the_console_knows_each_part(containers: Containers, console: httpx.Client) -> None:
    def are_ready() -> bool:
        told = console.get("/platform").json()["processes"]
        return {one["state"] for one in told} == {"ready"} and len(told) == 6

    eventually(are_ready, "six parts are told to be ready")


def test_no_part_has_rights_that_it_does_not_need(containers: Containers) -> None:
    for part in sorted(PARTS):
        found = containers.inspect(part)
        host = found["HostConfig"]
        assert found["Config"]["User"] == "insight", part
        assert host["ReadonlyRootfs"] is True, part
        assert host["CapDrop"] == ["ALL"], part
        assert not host["CapAdd"], part
        assert host["SecurityOpt"] == ["no-new-privileges:true"], part
        assert host["PidsLimit"] == 1024, part
        assert not host["Privileged"], part


def test_docker_itself_checks_whatever_answers(containers: Containers) -> None:
    health = {part: containers.inspect(part)["State"].get("Health", {}) for part in PARTS}
    told = {part: found.get("Status") for part, found in health.items()}
    assert told == {**dict.fromkeys(PARTS, "healthy"), "watch": None}
    for image in ("insightengine/backend:test", "insightengine/edge:test"):
        [found] = json.loads(containers.engine.docker("image", "inspect", image))
        assert found["Config"]["User"] == "insight", "whoever runs it by hand gets no root either"


def test_only_the_edge_is_published_and_only_to_this_machine(containers: Containers) -> None:
    published = {part: containers.inspect(part)["HostConfig"]["PortBindings"] for part in PARTS}
    assert [part for part, ports in published.items() if ports] == ["edge"]
    addresses = {b["HostIp"] for bindings in published["edge"].values() for b in bindings}
    assert addresses == {"127.0.0.1"}


def test_the_edge_cannot_reach_the_databases(containers: Containers) -> None:
    postgres = containers.inspect("postgres")["NetworkSettings"]["Networks"]
    [address] = [one["IPAddress"] for one in postgres.values()]
    command = f"exec 3<>/dev/tcp/{address}/4332"
    with pytest.raises(AssertionError):
        containers.compose("exec", "-T", "edge", "timeout", "3", "bash", "-c", command)
    containers.compose("exec", "-T", "api", "timeout", "3", "bash", "-c", command)


def test_no_secret_is_in_an_image_or_an_environment(containers: Containers) -> None:
    password = containers.compose(
        "exec", "-T", "api", "cat", "/var/lib/insight/.insight/secrets/postgres_admin_password"
    )
    assert len(password) > 30
    for part in sorted(PARTS):
        assert password not in json.dumps(containers.inspect(part)), part
    for image in ("insightengine/backend:test", "insightengine/edge:test"):
        history = containers.engine.docker("history", "--no-trunc", image)
        assert "password" not in history.lower()


@pytest.mark.parametrize("part", ["api", "collector", "store", "valkey", "postgres", "edge"])
def test_a_killed_part_comes_back(containers: Containers, part: str) -> None:
    before = containers.inspect(part)["State"]["StartedAt"]
    process = containers.inspect(part)["State"]["Pid"]
    os.kill(process, 9)

    def is_back() -> bool:
        state = containers.inspect(part)["State"]
        return state["StartedAt"] != before and state.get("Health", {}).get("Status") == "healthy"

    eventually(is_back, f"{part} runs again and is healthy")
    eventually(lambda: is_ready(containers), "the platform is whole again")


def test_it_comes_up_again_with_all_it_knew(containers: Containers, console: httpx.Client) -> None:
    containers.compose("down", "--remove-orphans")
    containers.up()
    eventually(lambda: is_ready(containers), "it is whole again")
    answer = console.post("/auth/login", json={"email": "admin@localhost", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
