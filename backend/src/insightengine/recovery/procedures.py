"""The ways back, step by step: what a drill runs and times, and what a runbook tells. Pure.

A drill may run no step that is not written here, and the runbooks in docs/guides are made of the
same steps, so that what a person reads at night is what was rehearsed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class DrillKind(StrEnum):
    RESTORE = "restore"
    FAILOVER = "failover"
    LOSE_HOST = "lose-host"


@dataclass(frozen=True, slots=True)
class Stage:
    """`counts`: nobody is served while it runs, so its time is part of the RTO. `by_hand` is what a
    person types in earnest; None where the command of an earlier stage does it."""

    key: str
    title: str
    counts: bool = False
    by_hand: str | None = None


@dataclass(frozen=True, slots=True)
class Procedure:
    """`situation` is what a person sees; `copy` is on what the drill runs instead."""

    kind: DrillKind
    title: str
    situation: str
    copy: str
    stages: tuple[Stage, ...]

    def stage(self, key: str) -> Stage:
        """Raises KeyError for one that the procedure does not have."""
        return {stage.key: stage for stage in self.stages}[key]


_RESTORE = Procedure(
    DrillKind.RESTORE,
    "Restore the databases",
    "The data directory is lost or damaged, or the databases hold what must not be there.",
    "A scratch server in a folder of its own; the platform serves on and nothing is replaced.",
    (
        Stage(
            "choose",
            "Choose the backup and the moment; see what is lost and how long it takes",
            counts=True,
            by_hand="insight restore --plan --to latest",
        ),
        Stage(
            "extract",
            "Write the files of the backup and its increments into a folder of its own",
            counts=True,
            by_hand="insight restore --to latest",
        ),
        Stage("replay", "Replay the write-ahead log up to the moment", counts=True),
        Stage("start", "Start the server from that folder and commit a transaction", counts=True),
        Stage(
            "examine",
            "Look at the data: witnesses, the smoke query, every page of every table and index",
            by_hand="insight backup verify --restore",
        ),
        Stage(
            "remove",
            "Remove what is no longer needed: the scratch copy; in earnest the replaced cluster",
            by_hand="insight restore confirm",
        ),
    ),
)
_FAILOVER = Procedure(
    DrillKind.FAILOVER,
    "Fail over to the replica",
    "The primary does not answer, or has to be stopped, and there is a replica.",
    "A pair of scratch servers that is made of the newest backup; the platform's own pair is not "
    "touched.",
    (
        Stage("primary", "Bring the newest backup back as a primary"),
        Stage("replica", "Let a replica follow it", by_hand="insight replica add"),
        Stage(
            "load",
            "Commit transactions without pause and remember each that is acknowledged",
            by_hand="insight replica status",
        ),
        Stage("kill", "The primary is killed with SIGKILL", counts=True),
        Stage("notice", "Notice that it stays away", counts=True),
        Stage(
            "fence",
            "Fence the old primary: nothing may start in its folder, which the replica's takes",
            counts=True,
            by_hand="insight failover --force",
        ),
        Stage(
            "promote",
            "Start the replica in the primary's place, promote it, and commit a transaction",
            counts=True,
        ),
        Stage("compare", "Count the acknowledged transactions that are missing"),
        Stage(
            "rejoin",
            "Rewind the old primary onto the new one's timeline and let it follow",
            by_hand="insight replica status",
        ),
        Stage("remove", "Remove the pair"),
    ),
)
_LOSE_HOST = Procedure(
    DrillKind.LOSE_HOST,
    "Recover on an empty machine",
    "The machine is gone. What is left is the repository and a recovery key.",
    "A second platform in an empty folder, on other ports of this machine, with backups switched "
    "off so that it never writes into the repository.",
    (
        Stage(
            "open",
            "Open the repository with the key",
            counts=True,
            by_hand="insight recover --from s3://BUCKET/PREFIX --key recovery.key",
        ),
        Stage(
            "state",
            "Bring back secrets, configuration and the files of the application",
            counts=True,
        ),
        Stage("cluster", "Restore the databases and replay the write-ahead log", counts=True),
        Stage("platform", "Start the platform", counts=True),
        Stage("release", "Release the application", counts=True),
        Stage(
            "prove",
            "Ask every published address, and run the smoke query",
            counts=True,
            by_hand="insight status",
        ),
        Stage("remove", "Stop the second platform and remove its folder"),
    ),
)
PROCEDURES: Mapping[DrillKind, Procedure] = {
    one.kind: one for one in (_RESTORE, _FAILOVER, _LOSE_HOST)
}


def runbooks_page() -> str:
    """docs/guides/runbooks.md: for each procedure when, what, and how it is rehearsed."""
    lines = [
        "# Runbooks",
        "",
        "For the operator at night. `insight drill` runs the same steps on a scratch copy, timed;",
        "rehearse them by day. Steps marked ⏱ count towards the recovery time.",
    ]
    for procedure in PROCEDURES.values():
        lines += ["", *_runbook(procedure)]
    return "\n".join(lines) + "\n"


def _runbook(procedure: Procedure) -> Iterator[str]:
    yield f"## {procedure.title}"
    yield ""
    yield f"**When.** {procedure.situation}"
    yield ""
    yield "| step | | what you type |"
    yield "|---|---|---|"
    for number, stage in enumerate(procedure.stages, start=1):
        command = f"`{stage.by_hand}`" if stage.by_hand else ""
        yield f"| {number}. {stage.title} | {'⏱' if stage.counts else ''} | {command} |"
    yield ""
    yield f"**Rehearse:** `insight drill {procedure.kind}`. {procedure.copy}"
