"""Backups, restores and failover of a pgbench database, in time, bytes and lost commits."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import recover_peers
from benchmarks.commits import Commits
from benchmarks.harness import Platform, arguments, progress, report, throwaway_platform
from benchmarks.recover_peers import Cost
from insightengine.runtimes.local.supplied.postgres import binary

CAVEAT = (
    "Backups go encrypted into a folder on the same disk; WAL is received on it, too. full_s,\n"
    "incremental_s and restore_s are from the command to its end: the backup read back, the\n"
    "server writable. basebackup_s is plain pg_basebackup to a folder in the same run. lost_* are\n"
    "commits that were acknowledged and did not come back after kill -9 and removal of the data\n"
    "directory. promote_s is from that kill to the next commit, with a replica and no help.\n"
    "*_cpu_s are processor seconds of the whole machine. Peers work on a cluster of their own,\n"
    "of the same binaries and size: pgBackRest encrypts and compresses as we do, by 2 processes;\n"
    "Barman stores plain files. Everybody restores twice, and the second counts.\n"
    "*_to_best_peer below 1 is better than every peer."
)
OURS = ("full_s", "incremental_s", "restore_s", "full_stored_bytes", "incremental_stored_bytes")
COMPOSE = """
name: bench
services:
  postgres:
    image: postgres:18
x-insight:
  backup:
    full: 0 0 1 1 *
    incremental: 0 0 1 1 *
    wal: {synchronous: %s}
"""


class Bench:
    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.port = platform.base_port + 32

    @property
    def cluster(self) -> Path:
        return self.platform.folder / ".insight/postgres"

    @property
    def conninfo(self) -> str:
        path = self.platform.folder / ".insight/secrets/postgres_admin_password"
        password = path.read_text(encoding="utf-8").strip()
        return (
            f"host=127.0.0.1 port={self.port} user=insight_admin dbname=bench "
            f"password={password} connect_timeout=2"
        )

    def up(self, *, synchronous: bool) -> None:
        text = COMPOSE % ("true" if synchronous else "false")
        (self.platform.folder / "compose.yaml").write_text(text, encoding="utf-8")
        self.platform.insight("up", "--detach")

    def insight_json(self, *arguments: str) -> tuple[float, dict[str, Any]]:
        """Seconds that the command took, and what it printed; waits for its turn."""
        deadline = time.monotonic() + 60
        while True:
            began = time.perf_counter()
            try:
                done = self.platform.insight(*arguments, "--json")
            except subprocess.CalledProcessError as error:
                if "under way" not in error.stderr or time.monotonic() > deadline:
                    raise RuntimeError(error.stderr) from error
                time.sleep(0.2)
                continue
            return time.perf_counter() - began, json.loads(done.stdout)

    def pgbench(self, *arguments: str) -> None:
        environment = {**os.environ, "PGPASSWORD": self.conninfo.split("password=")[1].split()[0]}
        command = [str(binary("pgbench")), *arguments, "--host=127.0.0.1", f"--port={self.port}"]
        subprocess.run(
            [*command, "--username=insight_admin", "bench"],
            env=environment,
            check=True,
            capture_output=True,
        )

    def query(self, statement: str, database: str = "bench") -> Any:
        conninfo = self.conninfo.replace("dbname=bench", f"dbname={database}")
        with psycopg.connect(conninfo, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchone()[0] if cursor.description else None  # type: ignore[index]

    def destroy(self) -> float:
        """kill -9 of the server, and its data directory is gone; the moment of the kill."""
        pid = int((self.cluster / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        os.kill(pid, signal.SIGKILL)
        killed_at = time.monotonic()
        doomed = self.cluster.with_name(f"doomed-{time.monotonic_ns()}")
        self.cluster.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)  # of a large one longer than a promotion
        return killed_at


def main() -> None:
    given = _options().parse_args()
    scale, load_s = (14, 5) if given.quick else (given.scale, 60)
    with throwaway_platform() as platform:
        bench = Bench(platform)
        progress(f"filling a database of scale {scale}")
        bench.up(synchronous=False)
        bench.query("CREATE DATABASE bench", "postgres")
        bench.pgbench("--initialize", "--quiet", f"--scale={scale}")
        figures = backups(bench, load_s)
        progress("losing the data directory without synchronous WAL")
        figures |= loss(bench, "async")
        progress("losing it with synchronous WAL")
        bench.up(synchronous=True)
        figures |= loss(bench, "sync")
        progress("losing it with a replica")
        figures |= promotion(bench)
        progress(json.dumps(figures))  # not lost with a peer that fails an hour later
        if not given.quick:
            bench.platform.insight("down")
            shutil.rmtree(platform.folder / ".insight")  # a peer needs as much room again
            figures |= recover_peers.measure(platform.folder, scale, load_s)
            figures |= recover_peers.ratios(figures, OURS)
    report(figures, CAVEAT, given)


def _options() -> argparse.ArgumentParser:
    parser = arguments("Backup, restore and failover of a pgbench database, beside its peers.")
    parser.add_argument("--scale", type=int, default=100, help="of pgbench; 670 is about 10 GB")
    return parser


def backups(bench: Bench, load_s: int) -> dict[str, float | int | str]:
    size = bench.query("SELECT pg_database_size('bench')")
    progress("full backup")
    cost = Cost()
    full_s, full = bench.insight_json("backup", "create", "--full")
    figures = cost.figures("full")
    baseline_s = plain_basebackup(bench)
    progress(f"{load_s} s of load, then an incremental backup")
    bench.pgbench("--no-vacuum", "--client=4", f"--time={load_s}")
    cost = Cost()
    incremental_s, incremental = bench.insight_json("backup", "create")
    figures |= cost.figures("incremental")
    _, verified = bench.insight_json("backup", "verify", "--restore")
    return {
        **figures,
        "database_mb": round(size / 1e6),
        "full_s": round(full_s, 2),
        "full_stored_bytes": full["stored_bytes"],
        "basebackup_s": round(baseline_s, 2),
        "incremental_s": round(incremental_s, 2),
        "incremental_bytes": incremental["plain_bytes"],
        "incremental_stored_bytes": incremental["stored_bytes"],
        "changed_page_bytes": changed_page_bytes(bench),
        "verify_ready_s": verified["ready_s"],
    }


def plain_basebackup(bench: Bench) -> float:
    folder = bench.platform.folder / "plain"
    began = time.perf_counter()
    command = [str(binary("pg_basebackup")), f"--pgdata={folder}", "--checkpoint=fast"]
    subprocess.run([*command, f"--dbname={bench.conninfo}"], check=True, capture_output=True)
    took = time.perf_counter() - began
    shutil.rmtree(folder)
    return took


def changed_page_bytes(bench: Bench) -> int:
    """Pages that the server's own WAL summaries name since the full backup began, as bytes."""
    listed = json.loads(bench.platform.insight("backup", "list", "--json").stdout)["backups"]
    since = next(one["stop_lsn"] for one in listed if one["kind"] == "full")
    pages = bench.query(
        f"""SELECT count(*) FROM (
              SELECT DISTINCT reltablespace, reldatabase, relfilenode, relforknumber, relblocknumber
              FROM pg_available_wal_summaries() AS s,
                   LATERAL pg_wal_summary_contents(s.tli, s.start_lsn, s.end_lsn)
              WHERE s.end_lsn > '{since}' AND NOT is_limit_block) AS changed"""
    )
    return int(pages) * 8192


