"""`insight up --runtime compose`: a platform whose application runs in containers."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.docker.engine import Engine
from tests.scenarios.platform import Platform, eventually, throwaway_platform
from tests.scenarios.release.ground import QUICK

pytestmark = pytest.mark.timeout(300)
TINY = Path(__file__).parents[1] / "applications/tiny"


@pytest.fixture(scope="module")
def hosted(docker_engine: Engine) -> Iterator[Platform]:
    with pytest.MonkeyPatch.context() as patch, throwaway_platform() as platform:
        for name, value in docker_engine.environment.items():
            patch.setenv(name, value)
        patch.setenv("BASE_PYTHON", docker_engine.base)
        patch.setenv("TINY_PORT", str(platform.base_port + 1))
        shutil.copytree(TINY, platform.folder, dirs_exist_ok=True)
        file = platform.folder / "compose.yaml"
        file.write_text(file.read_text().replace("name: tiny", "name: tiny-hosted") + QUICK)
        bring_up(platform, version="1")
        yield platform


def bring_up(platform: Platform, *, check: bool = True, **behaviour: object) -> str:
    (platform.folder / "behaviour.json").write_text(json.dumps(behaviour))
    done = platform.insight("up", "--detach", "--runtime", "compose", check=check)
    return done.stderr if check or done.returncode else "it came up"


@dataclass
class Load:
    answers: Counter[tuple[int, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


@contextmanager
def load(url: str) -> Iterator[Load]:
    """Requests without a pause, on connections that are kept and on fresh ones."""
    seen, stop = Load(), threading.Event()

    def ask() -> None:
        with httpx.Client(timeout=10) as kept:
            while not stop.is_set():
                for get in (kept.get, httpx.get):
                    try:
                        answer = get(url)
                        seen.answers[answer.status_code, answer.json()["version"]] += 1
                    except (httpx.HTTPError, ValueError) as error:
                        seen.failures.append(repr(error))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def version(platform: Platform) -> str:
    return str(httpx.get(platform.shop).json()["version"])


def test_containers_are_shown_beside_the_platforms_own_processes(hosted: Platform) -> None:
    eventually(hosted.is_whole, 60, "the platform is whole")
    told = {one["name"]: one["labels"] for one in hosted.processes()}
    assert told["web.blue"]["container"] == "tiny-hosted-blue-web-blue-1"
    assert told["web.blue"]["colour"] == "blue"
    assert "worker.1" in told
    assert version(hosted) == "1"


def test_logs_and_exec_reach_into_a_container(hosted: Platform) -> None:
    def is_logged() -> bool:
        return "version 1 listens" in hosted.insight("logs", "web").stdout

    eventually(is_logged, 20, "what the container wrote is in its log")
    project = ("--project", str(hosted.folder))
    read = ("sh", "-c", "cat /app/behaviour.json")  # what follows it is the shell's to ignore
    assert json.loads(hosted.insight("exec", *project, "web", *read).stdout)["version"] == "1"


def test_output_and_requests_of_a_container_become_telemetry(hosted: Platform) -> None:
    httpx.get(hosted.shop)

    def is_stored() -> bool:
        logs = hosted.sql("SELECT count() AS n FROM logs WHERE Body LIKE '%version 1 listens%'")
        requests = hosted.sql("SELECT count() AS n FROM edge_requests WHERE Service = 'web'")
        return int(logs[0]["n"]) > 0 and int(requests[0]["n"]) > 0

    eventually(is_stored, 40, "logs and requests are in the store")


def test_a_change_takes_over_without_a_failed_request(hosted: Platform) -> None:
    with load(hosted.shop) as seen:
        bring_up(hosted, version="2")
        eventually(lambda: (200, "2") in seen.answers, 20, "the new version answers")
    assert seen.failures == []
    assert set(seen.answers) == {(200, "1"), (200, "2")}
    assert "web.green" in {one["name"] for one in hosted.processes()}


def test_what_is_deployed_takes_over_and_is_rolled_back(hosted: Platform) -> None:
    (hosted.folder / "behaviour.json").write_text(json.dumps({"version": "3"}))
    with load(hosted.shop) as seen:
        told = hosted.insight("deploy", "--json", check=False)
        assert told.returncode == 0, told.stdout[-2000:] + told.stderr
        assert version(hosted) == "3"
        hosted.insight("rollback")
        assert version(hosted) == "2"
    assert seen.failures == []


def test_restart_ends_and_starts_the_container(hosted: Platform) -> None:
    bring_up(hosted, version="2")
    before = hosted.pid("web.green")
    hosted.insight("restart", "web")

    def is_another() -> bool:
        now = next(p["pid"] for p in hosted.processes() if p["name"] == "web.green")
        return now not in (before, None) and version(hosted) == "2"

    eventually(is_another, 30, "another process serves")


def test_down_leaves_nothing_but_volumes(hosted: Platform, docker_engine: Engine) -> None:
    hosted.insight("down")
    mine = ("--filter", "name=tiny-hosted", "--format", "{{.Names}}")
    assert docker_engine.docker("ps", "--all", *mine) == ""
    assert docker_engine.docker("network", "ls", "--filter", "name=insight-", "--quiet") == ""
    started = time.monotonic()
    bring_up(hosted, version="2")
    assert version(hosted) == "2"
    assert time.monotonic() - started < 60
