"""A Patroni cluster on this machine: two data nodes, and three members of its own Raft store."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from benchmarks.harness import free_base_port, progress
from benchmarks.recover_peers import UNPRIVILEGED, folder_of_owner
from insightengine.runtimes.local.supplied.postgres import binary

PATRONI = "4.1.5"
_TOOLS = Path(__file__).parents[1] / ".tools"
_VENV = _TOOLS / "peers/patroni"
_READY_S = 90.0
# As soon as Patroni's own limits let it be: ttl below 20 s and loops below 1 s are not taken.
_TIMING = {"ttl": 20, "loop_wait": 1, "retry_timeout": 3, "primary_start_timeout": 0}


@dataclass
class Member:
    """`base` is the first of its ports: PostgreSQL, REST, Raft."""

    name: str
    folder: Path
    base: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def raft(self) -> str:
        return f"127.0.0.1:{self.base + 2}"

    @property
    def cluster(self) -> Path:
        return self.folder / "data"

    def role(self) -> str:
        try:
            return str(
                httpx.get(f"http://127.0.0.1:{self.base + 1}/patroni", timeout=1).json()["role"]
            )
        except (httpx.HTTPError, ValueError, KeyError):
            return "unknown"

    def postmaster(self) -> int:
        return int((self.cluster / "postmaster.pid").read_text(encoding="utf-8").split()[0])


@dataclass
class Patroni:
    folder: Path
    synchronous: bool
    members: list[Member] = field(default_factory=list)

    @property
    def data(self) -> list[Member]:
        return self.members[:2]

    @property
    def conninfo(self) -> str:
        """Whoever is the primary, as any client that knows both."""
        hosts = ",".join("127.0.0.1" for _ in self.data)
        ports = ",".join(str(member.base) for member in self.data)
        words = "user=postgres password=postgres dbname=postgres connect_timeout=2"
        return f"host={hosts} port={ports} {words} target_session_attrs=read-write"

    def start(self) -> None:
        base = free_base_port()
        for number in range(3):
            folder = folder_of_owner(self.folder / f"member{number}")
            self.members.append(Member(f"member{number}", folder, base + 10 * number))
        for member in self.members:
            self._start(member)
        self._until(lambda: sorted(m.role() for m in self.data) == ["primary", "replica"])
        self._until(self._streams)

    @property
    def primary(self) -> Member:
        return next(member for member in self.data if member.role() == "primary")

    def memory_bytes(self) -> int:
        """Proportional share of Patroni's and the store's own processes, without PostgreSQL."""
        return sum(_pss(one.process.pid) for one in self.members if one.process is not None)

    def lose_data(self) -> None:
        """kill -9 of the primary's server, and its data directory is gone; Patroni lives."""
        primary = self.primary
        os.kill(primary.postmaster(), signal.SIGKILL)
        doomed = primary.cluster.with_name("doomed")
        primary.cluster.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def lose_node(self) -> None:
        """kill -9 of everything of the primary's node."""
        primary = self.primary
        pid = primary.postmaster()
        if primary.process is not None:
            primary.process.kill()
        os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        for member in self.members:
            if member.process is None:
                continue
            own = psutil.Process(member.process.pid) if member.process.poll() is None else None
            found = [own, *own.children(recursive=True)] if own else []
            member.process.terminate()
            try:
                member.process.wait(20)
            except subprocess.TimeoutExpired:
                member.process.kill()
            for one in found:
                if one is not None and one.is_running():
                    one.kill()

    def _streams(self) -> bool:
        answer = httpx.get(f"http://127.0.0.1:{self.primary.base + 1}/cluster", timeout=1).json()
        wanted = "sync_standby" if self.synchronous else "replica"
        return any(m["role"] == wanted and m["state"] == "streaming" for m in answer["members"])

    def _until(self, look) -> None:  # type: ignore[no-untyped-def]
        deadline = time.monotonic() + _READY_S
        while True:
            try:
                if look():
                    return
            except (httpx.HTTPError, StopIteration, KeyError, ValueError):
                pass
            if time.monotonic() > deadline:
                logs = [m.folder / "patroni.log" for m in self.members]
                tails = "\n".join(log.read_text(errors="replace")[-1500:] for log in logs)
                raise RuntimeError(f"Patroni is not ready:\n{tails}")
            time.sleep(0.2)

    def _start(self, member: Member) -> None:
        path = member.folder / "patroni.yml"
        path.write_text(json.dumps(self._configuration(member)), encoding="utf-8")  # JSON is YAML
        path.chmod(0o644)
        is_data = member in self.data
        program = "patroni" if is_data else "patroni_raft_controller"
        with (member.folder / "patroni.log").open("wb") as log:
            member.process = subprocess.Popen(
                [str(_VENV / "bin" / program), str(path)],
                cwd=member.folder,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": str(member.folder)},
                user=UNPRIVILEGED if os.getuid() == 0 else None,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _configuration(self, member: Member) -> dict[str, object]:
        others = [one.raft for one in self.members if one is not member]
        who = {"username": "postgres", "password": "postgres"}
        address = f"127.0.0.1:{member.base}"
        return {
            "scope": "bench",
            "name": member.name,
            "restapi": {
                "listen": f"127.0.0.1:{member.base + 1}",
                "connect_address": f"127.0.0.1:{member.base + 1}",
            },
            "raft": {
                "data_dir": str(member.folder / "raft"),
                "self_addr": member.raft,
                "partner_addrs": others,
            },
            "bootstrap": {
                "dcs": {
                    **_TIMING,
                    "synchronous_mode": self.synchronous,
                    "postgresql": {"use_pg_rewind": True, "parameters": {"wal_level": "replica"}},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
            },
            "postgresql": {
                "listen": address,
                "connect_address": address,
                "data_dir": str(member.cluster),
                "bin_dir": str(binary("postgres").parent),
                "pgpass": str(member.folder / "pgpass"),
                "authentication": {"superuser": who, "replication": who},
                "pg_hba": [
                    "host all all all scram-sha-256",
                    "host replication all all scram-sha-256",
                ],
                "parameters": {"unix_socket_directories": "", "shared_buffers": "64MB"},
            },
        }


def _pss(pid: int) -> int:
    """Without children, which are PostgreSQL's."""
    return int(psutil.Process(pid).memory_full_info().pss)


@contextmanager
def patroni(folder: Path, *, synchronous: bool) -> Iterator[Patroni]:
    found = Patroni(folder_of_owner(folder), synchronous)
    try:
        found.start()
        yield found
    finally:
        found.close()
        shutil.rmtree(folder, ignore_errors=True)


def is_there() -> bool:
    """Installs Patroni beside the other peers, once."""
    if (_VENV / "bin/patroni").exists():
        return True
    progress(f"installing Patroni {PATRONI} (once)")
    uv = str(_TOOLS / "bin/uv")
    wanted: Sequence[str] = (
        "--quiet",
        f"--python={_VENV / 'bin/python'}",
        f"patroni[raft]=={PATRONI}",
    )
    venv = [uv, "venv", "--quiet", f"--python={Path(sys.executable).resolve()}", str(_VENV)]
    for command in (venv, [uv, "pip", "install", *wanted, "psycopg[binary]"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            progress(f"no peer: Patroni cannot be installed: {done.stderr[-300:]}")
            return False
    return True
