"""What only containers can get wrong: limits, names in networks, leaks, other people's projects."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from insightengine.application.load import load_application
from insightengine.core.colours import Colour
from insightengine.core.errors import ConflictError, UnavailableError
from insightengine.runtimes.compose.commands import Argv
from insightengine.runtimes.compose.names import Names
from insightengine.runtimes.compose.runner import Finished, Runner, docker_environment
from insightengine.runtimes.compose.runtime import ComposeRuntime, require_docker
from insightengine.runtimes.port import Instance, InstanceState, Source, Unit
from tests.docker.engine import Engine
from tests.docker.registry import registry

pytestmark = pytest.mark.timeout(300)
APPLICATIONS = Path(__file__).parents[1] / "applications"
BLUE, GREEN = Colour.BLUE, Colour.GREEN
PASSWORD = "correct-$horse-battery"


class Recorder(Runner):
    """A real runner that also notes what it was told."""

    told: list[Argv]

    def ask(self, argv: Argv, timeout_s: float = 30.0) -> Finished:
        self.told.append(argv)
        return super().ask(argv, timeout_s)

    def stream(self, argv: Argv, output: Callable[[str], None], timeout_s: float) -> Finished:
        self.told.append(argv)
        return super().stream(argv, output, timeout_s)


@dataclass
class Pair:
    """Two coloured services, a worker and a cache, in a folder of its own."""

    engine: Engine
    folder: Path
    runner: Recorder
    runtime: ComposeRuntime
    variables: dict[str, str] = field(default_factory=dict)

    def unit(self, release: str) -> Unit:
        behaviour = self.folder.parent / "tiny/behaviour.json"
        behaviour.write_text(json.dumps({"version": release}))
        file = self.folder / "compose.yaml"
        application = load_application(file.read_text(), str(file), self.variables)
        source = Source(application, self.folder)
        kept = {
            one.name: self.runtime.obtain(source, one.name, lambda _: None)
            for one in source.started
        }
        return Unit(release, source, kept)

    def change(self, old: str, new: str) -> None:
        file = self.folder / "compose.yaml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def container(self, service: str, colour: Colour | None) -> str:
        for one in self.runtime.containers("pair"):
            told = one.labels
            if told.get("service") == service and told.get("colour", "") == (colour or ""):
                return one.id
        raise AssertionError(f"no container of {service}")

    def ask_from(self, container: str, url: str) -> str:
        """The version that answers inside the container's networks; "" when nobody does."""
        program = (
            f"import json, urllib.request as r; print(json.load(r.urlopen('{url}'))['version'])"
        )
        return self.engine.docker("exec", container, "python3", "-c", program, check=False)

    def inspect(self, container: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self.engine.docker("inspect", container))
        return found[0]


@pytest.fixture
def pair(docker_engine: Engine, tmp_path: Path) -> Iterator[Pair]:
    shutil.copytree(APPLICATIONS, tmp_path / "applications")
    runner = Recorder({**docker_environment(), **docker_engine.environment})
    object.__setattr__(runner, "told", [])
    runtime = ComposeRuntime(Names.of_state(tmp_path), tmp_path / "state", runner=runner)
    cache = "valkey:insight-test"
    docker_engine.docker("tag", docker_engine.base, cache)
    variables = {
        "BASE_PYTHON": docker_engine.base,
        "CACHE_IMAGE": cache,
        "CACHE_COMMAND": "python3 -m http.server 6379 --directory /data",
        "CACHE_CHECK": "python3 -c \"import urllib.request as r; r.urlopen('http://localhost:6379')\"",
        "GREETING": PASSWORD,
    }
    yield Pair(docker_engine, tmp_path / "applications/pair", runner, runtime, variables)
    runtime.remove_all("pair")
    for artefact in runtime.artefacts():
        runtime.discard(artefact)
    docker_engine.docker("volume", "rm", "--force", "pair_cache-data")
    docker_engine.docker("image", "rm", cache)


def eventually(look: Callable[[], bool], what: str, within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.1)


def instances(pair: Pair, colour: Colour) -> list[Instance]:
    return [one for one in pair.runtime.instances("pair") if one.colour is colour]


def test_an_engine_with_compose_is_recognised(docker_engine: Engine) -> None:
    runner = Runner({**docker_environment(), **docker_engine.environment})
    assert require_docker(runner)[0].isdigit()


def test_an_engine_that_does_not_answer_is_told_with_a_hint() -> None:
    runner = Runner({**docker_environment(), "DOCKER_HOST": "unix:///nonexistent.sock"})
    with pytest.raises(UnavailableError) as caught:
        require_docker(runner)
    assert caught.value.code == "docker_unavailable"
    assert caught.value.hint


def test_services_of_a_colour_find_each_other_and_never_the_other_colour(pair: Pair) -> None:
    pair.runtime.start(BLUE, pair.unit("r1"))
    pair.runtime.start(GREEN, pair.unit("r2"))
    blue, green = pair.container("front", BLUE), pair.container("front", GREEN)
    eventually(lambda: pair.ask_from(blue, "http://back:9000/") == "r1", "blue reaches blue")
    eventually(lambda: pair.ask_from(green, "http://back:9000/") == "r2", "green reaches green")
    assert {pair.ask_from(blue, "http://back:9000/") for _ in range(10)} == {"r1"}


