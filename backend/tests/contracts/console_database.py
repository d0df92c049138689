"""The console's database: a real PostgreSQL server with an empty database `insight`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL

from tests.contracts.postgres_server import Server, private_folder, unprivileged


@contextmanager
def console_database() -> Iterator[URL]:
    with unprivileged(), private_folder() as folder:
        server = Server(folder / "cluster")
        server.create()
        server.start()
        try:
            server.run("CREATE DATABASE insight ENCODING 'UTF8' TEMPLATE template0")
            address = server.address
            yield URL.create(
                "postgresql+psycopg",
                address.user,
                host=address.host,
                port=address.port,
                database="insight",
            )
        finally:
            server.stop()
