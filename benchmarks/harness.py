"""What every benchmark shares: arguments, a throw-away platform, output."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx
import psutil

from insightengine.runtimes.local.ports import free_base_port as free_base_port

INSIGHT = Path(sys.executable).with_name("insight")


@dataclass(frozen=True)
class Options:
    quick: bool
    json: bool


class Output(Protocol):
    """What of the arguments decides how figures are shown."""

    @property
    def json(self) -> bool: ...


def arguments(description: str) -> argparse.ArgumentParser:
    """The arguments that every benchmark has; one may add its own."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="under 50 seconds")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    return parser


def options(description: str) -> Options:
    given = arguments(description).parse_args()
    return Options(given.quick, given.json)


def report(figures: Mapping[str, float | int | str], caveat: str, given: Output) -> None:
    """Prints the figures; a person also gets what they are worth."""
    if given.json:
        print(json.dumps(dict(figures)))
        return
    print(f"{caveat}\n")
    for name, value in figures.items():
        print(f"  {name:<24} {value}")


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Platform:
    """A platform in a folder of its own."""

    folder: Path
    base_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.base_port}"

    def insight(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "INSIGHT_BASE_PORT": str(self.base_port)}
        command = [str(INSIGHT), *arguments, "--project", str(self.folder)]
        try:
            return subprocess.run(
                command, env=environment, check=True, text=True, capture_output=True, timeout=1800
            )
        except subprocess.CalledProcessError as error:
            error.add_note(error.stderr)
            raise

    def seconds_to_answer(self, *arguments: str) -> float:
        """Seconds from the command until every dependency is reported well through the edge."""
        started = time.perf_counter()
        environment = {**os.environ, "INSIGHT_BASE_PORT": str(self.base_port)}
        command = [str(INSIGHT), *arguments, "--project", str(self.folder)]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            answered = wait_for_ok(f"{self.url}/api/health/ready", process)
            process.wait(timeout=120)
        return answered - started

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for this platform, workers and supervisor included."""
        status = json.loads(self.insight("status", "--json").stdout)
        roots = [entry["pid"] for entry in status["processes"] if entry["pid"]]
        roots.append(status["supervisor"]["pid"])
        found: dict[int, psutil.Process] = {}
        for pid in roots:
            process = psutil.Process(pid)
            for member in [process, *process.children(recursive=True)]:
                found[member.pid] = member
        return list(found.values())


def wait_for_ok(url: str, process: subprocess.Popen[str], limit_s: float = 120) -> float:
    """The moment at which `url` answered 200 with status ok."""
    deadline = time.perf_counter() + limit_s
    with httpx.Client(timeout=2) as client:
        while time.perf_counter() < deadline:
            try:
                answer = client.get(url)
                if answer.status_code == 200 and answer.json()["status"] == "ok":
                    return time.perf_counter()
            except (httpx.HTTPError, ValueError):
                pass
            if process.poll() not in (None, 0):
                raise RuntimeError(process.stderr.read() if process.stderr else "it ended")
            time.sleep(0.02)
    raise RuntimeError(f"{url} did not answer ok within {limit_s} s")


@contextmanager
def throwaway_platform() -> Iterator[Platform]:
    folder = Path(tempfile.mkdtemp(prefix="insight-bench-", dir="/var/tmp"))
    folder.chmod(0o755)
    platform = Platform(folder, free_base_port())
    try:
        yield platform
    finally:
        subprocess.run(
            [str(INSIGHT), "down", "--project", str(folder)], capture_output=True, check=False
        )
        shutil.rmtree(folder, ignore_errors=True)
