"""How long the platform takes to answer, and what it holds in memory while idle."""

from __future__ import annotations

import statistics
import time

from benchmarks.harness import Platform, options, progress, report, throwaway_platform

CAVEAT = (
    "Seconds from the command to a healthy answer of every dependency through the edge, packages\n"
    "installed and console built; no application in it. RSS counts pages shared between processes\n"
    "once for each, PSS once in all. Other work on the machine makes every figure worse."
)


def main() -> None:
    given = options("Cold and warm start, and idle memory, of the platform without an application.")
    rounds, idle_s = (1, 8) if given.quick else (3, 60)
    cold: list[float] = []
    warm: list[float] = []
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        with throwaway_platform() as platform:
            cold.append(platform.seconds_to_answer("up", "--detach"))
            platform.insight("down")
            warm.append(platform.seconds_to_answer("up", "--detach"))
            time.sleep(idle_s)
            resident, proportional, cpu = idle_use(platform)
    figures = {
        "cold_s": round(statistics.median(cold), 2),
        "warm_s": round(statistics.median(warm), 2),
        "idle_rss_mb": round(resident / 1e6),
        "idle_pss_mb": round(proportional / 1e6),
        "idle_cpu_cores": round(cpu, 3),
        "rounds": rounds,
    }
    report(figures, CAVEAT, given)


def idle_use(platform: Platform) -> tuple[int, int, float]:
    """Bytes resident, bytes proportional, and cores used over five seconds."""
    processes = platform.processes()
    for process in processes:
        process.cpu_percent()
    time.sleep(5)
    cores = sum(process.cpu_percent() for process in processes) / 100
    memory = [process.memory_full_info() for process in processes]
    return sum(m.rss for m in memory), sum(m.pss for m in memory), cores


if __name__ == "__main__":
    main()
