"""Docker Compose as a plugin, on a Debian whose own release does not have it yet."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_SOURCE = (
    "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
    "http://deb.debian.org/debian trixie main\n"
)
_PACKAGES = ("docker-compose", "docker-buildx")


def plugin_folder(cache: Path) -> Path | None:
    """A DOCKER_CONFIG folder with the plugins of Debian 13, fetched once and checked by apt."""
    folder = cache / "config"
    if (folder / "cli-plugins/docker-compose").exists():
        return folder
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return None
    work = cache / "plugin-work"
    shutil.rmtree(work, ignore_errors=True)
    for name in ("lists/partial", "archives/partial", "tree"):
        (work / name).mkdir(parents=True)
    (work / "sources.list").write_text(_SOURCE)
    _apt(work, "update")
    _apt(work, "download", *_PACKAGES)
    for package in work.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(package), str(work / "tree")], check=True)
    half = cache / "config.half"
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(work / "tree/usr/libexec/docker/cli-plugins", half / "cli-plugins")
    half.replace(folder)
    shutil.rmtree(work)
    return folder


def _apt(work: Path, *arguments: str) -> None:
    options = {
        "Dir::Etc::SourceList": work / "sources.list",
        "Dir::Etc::SourceParts": "-",
        "Dir::State::Lists": work / "lists",
        "Dir::Cache": work,
        "APT::Sandbox::User": "root",
    }
    given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    argv = ["apt-get", "-qq", *given, *arguments]
    done = subprocess.run(argv, cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr[-500:]}"