def loss(bench: Bench, name: str) -> dict[str, float | int | str]:
    commits = Commits(bench.conninfo)
    commits.create()
    with commits.running():
        commits.wait_for(1000)
        bench.destroy()
        acknowledged = len(commits.acknowledged)
    cost = Cost()
    restore_s, restored = bench.insight_json("restore", "--yes")
    return {
        **cost.figures("restore"),
        f"acknowledged_{name}": acknowledged,
        f"lost_{name}": commits.lost(),
        "restore_s": round(restore_s, 2),
        "restore_extract_s": restored["extract_s"],
        "restore_replay_s": restored["recover_s"],
    }


def until_streaming(bench: Bench, limit_s: float = 900) -> None:
    """Returns when the replica follows the primary."""
    deadline = time.monotonic() + limit_s
    while True:
        try:
            bench.platform.insight("replica", "status")
        except subprocess.CalledProcessError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            return


def promotion(bench: Bench) -> dict[str, float | int | str]:
    bench.platform.insight("replica", "add")
    until_streaming(bench)
    commits = Commits(bench.conninfo)
    commits.create()
    with commits.running():
        commits.wait_for(500)
        before = len(commits.acknowledged)
        killed_at = bench.destroy()
        commits.wait_for(1, limit_s=60)
        # Backends may acknowledge for a moment after the kill: what counts ended the longest pause.
        after = [killed_at, *sorted(at for at in commits.acknowledged.values() if at > killed_at)]
        promote_s = max(pairwise(after), key=lambda pause: pause[1] - pause[0])[1] - killed_at
    return {
        "promote_s": round(promote_s, 2),
        "lost_by_promotion": commits.lost(),
        "acknowledged_before_promotion": before,
    }


if __name__ == "__main__":
    main()
