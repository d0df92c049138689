"""A PostgreSQL server beside the platform's: for a restore before it is put in place, and for
proofs. It listens on a unix socket in a folder of its own, which nobody else may enter, and so
needs neither a port nor a password.
"""

from __future__ import annotations

import errno
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from insightengine.core.errors import (
    ConflictError,
    InsightError,
    LimitExceededError,
    UnavailableError,
)
from insightengine.recovery import bound
from insightengine.recovery.commands import Programs
from insightengine.stores.server import PostgresServer, ServerAddress

SUPERUSER = "insight_admin"
_PORT = 5432  # only a part of the socket's name
_POLL_S = 0.02
MOST_WAL_MB = 1024  # of what it has replayed, so much stays on the disk for some time


@dataclass(frozen=True, slots=True)
class Scratch:
    """`settings` are options of the server. Durability is switched off unless asked for: what the
    server writes here is either thrown away or made durable as a whole afterwards."""

    programs: Programs
    cluster: Path
    log: Path
    environment: Mapping[str, str]
    settings: Mapping[str, str]
    keeps_data: bool = False


class ScratchServer:
    def __init__(self, scratch: Scratch, sockets: Path, process: subprocess.Popen[bytes]) -> None:
        self._scratch = scratch
        self._process = process
        self.address = ServerAddress(str(sockets), _PORT, SUPERUSER)

    def connect(self, database: str = "postgres") -> PostgresServer:
        return PostgresServer(self.address, database)

    def wait_until_promoted(self, limit_s: float) -> None:
        """Returns when recovery has come to its target and the server takes writes.

        Raises ConflictError with what the server said when it ended, LimitExceededError
        (`disk_full`) where that was its disk, UnavailableError when the time is over.
        """
        deadline = time.monotonic() + limit_s
        with self.connect() as server:
            while time.monotonic() < deadline:
                if self._process.poll() is not None:
                    raise self._ended()
                with suppress(UnavailableError):
                    if server.query("SELECT NOT pg_is_in_recovery()") == [(True,)]:
                        return
                time.sleep(_POLL_S)
        raise UnavailableError(
            f"the server in {self._scratch.cluster} has not recovered within {limit_s:g} s",
            hint=f"look at {self._scratch.log}",
        )

    def kill(self) -> None:
        """As a crash ends it: SIGKILL for the postmaster; returns when it is gone."""
        self._process.kill()
        self._process.wait()

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def stop(self, *, is_needed: bool = True) -> None:
        """An orderly stop, with a checkpoint; or at once when the cluster is thrown away."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT if is_needed else signal.SIGQUIT)
        if not self._ends_within(600 if is_needed else 20):
            self._process.kill()
        self._process.wait()
        if is_needed and self._process.returncode != 0:
            raise self._ended()

    def _ends_within(self, limit_s: float) -> bool:
        """Told at once: `Popen.wait` with a limit looks every 50 ms."""
        if self._process.poll() is not None:
            return True
        descriptor = os.pidfd_open(self._process.pid)
        try:
            return bool(select.select([descriptor], [], [], limit_s)[0])
        finally:
            os.close(descriptor)

    def _ended(self) -> InsightError:
        """Its log may be removed with its cluster, so that what matters of it is told."""
        why = last_error(self._scratch.log)
        told = f"the server in {self._scratch.cluster} ended: {why}"
        if os.strerror(errno.ENOSPC) in why:
            return LimitExceededError(told, code="disk_full", hint="free some space")
        return ConflictError(told, code="server_ended")


@contextmanager
def running(scratch: Scratch) -> Iterator[ScratchServer]:
    """Starts the server; ends it at the end of the block, also when that raises."""
    sockets = Path(tempfile.mkdtemp(prefix="insight-", dir="/tmp"))  # short, private
    try:
        hba = sockets / "pg_hba.conf"
        hba.write_text("local all all trust\nlocal replication all trust\n", encoding="utf-8")
        with scratch.log.open("ab") as log:
            process = subprocess.Popen(
                _argv(scratch, sockets, hba),
                env=dict(scratch.environment),
                cwd=scratch.cluster.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        server = ScratchServer(scratch, sockets, process)
        try:
            yield server
        finally:
            if process.poll() is None:
                server.stop(is_needed=False)
    finally:
        shutil.rmtree(sockets, ignore_errors=True)


def _argv(scratch: Scratch, sockets: Path, hba: Path) -> list[str]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "port": str(_PORT),
        "hba_file": str(hba),
        "shared_buffers": "128MB",
        "max_wal_size": f"{MOST_WAL_MB}MB",
        "wal_level": "replica",
        "summarize_wal": "off",
        "archive_mode": "off",
        "max_connections": "100",
        "synchronous_standby_names": "",
        "fsync": "on" if scratch.keeps_data else "off",
        "full_page_writes": "on" if scratch.keeps_data else "off",
        "logging_collector": "off",
        "log_timezone": "UTC",
        "autovacuum": "off",
        **scratch.settings,
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = [scratch.programs.path("postgres"), "-D", str(scratch.cluster), *options]
    return [sys.executable, "-I", "-S", bound.__file__, *server]


def last_error(log: Path) -> str:
    """The last line of a server's log that tells of an error."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "it left no log"
    serious = [line for line in lines if "FATAL:" in line or "PANIC:" in line or "ERROR:" in line]
    found = (serious or lines or ["its log is empty"])[-1]
    return found.partition("  ")[2].strip() or found
