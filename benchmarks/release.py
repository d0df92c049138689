"""Releases and rollbacks under a constant load: what visitors notice of them, and how soon."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks import proxy_peer
from benchmarks.harness import Platform, options, progress, report, throwaway_platform
from benchmarks.steady_load import Load, Sample, p99_ms, steady_load
from insightengine.application.policy import GateLimits
from insightengine.release.gates import Measured, Outcome, Traffic, bucket_of, judge
from insightengine.stores.journal.port import Entry, Phase
from insightengine.stores.journal.sqlite import SqliteJournal

APPLICATION = Path(__file__).parents[1] / "backend/tests/applications/tiny"
LIMITS = GateLimits(p95_ratio=5, p95_floor_s=0.05)
POLICY = """
x-insight:
  release:
    watch: 1s
    watch_limit: 60s
    warm_up: 0s
    drain_timeout: 25s
    on_inconclusive: accept
    gates: {p95_ratio: 5, p95_floor: 50ms}
"""
LONG = ("stream", "websocket")
WORSE = 0.2  # share of errors in the release that has to be taken back
CAVEAT = (
    "A whole platform, its application, and the clients share this machine. 200 GETs and 100\n"
    "POSTs of 10 kB a second on 12 connections, a stream and a WebSocket of 20 s, one after\n"
    "the other (with --quick one of each). switch_ms: from the health check's success until the\n"
    "last request began that the old version answered. rollback_ms: from the start of the command\n"
    "until then. p99_added_ms: requests within a second of a switch against those while nothing\n"
    "is done. auto_rollback_s: from the moment at which the answers seen by the clients suffice\n"
    "for the gates until the last request began that the worse version answered."
)


@dataclass(frozen=True)
class Change:
    """One switch from a version to another, as it was asked for and as the journal knows it."""

    kind: str
    old: str
    new: str
    asked_at: float
    state: str
    summary: str
    entries: tuple[Entry, ...]

    def at(self, step: str, phase: Phase = Phase.DONE) -> float:
        found = [e.at for e in self.entries if e.step == step and e.phase is phase]
        return found[-1].timestamp()


class Bench:
    """The tiny application on a platform of its own; `version` is what serves."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.port = platform.base_port + 90
        self.version = self.before = "0"
        self.count = 0
        for file in APPLICATION.iterdir():
            shutil.copy(file, platform.folder)
        with (platform.folder / "compose.yaml").open("a", encoding="utf-8") as compose:
            compose.write(POLICY)
        (platform.folder / ".env").write_text(f"TINY_PORT={self.port}\n", encoding="utf-8")
        self._behave("0")
        platform.insight("up", "--detach")
        self.journal = SqliteJournal(platform.folder / ".insight/releases/journal.sqlite")

    def _behave(self, version: str, **more: object) -> None:
        told = json.dumps({"version": version, **more})
        (self.platform.folder / "behaviour.json").write_text(told, encoding="utf-8")

    def deploy(self) -> Change:
        self.count += 1
        self._behave(str(self.count))
        return self._change("deploy", str(self.count))

    def roll_back(self) -> Change:
        """Directly after a deployment only: to the version of before it."""
        return self._change("rollback", self.before)

    def deploy_worse(self) -> Change:
        """A version that the gates have to take back."""
        self._behave("worse", error_ratio=WORSE)
        change = self._asked("deploy", "worse")
        if change.state != "failed":
            watched = [e.detail for e in change.entries if e.step == "watch"]
            raise RuntimeError(f"the worse release is {change.state}: {watched[-1]}")
        return change

    def _change(self, kind: str, new: str) -> Change:
        change = self._asked(kind, new)
        if change.state != "done":
            raise RuntimeError(f"{kind} of {new} is {change.state}: {change.summary}")
        self.before, self.version = self.version, new
        return change

    def _asked(self, kind: str, new: str) -> Change:
        asked_at = time.time()
        with suppress(subprocess.CalledProcessError):  # the journal has the outcome
            self.platform.insight(kind)
        operation = self.journal.operations(None, None, 1)[0]
        entries = tuple(self.journal.entries(operation.id))
        return Change(
            kind, self.version, new, asked_at, operation.state, operation.summary, entries
        )


