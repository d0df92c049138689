"""A base image with Node in it: that of this machine on top of the tests' own base."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.docker.engine import Engine

_PULLED = "node:22-slim"
_DOCKERFILE = """\
ARG BASE
FROM ${BASE}
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && npm --version
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
"""


def node_base(engine: Engine) -> str:
    """The image's name. Where the base was pulled, so is this one."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not engine.base.startswith("insight-test") or node is None or npm is None:
        engine.docker("pull", "--quiet", _PULLED)
        return _PULLED
    image = "insight-test-node:local"
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        shutil.copy(Path(node).resolve(), context / "node")
        shutil.copytree(Path(npm).resolve().parents[1], context / "npm")
        (context / "Dockerfile").write_text(_DOCKERFILE)
        engine.docker(
            "build", "--quiet", "--build-arg", f"BASE={engine.base}", "--tag", image, folder
        )
    return image
