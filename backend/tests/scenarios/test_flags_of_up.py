"""A platform that flags of `insight up` put elsewhere is found by every other command."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.scenarios.platform import INSIGHT, Platform, eventually, throwaway_platform

COMPOSE = """
name: elsewhere
services:
  postgres:
    image: postgres:18
"""
COMMANDS = (
    "status",
    "setup-link",
    "backup create",
    "backup mark before",
    "backup points",
    "backup status",
    "restore --plan --to before",
    "restore --to before --yes",
    "restore undo",
    "drill restore",
    "telemetry retention",
    "telemetry deletions",
    "replica add",
    "replica status",
    "failover",
    "replica remove",
    "restart wal-receiver",
    "releases",
)


def insight(platform: Platform, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Without a word of where the platform is but its folder."""
    environment = {n: v for n, v in os.environ.items() if not n.startswith("INSIGHT_")}
    return subprocess.run(
        [str(INSIGHT), *arguments, "--project", str(platform.folder)],
        env=environment,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def elsewhere() -> Iterator[Platform]:
    with throwaway_platform() as platform:
        (platform.folder / "compose.yaml").write_text(COMPOSE, encoding="utf-8")
        base_port = str(platform.base_port)
        up = insight(platform, "up", "--detach", "--no-release", "--base-port", base_port)
        assert up.returncode == 0, up.stderr
        yield platform


@pytest.mark.timeout(280)
def test_every_command_finds_the_platform_where_a_flag_has_put_it(elsewhere: Platform) -> None:
    eventually(
        lambda: "verified" in insight(elsewhere, "backup", "list").stdout, 90, "a backup is proven"
    )
    for command in COMMANDS:
        if command == "failover":
            eventually(lambda: follows(elsewhere), 60, "the replica follows")
        eventually(lambda command=command: succeeds(elsewhere, command), 60, f"insight {command}")
    for synchronous in ("true", "false"):  # the server is started again with what depends on it
        changed = f"{COMPOSE}x-insight: {{backup: {{wal: {{synchronous: {synchronous}}}}}}}\n"
        (elsewhere.folder / "compose.yaml").write_text(changed, encoding="utf-8")
        assert succeeds(elsewhere, f"up --detach --no-release --base-port {elsewhere.base_port}")


def succeeds(platform: Platform, command: str) -> bool:
    done = insight(platform, *command.split())
    assert done.returncode == 0, done.stdout + done.stderr
    return True


def follows(platform: Platform) -> bool:
    told = insight(platform, "replica", "status", "--json").stdout
    assert "streaming" in told, told
    return True
