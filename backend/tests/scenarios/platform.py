"""A whole platform in a folder of its own, driven by the `insight` command as a person would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.ports import free_base_port

REPOSITORY = Path(__file__).parents[3]
INSIGHT = Path(sys.executable).with_name("insight")
Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None], within_s: float, what: str) -> Found:
    """Polls until `look` returns something true; fails with the last thing that went wrong."""
    deadline = time.monotonic() + within_s
    last: object = None
    while time.monotonic() < deadline:
        try:
            found = look()
            if found:
                return found
            last = found
        except (httpx.HTTPError, OSError, ValueError, KeyError, AssertionError) as error:
            last = error
        time.sleep(0.1)
    raise AssertionError(f"not within {within_s} s: {what}; last seen: {last!r}")


@dataclass(frozen=True)
class Platform:
    folder: Path
    base_port: int

    @property
    def state(self) -> Path:
        return self.folder / ".insight"

    @property
    def console(self) -> str:
        return f"http://127.0.0.1:{self.base_port}"

    @property
    def shop(self) -> str:
        return f"http://127.0.0.1:{self.base_port + 1}"

    @property
    def otlp(self) -> str:
        return f"http://127.0.0.1:{self.base_port + 18}"

    @property
    def otlp_grpc(self) -> str:
        return f"http://127.0.0.1:{self.base_port + 17}"

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "INSIGHT_BASE_PORT": str(self.base_port),
            "SHOP_PORT": str(self.base_port + 1),
        }

    def insight(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(INSIGHT), *arguments, "--project", str(self.folder)],
            env=self.environment(),
            text=True,
            capture_output=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"insight {arguments} exited {done.returncode}: {done.stderr}")
        return done

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.insight("status", "--json", check=False).stdout)
        return answer

    def processes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.status()["processes"]
        return found

    def pid(self, name: str) -> int:
        if name in ("supervisor", "warden"):
            return int(self.status()[name]["pid"])
        found = [p["pid"] for p in self.status()["processes"] if p["name"] == name]
        return int(found[0])

    def is_whole(self) -> bool:
        """Every process is ready and every dependency answers through the edge."""
        health = httpx.get(f"{self.console}/api/health/ready", timeout=2)
        states = {p["name"]: p["state"] for p in self.status()["processes"]}
        return (
            health.status_code == 200
            and health.json()["status"] == "ok"
            and set(states.values()) == {"ready"}
        )

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Rows of a read-only query of the telemetry store, asked as any ClickHouse client."""
        password = (self.state / "secrets/store_password").read_text(encoding="utf-8")
        answer = httpx.post(
            f"http://127.0.0.1:{self.base_port + 23}/",
            params={"database": "insight", "default_format": "JSONEachRow"},
            content=query,
            auth=("insight", password),
            timeout=10,
        )
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    def setup_link(self) -> str:
        text = self.insight("setup-link").stdout
        found = re.search(r"http://\S+/setup/\?token=\S+", text)
        assert found, text
        return found.group()


@contextmanager
def throwaway_platform() -> Iterator[Platform]:
    """A folder for a platform; whatever was started in it is ended afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="insight-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    platform = Platform(folder, free_base_port())
    try:
        yield platform
    finally:
        platform.insight("down", check=False)
        if not os.environ.get("INSIGHT_KEEP_TEST_FOLDERS"):
            shutil.rmtree(folder, ignore_errors=True)
