"""Neither root nor Docker: a user who owns nothing but a folder brings the platform up."""

from __future__ import annotations

import os
import pwd
import subprocess

import psutil

from tests.scenarios.platform import INSIGHT, Platform, eventually, throwaway_platform

USER = "nobody"


def as_user(platform: Platform, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as an unprivileged user; as ourselves when that is what we are."""
    command = [str(INSIGHT), *arguments, "--project", str(platform.folder)]
    entry = pwd.getpwnam(USER)
    other = (
        {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        if os.geteuid() == 0
        else {}
    )
    environment = {**platform.environment(), "HOME": str(platform.folder)}
    done = subprocess.run(
        command, env=environment, text=True, capture_output=True, timeout=120, check=False, **other
    )
    assert done.returncode == 0, done.stderr
    return done


def test_an_ordinary_user_brings_the_platform_up_and_down() -> None:
    with throwaway_platform() as platform:
        if os.geteuid() == 0:
            entry = pwd.getpwnam(USER)
            os.chown(platform.folder, entry.pw_uid, entry.pw_gid)
        said = as_user(platform, "up", "--detach")
        assert "started by root" not in said.stderr + said.stdout
        eventually(platform.is_whole, 20, "the platform is whole")
        owners = {psutil.Process(process["pid"]).uids().real for process in platform.processes()}
        assert owners == {os.geteuid() or pwd.getpwnam(USER).pw_uid}
        as_user(platform, "down")
        assert platform.insight("status", check=False).returncode != 0


def test_started_by_root_every_service_runs_as_somebody_else(demo: Platform) -> None:
    owners = {psutil.Process(process["pid"]).uids().real for process in demo.processes()}
    assert 0 not in owners
