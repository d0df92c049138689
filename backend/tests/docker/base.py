"""The base image of tests: Debian with Python 3, by debootstrap or, without it, a pulled one."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_SUITE = "trixie"
_PACKAGES = "python3,python3-venv,ca-certificates"
_PULLED = "python:3.13-slim"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_LEFT_OUT = (
    "./var/cache/apt/archives/*.deb",
    "./var/lib/apt/lists/*",
    "./usr/share/doc/*",
    "./usr/share/man/*",
    "./usr/share/locale/*",
)


def ensure_base(cache: Path, environment: Mapping[str, str]) -> str | None:
    """The image's name; None when it can neither be made nor pulled here."""
    if os.geteuid() == 0 and shutil.which("debootstrap"):
        return _bootstrapped(cache, environment)
    pull = ["docker", "pull", "--quiet", _PULLED]
    pulled = subprocess.run(pull, env=environment, capture_output=True, check=False)
    return _PULLED if pulled.returncode == 0 else None


def _bootstrapped(cache: Path, environment: Mapping[str, str]) -> str:
    certificates = _CERTIFICATES.read_bytes() if _CERTIFICATES.exists() else b""
    told = f"{_SUITE} {_PACKAGES} {_LEFT_OUT}".encode() + certificates
    version = hashlib.sha256(told).hexdigest()[:12]
    image = f"insight-test-python:{version}"
    inspect = ["docker", "image", "inspect", image]
    if subprocess.run(inspect, env=environment, capture_output=True, check=False).returncode != 0:
        archive = cache / f"base-{version}.tar"
        if not archive.exists():
            _make_archive(cache, archive)
        _run(["docker", "import", str(archive), image], environment)
    return image


def _make_archive(cache: Path, archive: Path) -> None:
    tree = cache / "base-tree"
    shutil.rmtree(tree, ignore_errors=True)
    _run(["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, str(tree)], None)
    if _CERTIFICATES.exists():  # builds reach the package index the way this machine does
        shutil.copyfile(_CERTIFICATES, tree / _CERTIFICATES.relative_to("/"))
    half = archive.with_suffix(".half")
    left_out = [f"--exclude={pattern}" for pattern in _LEFT_OUT]
    _run(["tar", "-C", str(tree), *left_out, "-cf", str(half), "."], None)
    half.replace(archive)
    shutil.rmtree(tree)


def _run(argv: list[str], environment: Mapping[str, str] | None) -> None:
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stdout[-500:]} {done.stderr[-500:]}"