def test_a_worker_finds_the_colour_that_serves(pair: Pair) -> None:
    one, two = pair.unit("r1"), pair.unit("r1")
    pair.runtime.start(BLUE, one)
    pair.runtime.start(GREEN, two)
    pair.runtime.replace(one, BLUE)
    worker = pair.container("worker", None)
    eventually(lambda: pair.ask_from(worker, "http://back:9000/") == "r1", "it reaches blue")
    pair.runtime.replace(two, GREEN)
    assert pair.container("worker", None) == worker
    pair.runtime.stop("pair", BLUE)
    assert pair.ask_from(worker, "http://back:9000/") == "r1"


def test_a_server_of_the_file_is_up_before_a_colour_and_survives_it(pair: Pair) -> None:
    pair.runtime.start(BLUE, pair.unit("r1"))
    cache = pair.container("cache", None)
    assert pair.inspect(cache)["State"]["Health"]["Status"] == "healthy"
    pair.runtime.start(GREEN, pair.unit("r2"))
    pair.runtime.stop("pair", BLUE)
    assert pair.container("cache", None) == cache
    mounts = pair.inspect(cache)["Mounts"]
    assert [one["Name"] for one in mounts if one["Type"] == "volume"] == ["pair_cache-data"]


def test_a_container_has_no_more_rights_than_it_needs(pair: Pair) -> None:
    pair.runtime.start(BLUE, pair.unit("r1"))
    front = pair.container("front", BLUE)
    status = pair.engine.docker("exec", front, "cat", "/proc/1/status")
    told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert told["NoNewPrivs"] == "1"
    assert int(told["CapBnd"], 16) == 0
    assert told["Uid"].split()[0] == "10001"
    assert "Read-only file system" in pair.engine.docker(
        "exec", front, "sh", "-c", "touch /app/x 2>&1", check=False
    )
    assert pair.engine.docker("exec", front, "sh", "-c", "touch /tmp/x && echo ok") == "ok"
    assert pair.inspect(front)["HostConfig"]["PidsLimit"] == 1024


def test_the_limits_of_the_file_hold_in_the_container(pair: Pair) -> None:
    limits = "deploy: {resources: {limits: {memory: 96M, cpus: '0.5', pids: 64}}}"
    pair.change(
        "    environment:\n      GREETING", f"    {limits}\n    environment:\n      GREETING"
    )
    pair.runtime.start(BLUE, pair.unit("r1"))
    front = pair.container("front", BLUE)
    given = pair.inspect(front)["HostConfig"]
    assert (given["Memory"], given["NanoCpus"]) == (96 * 2**20, 500_000_000)
    read = "cat /sys/fs/cgroup/memory.max || cat /sys/fs/cgroup/memory/memory.limit_in_bytes"
    assert int(pair.engine.docker("exec", front, "sh", "-c", read)) == 96 * 2**20
    more = "x = bytearray(200 * 2**20)"
    assert pair.engine.docker("exec", front, "python3", "-c", more, check=False) == ""
    assert pair.runtime.instances("pair"), "what exceeded its memory was ended, nothing else"


def test_a_build_takes_from_its_cache_what_did_not_change(pair: Pair) -> None:
    file = pair.folder / "compose.yaml"
    source = Source(load_application(file.read_text(), str(file), pair.variables), pair.folder)
    first = pair.runtime.obtain(source, "front", lambda _: None)
    lines: list[str] = []
    assert pair.runtime.obtain(source, "front", lines.append) == first
    copied = next(number for number, line in enumerate(lines) if "COPY" in line)
    assert any("CACHED" in line or "Using cache" in line for line in lines[copied : copied + 3])


def test_the_containers_own_check_is_told_beside_its_state(pair: Pair) -> None:
    test = "[CMD, sh, -c, 'echo no database; exit 1']"
    check = f"healthcheck: {{test: {test}, interval: 500ms, retries: 1}}"
    pair.change(
        "    environment:\n      GREETING", f"    {check}\n    environment:\n      GREETING"
    )
    pair.runtime.start(BLUE, pair.unit("r1"))

    def is_told() -> bool:
        [front] = [one for one in instances(pair, BLUE) if one.service == "front"]
        return (front.state, front.detail) == (InstanceState.UNHEALTHY, "no database")

    eventually(is_told, "Docker finds it unhealthy")
    found = {one.service: one.is_checked for one in instances(pair, BLUE)}
    assert found == {"front": True, "back": False}


def test_what_a_killed_caller_began_is_ended(docker_engine: Engine) -> None:
    """`docker compose` itself would go on, and its successor's would meet it half-way."""
    waits = (
        "docker",
        "run",
        "--rm",
        "--name",
        "insight-tethered",
        docker_engine.base,
        "sleep",
        "300",
    )
    program = (
        "from insightengine.runtimes.compose.runner import Runner;"
        f"Runner().stream({waits!r}, print, 300)"
    )
    environment = {**os.environ, **docker_engine.environment}
    caller = subprocess.Popen([sys.executable, "-c", program], env=environment)
    try:
        eventually(lambda: bool(commands_named("insight-tethered")), "the command runs")
        caller.kill()
        caller.wait()
        eventually(lambda: not commands_named("insight-tethered"), "the command is gone")
    finally:
        docker_engine.docker("rm", "--force", "insight-tethered", check=False)