def last_answer_of(version: str, load: Load, change: Change) -> float:
    """When the last request began that the version answered since the change was asked for."""
    until = change.entries[-1].at.timestamp()
    return max(s.started for s in load.between(change.asked_at, until) if s.version == version)


def main() -> None:
    given = options("Releases, rollbacks and an automatic rollback under a constant load.")
    with throwaway_platform() as platform:
        bench = Bench(platform)
        figures = switching(bench, 10 if given.quick else 100, quick=given.quick)
        progress(f"{figures}\na release that fails one request in five")
        figures |= taken_back(bench)
        if not given.quick:
            progress("kamal-proxy under the same load")
            figures |= proxy_peer.measure(APPLICATION, 20, figures)
    report(figures, CAVEAT, given)


def switching(bench: Bench, switches: int, *, quick: bool) -> dict[str, float | int | str]:
    """With `quick` each deployment is taken back; else every third change is a rollback."""
    cycle = (
        [bench.deploy, bench.roll_back] if quick else [bench.deploy, bench.roll_back, bench.deploy]
    )
    still_s = 2 if quick else 15
    changes: list[Change] = []
    with steady_load(bench.port, 1 if quick else None) as load:
        began = time.time()
        time.sleep(still_s)
        still = [(began, time.time())]
        for number in range(switches):
            changes.append(cycle[number % len(cycle)]())
            told = f"switch {number + 1} of {switches}: {changes[-1].kind}"
            if number % 10 == 9:
                progress(told)
        ended = time.time()
        time.sleep(still_s)
        still.append((ended, time.time()))
    for sample in load.failed()[:10]:
        progress(f"failed: {sample}")
    return {
        "switches": len(changes),
        "requests": len(load.samples),
        "failed_requests": len(load.failed()),
        **{f"{kind}_sessions": sum(s.kind == kind for s in load.samples) for kind in LONG},
        **_times(changes, load, still),
    }


def _times(
    changes: Sequence[Change], load: Load, still: Sequence[tuple[float, float]]
) -> dict[str, float]:
    switch_ms, rollback_ms, near = [], [], list[Sample]()
    for change in changes:
        left_at = last_answer_of(change.old, load, change)
        switch_ms.append(1000 * max(0.0, left_at - change.at("health")))
        if change.kind == "rollback":
            rollback_ms.append(1000 * (left_at - change.asked_at))
        near += load.between(change.at("switch", Phase.INTENT) - 0.1, change.at("prove") + 0.9)
    idle = [sample for window in still for sample in load.between(*window)]
    return {
        "switch_ms_median": round(statistics.median(switch_ms), 1),
        "switch_ms_max": round(max(switch_ms), 1),
        "rollback_ms_median": round(statistics.median(rollback_ms)),
        "rollback_ms_max": round(max(rollback_ms)),
        "p99_still_ms": round(p99_ms(idle), 1),
        "p99_added_ms": round(p99_ms(near) - p99_ms(idle), 1),
    }


def taken_back(bench: Bench) -> dict[str, float | int | str]:
    """From when what clients saw suffices for the gates until nobody meets the worse version."""
    with steady_load(bench.port, 0) as load:
        time.sleep(1)
        change = bench.deploy_worse()
    suffices_at = first_verdict(load, change)
    left_at = last_answer_of("worse", load, change)
    return {
        "auto_rollback_s": round(left_at - suffices_at, 2),
        "auto_rollback_exposed_s": round(left_at - change.at("switch"), 2),
    }


def first_verdict(load: Load, change: Change) -> float:
    """When a judge who sees every answer at once, and looks each tenth of a second, is certain."""
    switched = change.at("switch")
    previous = Measured(_traffic(load.between(0, switched), change.old))
    moment = switched
    while moment < change.at("switch-back"):
        moment += 0.1
        new = Measured(_traffic(load.between(switched, moment), "worse"))
        if judge(new, previous, LIMITS).outcome is Outcome.FAIL:
            return moment
    raise RuntimeError("the worse release was taken back before the answers sufficed")


def _traffic(samples: Iterable[Sample], version: str) -> Traffic:
    own = [sample for sample in samples if sample.version == version]
    latency = Counter(bucket_of(sample.took_ms) for sample in own)
    return Traffic(len(own), sum(bool(sample.problem) for sample in own), latency)


if __name__ == "__main__":
    main()
