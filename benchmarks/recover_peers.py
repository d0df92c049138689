"""Barman and pgBackRest over a pgbench database of the same size, with the same server binaries."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil
import psycopg

from benchmarks.harness import free_base_port, progress
from insightengine.runtimes.local.supplied.postgres import binary

BARMAN = "3.19.1"
_TOOLS = Path(__file__).parents[1] / ".tools"
_PEERS = _TOOLS / "peers"
UNPRIVILEGED = "nobody"
_SERVER = """
listen_addresses = ''
unix_socket_directories = '{folder}'
port = {port}
wal_level = replica
summarize_wal = on
archive_mode = on
archive_command = '{archive}'
max_wal_size = 1GB
"""


class Cost:
    """Seconds of the clock and of all processors from its making to `figures`."""

    def __init__(self) -> None:
        self._clock = time.perf_counter()
        self._cpu = _busy_s()

    def figures(self, name: str) -> dict[str, float]:
        return {
            f"{name}_s": round(time.perf_counter() - self._clock, 2),
            f"{name}_cpu_s": round(_busy_s() - self._cpu, 2),
        }


def _busy_s() -> float:
    """Of the whole machine: what a server does for a backup is part of its price."""
    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice)


@dataclass(frozen=True)
class Server:
    """A cluster of its own, reached by a socket in its folder. As root, it runs unprivileged."""

    folder: Path
    port: int

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def conninfo(self) -> str:
        return f"host={self.folder} port={self.port} user=postgres dbname=postgres"

    def run(self, *command: str, environment: dict[str, str] | None = None) -> str:
        """Standard output. Raises RuntimeError with what a failing command said."""
        done = subprocess.run(
            command,
            env={**os.environ, "HOME": str(self.folder), **(environment or {})},
            cwd=self.folder,
            user=UNPRIVILEGED if os.getuid() == 0 else None,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout[-800:]}{done.stderr[-800:]}")
        return done.stdout

    def start(self, cluster: Path) -> None:
        """Returns once it can be written to, which is after a recovery."""
        log = f"--log={self.folder / 'server.log'}"
        limit = "--timeout=600"
        self.run(str(binary("pg_ctl")), f"--pgdata={cluster}", log, limit, "--wait", "start")
        while self.query("SELECT pg_is_in_recovery()"):
            time.sleep(0.05)

    def stop(self, cluster: Path) -> None:
        self.run(str(binary("pg_ctl")), f"--pgdata={cluster}", "--mode=fast", "--wait", "stop")

    def query(self, statement: str) -> object:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    def pgbench(self, *arguments: str) -> None:
        address = [f"--host={self.folder}", f"--port={self.port}", "--username=postgres"]
        self.run(str(binary("pgbench")), *arguments, *address, "postgres")


class Peer(Protocol):
    name: str

    def prepare(self) -> None: ...
    def backup(self, *, full: bool) -> None: ...
    def stored_bytes(self) -> int: ...
    def before_restore(self) -> None:
        """What brings the last WAL into the archive, outside of the measured time."""

    def restore(self, to: Path) -> None: ...
    def close(self) -> None: ...


class Barman:
    name = "barman"

    def __init__(self, server: Server) -> None:
        self._server = server
        self._home = server.folder / "barman"
        self._receiver: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        folder_of_owner(self._home)
        self._configuration.write_text(
            f"[barman]\nbarman_home = {self._home}\nbarman_user = {_owner()}\n"
            f"log_file = {self._home}/barman.log\n"
            f"[bench]\ndescription = bench\nconninfo = {self._server.conninfo}\n"
            f"streaming_conninfo = {self._server.conninfo}\nbackup_method = postgres\n"
            "streaming_archiver = on\narchiver = off\nslot_name = barman\ncreate_slot = auto\n"
            f"path_prefix = {binary('postgres').parent}\n"
            f"cloud_staging_directory = {self._home}/cloud\n",
            encoding="utf-8",
        )
        self._call("receive-wal", "--create-slot", "bench")
        self._receiver = subprocess.Popen(
            self._command("receive-wal", "bench"),
            env={**os.environ, "HOME": str(self._home)},
            cwd=self._home,
            user=UNPRIVILEGED if os.getuid() == 0 else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not self._server.query(
            "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'barman_receive_wal'"
        ):
            time.sleep(0.1)
        self._archive()

    def backup(self, *, full: bool) -> None:
        kind = [] if full else ["--incremental", "latest"]
        self._call("backup", "--immediate-checkpoint", *kind, "bench")
        self._archive()

    def stored_bytes(self) -> int:
        return size_of(self._home / "bench/base")

    def before_restore(self) -> None:
        self._archive()

    def restore(self, to: Path) -> None:
        self._call("restore", "bench", "latest", str(to))

    def close(self) -> None:
        if self._receiver is not None:
            self._receiver.terminate()
            self._receiver.wait(timeout=30)

    def _archive(self) -> None:
        self._call("switch-wal", "--force", "--archive", "bench")
        self._call("archive-wal", "bench")

    @property
    def _configuration(self) -> Path:
        return self._home / "barman.conf"

    def _command(self, *arguments: str) -> list[str]:
        return [str(_PEERS / "barman/bin/barman"), "-c", str(self._configuration), *arguments]

    def _call(self, *arguments: str) -> None:
        self._server.run(*self._command(*arguments))


class PgBackRest:
    name = "pgbackrest"

    def __init__(self, server: Server, program: Path) -> None:
        self._server = server
        self._program = program
        self._home = server.folder / "pgbackrest"

    def prepare(self) -> None:
        for folder in ("", "repository", "log", "lock", "spool"):
            folder_of_owner(self._home / folder)
        self.configuration.write_text(
            f"[global]\nrepo1-path={self._home}/repository\nlog-path={self._home}/log\n"
            f"lock-path={self._home}/lock\nspool-path={self._home}/spool\n"
            "repo1-bundle=y\nrepo1-block=y\nrepo1-cipher-type=aes-256-cbc\n"
            "repo1-cipher-pass=measured-with-encryption\ncompress-type=zst\nprocess-max=2\n"
            "start-fast=y\nrepo1-retention-full=9\n"
            f"[bench]\npg1-path={self._server.cluster}\npg1-port={self._server.port}\n"
            f"pg1-socket-path={self._server.folder}\npg1-user=postgres\n",
            encoding="utf-8",
        )
        self._call("stanza-create")
        push = " ".join(self._command("archive-push"))
        self._server.query(f"ALTER SYSTEM SET archive_command = '{push} %p'")
        self._server.query("SELECT pg_reload_conf()")

    def backup(self, *, full: bool) -> None:
        self._call("backup", f"--type={'full' if full else 'incr'}")

    def stored_bytes(self) -> int:
        return size_of(self._home / "repository/backup")

    def before_restore(self) -> None:
        self._server.query("SELECT pg_switch_wal()")
        while self._server.query(
            "SELECT last_archived_wal < pg_walfile_name(pg_current_wal_lsn() - 1)"
            " FROM pg_stat_archiver"
        ):
            time.sleep(0.1)

    def restore(self, to: Path) -> None:
        self._call("restore", f"--pg1-path={to}")

    def close(self) -> None:
        """It has no process of its own between its commands."""

    @property
    def configuration(self) -> Path:
        return self._home / "pgbackrest.conf"

    def _command(self, command: str, *arguments: str) -> list[str]:
        shared = [f"--config={self.configuration}", "--stanza=bench"]
        return [str(self._program), *shared, *arguments, command]

    def _call(self, command: str, *arguments: str) -> None:
        self._server.run(*self._command(command, *arguments))


def measure(folder: Path, scale: int, load_s: int) -> dict[str, float | int]:
    """Figures of every peer that is here; the one that is not says why."""
    figures: dict[str, float | int] = {}
    for make in _available():
        with _server(folder / "peer", scale) as server:
            peer = make(server)
            progress(f"{peer.name}: full, {load_s} s of load, incremental, restore")
            try:
                measured = _figures_of(peer, server, load_s)
            finally:
                peer.close()
            progress(json.dumps(measured))
            figures |= measured
    return figures


def _figures_of(peer: Peer, server: Server, load_s: int) -> dict[str, float | int]:
    peer.prepare()
    cost = Cost()
    peer.backup(full=True)
    figures: dict[str, float | int] = cost.figures(f"{peer.name}_full")
    full_bytes = peer.stored_bytes()
    server.pgbench("--no-vacuum", "--client=4", f"--time={load_s}")
    cost = Cost()
    peer.backup(full=False)
    figures |= cost.figures(f"{peer.name}_incremental")
    incremental_bytes = peer.stored_bytes() - full_bytes
    peer.before_restore()
    expected = server.query("SELECT count(*) FROM pgbench_history")
    peer.close()
    server.stop(server.cluster)
    for _ in range(2):  # the second counts, as of ours: the first may meet memory nobody used yet
        shutil.rmtree(server.folder / "restored", ignore_errors=True)
        restored = _restored(peer, server, expected)
    return {
        **figures,
        **restored,
        f"{peer.name}_full_stored_bytes": full_bytes,
        f"{peer.name}_incremental_stored_bytes": incremental_bytes,
    }


def _restored(peer: Peer, server: Server, expected: object) -> dict[str, float]:
    """From the command until the server takes writes; it is stopped again."""
    folder = folder_of_owner(server.folder / "restored")
    cost = Cost()
    peer.restore(folder)
    server.start(folder)
    figures = cost.figures(f"{peer.name}_restore")
    found = server.query("SELECT count(*) FROM pgbench_history")
    server.stop(folder)
    if found != expected:
        raise RuntimeError(f"{peer.name} brought {found} of {expected} rows back")
    return figures


def _available() -> Iterator[Callable[[Server], Peer]]:
    if _barman_is_there():
        yield Barman
    found = shutil.which("pgbackrest") or _PEERS / "pgbackrest"
    program = Path(found)
    if program.exists():
        yield lambda server: PgBackRest(server, program)
    else:
        progress(f"no peer: pgbackrest is neither on the PATH nor {program}")


def _barman_is_there() -> bool:
    folder = _PEERS / "barman"
    if shutil.which("rsync") is None:
        progress("no peer: Barman restores by rsync, which is not on the PATH")
        return False
    if (folder / "bin/barman").exists():
        return True
    progress(f"installing Barman {BARMAN} (once)")
    uv = str(_TOOLS / "bin/uv")
    wanted = [
        "--quiet",
        f"--python={folder / 'bin/python'}",
        f"barman=={BARMAN}",
        "psycopg2-binary",
    ]
    venv = [uv, "venv", "--quiet", f"--python={Path(sys.executable).resolve()}", str(folder)]
    for command in (venv, [uv, "pip", "install", *wanted]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            progress(f"no peer: Barman cannot be installed: {done.stderr[-300:]}")
            return False
    return True


@contextmanager
def _server(folder: Path, scale: int) -> Iterator[Server]:
    server = Server(folder_of_owner(folder), free_base_port())
    try:
        cluster = f"--pgdata={server.cluster}"
        trusting = ("--auth=trust", "--username=postgres", "--no-sync")
        server.run(str(binary("initdb")), cluster, *trusting)
        with (server.cluster / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(_SERVER.format(folder=folder, port=server.port, archive="/bin/true"))
        server.start(server.cluster)
        server.pgbench("--initialize", "--quiet", f"--scale={scale}")
        yield server
    finally:
        for cluster_folder in (server.cluster, folder / "restored"):
            if (cluster_folder / "postmaster.pid").exists():
                server.stop(cluster_folder)
        shutil.rmtree(folder, ignore_errors=True)


def _owner() -> str:
    return UNPRIVILEGED if os.getuid() == 0 else psutil.Process().username()


def folder_of_owner(folder: Path) -> Path:
    """A new folder of whom servers run as."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.getuid() == 0:
        shutil.chown(folder, UNPRIVILEGED)
    return folder


def size_of(folder: Path) -> int:
    """Bytes of all files below it."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())


def ratios(figures: dict[str, float | int | str], ours: Sequence[str]) -> dict[str, float]:
    """Of each of our figures to the best peer's: below 1 is better than every peer."""
    found: dict[str, float] = {}
    for name in ours:
        rivals = [figures.get(f"{peer}_{name}") for peer in ("barman", "pgbackrest")]
        known = [float(value) for value in rivals if value is not None]
        if known and name in figures:
            found[f"{name}_to_best_peer"] = round(float(figures[name]) / max(min(known), 1e-9), 2)
    return found