def commands_named(name: str) -> list[int]:
    """Processes of `docker` with that word on their command line."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().decode(errors="replace").split("\0")
            if name in words and words[0].endswith("docker"):
                found.append(int(path.parent.name))
    return found


def test_no_secret_stands_on_a_command_line_or_in_a_readable_file(pair: Pair) -> None:
    unit = pair.unit("r1")
    pair.runtime.start(BLUE, unit)
    outcome = pair.runtime.run(
        unit,
        "front",
        ["{python}", "-c", "import os; raise SystemExit(os.environ['TOKEN'] != 'tok$en')"],
        environment={"TOKEN": "tok$en"},
        timeout_s=60,
        output=lambda _: None,
    )
    assert outcome == 0
    front = pair.container("front", BLUE)
    assert pair.engine.docker("exec", front, "printenv", "GREETING") == PASSWORD
    typed = json.dumps(pair.runner.told)
    assert "horse" not in typed
    assert "tok$en" not in typed
    written = [path for path in (pair.folder.parents[1] / "state").rglob("*") if path.is_file()]
    assert written
    assert {path.stat().st_mode & 0o077 for path in written} == {0}


def test_a_crashed_container_comes_back_at_its_address(pair: Pair) -> None:
    pair.runtime.start(BLUE, pair.unit("r1"))
    [before] = [one for one in instances(pair, BLUE) if one.service == "front"]
    os.kill(pair.inspect(pair.container("front", BLUE))["State"]["Pid"], signal.SIGKILL)

    def is_back() -> bool:
        [now] = [one for one in instances(pair, BLUE) if one.service == "front"]
        return now.restarts > 0 and now.state is InstanceState.RUNNING and now.host == before.host

    eventually(is_back, "it runs again where it was")


def test_a_project_of_somebody_else_is_left_alone(pair: Pair) -> None:
    container = pair.engine.docker(
        *("run", "--detach", "--label", "com.docker.compose.project=pair-blue"),
        *(pair.engine.base, "sleep", "600"),
    )
    try:
        with pytest.raises(ConflictError, match="pair-blue exists already"):
            pair.runtime.start(BLUE, pair.unit("r1"))
        pair.runtime.stop("pair", BLUE)
        assert pair.inspect(container)["State"]["Running"] is True
    finally:
        pair.engine.docker("rm", "--force", container)


def pushed(pair: Pair, image: str, content: str) -> str:
    """Makes an image of one file, pushes it, and forgets it here; its digest."""
    folder = pair.folder / "pushed"
    folder.mkdir(exist_ok=True)
    (folder / "content").write_text(content)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY content /content\n")
    pair.engine.docker("build", "--quiet", "--tag", image, str(folder))
    digest = pair.engine.docker("image", "inspect", "--format", "{{.Id}}", image)
    pair.engine.docker("push", "--quiet", image)
    pair.engine.docker("image", "rm", "--force", image)
    return digest


def test_what_the_registry_has_now_is_pulled_while_everything_runs_on(pair: Pair) -> None:
    pair.runtime.start(BLUE, pair.unit("r1"))
    before = {one.id for one in pair.runtime.containers("pair")}
    with registry() as server:
        image = f"{server.host}/shop:latest"
        text = f"services: {{web: {{image: '{image}'}}}}"
        source = Source(load_application(text, "compose.yaml", {}), pair.folder)
        for content in ("old", "new"):
            expected = pushed(pair, image, content)
            pair.runner.told.clear()
            found = pair.runtime.obtain(source, "web", lambda _: None)
            assert found.digest == expected
            assert ("docker", "pull", image) in pair.runner.told
        pair.engine.docker("image", "rm", "--force", image)
    assert pair.runtime.has(found), "it is kept under a name of ours"
    after = [one for one in pair.runtime.containers("pair") if one.instance]
    assert {one.id for one in after} == before, "nothing was stopped for it"


def test_an_image_that_cannot_be_pulled_is_named(pair: Pair) -> None:
    pair.variables["CACHE_IMAGE"] = "localhost:1/valkey:9"
    text = "services: {web: {image: 'localhost:1/nothing:1'}}"
    source = Source(load_application(text, "compose.yaml", {}), pair.folder)
    with pytest.raises(UnavailableError) as caught:
        pair.runtime.obtain(source, "web", lambda _: None)
    assert caught.value.code == "fetch_failed"
    assert "localhost:1/nothing:1" in caught.value.message


def test_compose_itself_reads_every_file_of_ours(pair: Pair) -> None:
    root = Path(__file__).parents[3]
    for file in (root / "examples/shop/compose.yaml", pair.folder / "compose.yaml"):
        assert pair.engine.docker("compose", "-f", str(file), "config", "--quiet") == ""
