"""A real PostgreSQL server of the wheel for tests, and the unprivileged user it needs."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from insightengine.recovery.commands import Programs
from insightengine.runtimes.local.supplied.postgres import binary
from insightengine.stores.server import PostgresServer, ServerAddress, ServerState
from tests.ports import free_port

PROGRAMS = Programs(binary("postgres").parent)
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
_START_LIMIT_S = 20


@contextmanager
def unprivileged() -> Iterator[None]:
    """PostgreSQL refuses root: as root, the block and all it starts run as `nobody`."""
    if os.geteuid() != 0:
        yield
        return
    nobody = pwd.getpwnam("nobody")
    groups = os.getgroups()
    os.setgroups([])
    os.setresgid(nobody.pw_gid, nobody.pw_gid, 0)
    os.setresuid(nobody.pw_uid, nobody.pw_uid, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(groups)


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder of the user that tests of PostgreSQL run as. Use it inside `unprivileged`."""
    folder = Path(tempfile.mkdtemp(prefix="insight-test-", dir="/var/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Server:
    """A cluster in a folder; it trusts whoever connects on loopback."""

    cluster: Path
    port: int = field(default_factory=free_port)
    settings: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> ServerAddress:
        return ServerAddress("127.0.0.1", self.port, "insight_admin")

    def create(self) -> None:
        command = [PROGRAMS.path("initdb"), f"--pgdata={self.cluster}", "--auth=trust"]
        command += ["--username=insight_admin", "--data-checksums", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)

    def start(self) -> None:
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "summarize_wal": "on",
            "shared_buffers": "64MB",
            "wal_sender_timeout": "5s",
            **self.settings,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [PROGRAMS.path("postgres"), "-D", str(self.cluster), *options],
                env=ENVIRONMENT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    @property
    def log(self) -> Path:
        return self.cluster.with_name(f"{self.cluster.name}.log")

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT stops in order, SIGKILL kills the server and all its processes."""
        if self.process is None:
            return
        if number is signal.SIGKILL:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.send_signal(number)
        self.process.wait(60)
        self.process = None

    def connect(self, database: str = "postgres") -> PostgresServer:
        return PostgresServer(self.address, database)

    def run(self, statement: str, database: str = "postgres") -> None:
        with self.connect(database) as server:
            server.query(statement)

    def state(self) -> ServerState:
        with self.connect() as server:
            return server.state()

    def sums(self, database: str, tables: Sequence[str]) -> list[tuple[int, str]]:
        """Rows and checksum of each table."""
        with self.connect(database) as server:
            return [server.count_and_sum(table) for table in tables]

    def load(self, database: str, seconds: float, clients: int = 2) -> None:
        """Transactions of pgbench for that long."""
        command = [PROGRAMS.path("pgbench"), "--no-vacuum", f"--client={clients}"]
        command += [f"--time={seconds:g}", "--host=127.0.0.1", f"--port={self.port}"]
        command += ["--username=insight_admin", database]
        subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)

    def fill(self, database: str, scale: int) -> None:
        self.run(f"CREATE DATABASE {database}")
        command = [PROGRAMS.path("pgbench"), "--initialize", "--quiet", f"--scale={scale}"]
        command += ["--host=127.0.0.1", f"--port={self.port}", "--username=insight_admin", database]
        subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_LIMIT_S
        while time.monotonic() < deadline and self.process and self.process.poll() is None:
            try:
                with psycopg.connect(f"{self.address.words} dbname=postgres connect_timeout=2"):
                    return
            except psycopg.OperationalError:
                time.sleep(0.03)
        raise RuntimeError(self.log.read_text(encoding="utf-8")[-2000:])


@contextmanager
def server(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A new cluster, started; ended with all its processes after the block."""
    made = Server(folder / "cluster", settings=settings or {})
    made.create()
    made.start()
    try:
        yield made
    finally:
        made.stop(signal.SIGKILL)
