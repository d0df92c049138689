"""A primary is lost under load: our own promoter beside Patroni, with the same server binaries."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

from benchmarks import patroni
from benchmarks.commits import Commits
from benchmarks.harness import options, progress, report, throwaway_platform
from benchmarks.recover import Bench, until_streaming
from insightengine.core.settings import StateFolder
from insightengine.runtimes.local.records import alive_records

CAVEAT = (
    "One machine; two PostgreSQL servers each. *_data_s: the primary's server is killed and its\n"
    "data directory removed; *_node_s: Patroni on that node is killed with it, which has no\n"
    "counterpart here: our nodes share one supervisor. Seconds are from the kill to the next\n"
    "commit, lost are acknowledged commits that the new primary does not have. Patroni runs with\n"
    "the shortest times that it takes (ttl 20, loop_wait 1, retry_timeout 3,\n"
    "primary_start_timeout 0) and its own Raft store of three members. Memory is without\n"
    "PostgreSQL; ours is that of the whole backups process, which also takes backups."
)


def main() -> None:
    given = options("Failover of ours beside Patroni.")
    figures: dict[str, float | int | str] = {}
    for synchronous in (False, True):
        figures |= ours(synchronous=synchronous)
    if patroni.is_there():
        for synchronous in (False, True):
            figures |= theirs("data", patroni.Patroni.lose_data, synchronous=synchronous)
            if not given.quick:
                figures |= theirs("node", patroni.Patroni.lose_node, synchronous=synchronous)
    report(figures, CAVEAT, given)


def _mode(*, synchronous: bool) -> str:
    return "sync" if synchronous else "async"


def ours(*, synchronous: bool) -> dict[str, float | int | str]:
    mode = _mode(synchronous=synchronous)
    progress(f"ours, {mode}")
    with throwaway_platform() as platform:
        bench = Bench(platform)
        bench.up(synchronous=synchronous)
        bench.query("CREATE DATABASE bench", "postgres")
        platform.insight("replica", "add")
        until_streaming(bench)
        run = StateFolder(platform.folder / ".insight").run
        memory = psutil.Process(alive_records(run)["backups"].pid).memory_full_info().pss
        figures = _lost(f"ours_{mode}", Commits(bench.conninfo), bench.destroy)
    return {**figures, f"ours_{mode}_mb": round(memory / 1e6)}


def theirs(
    what: str, lose: Callable[[patroni.Patroni], None], *, synchronous: bool
) -> dict[str, float | int | str]:
    mode = _mode(synchronous=synchronous)
    progress(f"Patroni, {mode}, {what} lost")
    with throwaway_platform() as place:
        folder = place.folder / "patroni"
        with patroni.patroni(folder, synchronous=synchronous) as cluster:
            memory = cluster.memory_bytes()
            name = f"patroni_{mode}_{what}"
            figures = _lost(name, Commits(cluster.conninfo), lambda: lose(cluster))
    return {**figures, f"patroni_{mode}_mb": round(memory / 1e6)}


def _lost(name: str, commits: Commits, lose: Callable[[], None]) -> dict[str, float | int | str]:
    commits.create()
    with commits.running():
        commits.wait_for(1000)
        killed_at = time.monotonic()
        lose()
        gone_at = time.monotonic()
        while commits.last_at < gone_at + 0.1:
            if time.monotonic() > gone_at + 120:
                raise RuntimeError(f"{name}: nobody took over within 120 s")
            time.sleep(0.01)
        first = min(at for at in list(commits.acknowledged.values()) if at > gone_at + 0.1)
        commits.wait_for(50)
    return {
        f"{name}_s": round(first - killed_at, 2),
        f"{name}_acknowledged": len(commits.acknowledged),
        f"{name}_lost": commits.lost(),
    }


if __name__ == "__main__":
    main()
