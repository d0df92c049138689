"""A peer that is written in Go: built once, from the Go module proxy, where Go is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.harness import progress

_TOOLS = Path(__file__).parents[1] / ".tools" / "peers"


def go_peer(name: str, module: str, version: str, package: str) -> Path | None:
    """The program `name`, of the folder `package` of the module.

    None where it is not built and cannot be; the reason is told.
    """
    built = _TOOLS / name
    if built.exists():
        return built
    if shutil.which("go") is None:
        progress(f"no peer: {name} is not built, and there is no Go to build it")
        return None
    progress(f"building {name} {version} (once, two minutes)")
    with tempfile.TemporaryDirectory() as folder:  # a version is named, so no list is asked for
        required = f"module peer\n\ngo 1.24\n\nrequire {module} {version}\n"
        (Path(folder) / "go.mod").write_text(required, encoding="utf-8")
        done = subprocess.run(
            ["go", "build", "-o", str(built), f"{module}/{package}"],
            cwd=folder,
            env={**os.environ, "GOFLAGS": "-mod=mod"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        progress(f"no peer: {name} could not be built: {done.stderr[-300:]}")
        return None
    return built
