"""Puts the replica in the primary's place: planned, without losing a transaction, or forced.

The replica's cluster is swapped into the primary's folder and starts on the primary's port, so
that whoever uses the database finds it where it was. Before, it gets the log that the receiver has
and it has not: with a synchronous receiver no acknowledged transaction is lost. The old primary
cannot come back by itself: its folder has become the replica's, which is rewound to the new primary
before it starts.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from insightengine.core.errors import ConflictError, NotFoundError, UnavailableError
from insightengine.core.lsn import SEGMENT_BYTES, Lsn, Segment
from insightengine.recovery.house import House, ReplicaPlace
from insightengine.recovery.lineage import Lineage
from insightengine.recovery.restore import wait_until_writable
from insightengine.recovery.shipping import PARTIAL
from insightengine.recovery.walsource import SpooledWal
from insightengine.stores.server import PostgresServer

PRIMARY_AWAY_S = 5.0  # longer than a crash recovery of a small WAL and a restart take
GONE_S = 1.0  # two looks: nothing comes back where there is no data directory
_CATCH_UP_S = 10.0
_STATE = "Database cluster state"
_CHECKPOINT = "Latest checkpoint location"
_REDO = "Latest checkpoint's REDO location"
_TIMELINE = "Latest checkpoint's TimeLineID"
_REPLAYED = "Minimum recovery ending location"
_REPLAYED_OF = "Min recovery ending loc's timeline"


def is_away(unseen_s: float, *, is_gone: bool) -> bool:
    """Whether the primary is given up that has not answered for so long. `is_gone`: its data
    directory is not there, so that there is nothing to wait for."""
    return unseen_s >= (GONE_S if is_gone else PRIMARY_AWAY_S)


def failover(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """`forced` does not wait for the primary: it is gone. Idempotent up to the swap."""
    place = house.replica
    if place is None or not (place.folder / "standby.signal").exists():
        raise NotFoundError(
            "there is no replica to take over", code="no_replica", hint="insight replica add"
        )
    _refuse_diverged(house, place)
    began = time.monotonic()
    house.journal.note(operation, "fencing", {}, house.now())
    with place.held(house.folders.cluster), place.held(place.folder):
        place.end("postgres")
        fenced_s = time.monotonic() - began
        missing = _behind(house, place, forced=bool(request.get("forced")))
        place.end("replica")
        received = complete(place.folder, house.folders.spool, _checkpoint(house, place.folder))
        detail = {"behind_bytes": missing, "from_receiver_bytes": received}
        house.journal.note(operation, "swapping", detail, house.now())
        place.swap(place.folder, place.former)
    wait_until_writable(house)
    writable_s = time.monotonic() - began
    with house.server() as server:
        state = server.state()
    return {
        "fenced_s": round(fenced_s, 3),
        "writable_s": round(writable_s, 3),
        "timeline": state.timeline,
        "behind_bytes": missing,
        "from_receiver_bytes": received,
    }


def _refuse_diverged(house: House, place: ReplicaPlace) -> None:
    """Before anything is fenced. Raises ConflictError for a replica that is not the primary's.

    Only what lies on this machine is asked: a repository that is away would cost the time.
    """
    said, seen = _control_data(house, place.folder), house.catalogue.fact("server")
    if seen is None or _REPLAYED not in said:
        return
    newest = int(seen["timeline"])
    history = SpooledWal(house.folders.spool).history(newest)
    replayed = (int(said[_REPLAYED_OF]), Lsn.parse(said[_REPLAYED]))
    if has_diverged(replayed, newest, history):
        raise ConflictError(
            f"the replica came to {replayed[1]} on timeline {replayed[0]}, which does not lead to "
            f"the primary's timeline {newest}; nothing was switched",
            code="replica_diverged",
            hint="insight replica remove, then insight replica add; without a primary: "
            "insight restore --to latest",
        )


def has_diverged(replayed: tuple[int, Lsn], newest: int, history: bytes | None) -> bool:
    """Whether the replica's last position lies in nobody's past who is on the timeline `newest`.
    Of a timeline whose history is not known here, and of a newer one, nobody can tell."""
    timeline, lsn = replayed
    if timeline > newest or (newest > 1 and history is None):
        return False
    return not Lineage.parse(newest, history or b"").leads_to(timeline, lsn)


def complete(replica: Path, spool: Path, since: Segment) -> int:
    """Gives a stopped replica the log that the receiver has: what was acknowledged by it is there.

    Returns the bytes written. `since` is where the replica begins to read.
    """
    written = 0
    for path in sorted(spool.glob("*/*")):
        segment = Segment.parse(path.name.removesuffix(PARTIAL))
        target = replica / "pg_wal" / path.name.removesuffix(PARTIAL)
        if segment is None and path.suffix == ".history":
            target.write_bytes(path.read_bytes())
        elif segment is not None and segment >= Segment(since.timeline, since.number):
            written += _fill(target, path.read_bytes())
    return written


def _fill(target: Path, content: bytes) -> int:
    """Both have prefixes of one stream. Where the target has all that was received, it may have
    more, which stays. Else it has less, and then all of `content` is written, the zeros at its end,
    too: records may end with zeros, and a segment that was recycled has old records there.
    """
    received = content.rstrip(b"\0")
    if target.exists() and target.read_bytes().startswith(received):
        return 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.ljust(SEGMENT_BYTES, b"\0"))
        file.flush()
        os.fsync(descriptor)
    return len(received)


def _checkpoint(house: House, folder: Path) -> Segment:
    """The segment from which a server in the folder recovers. Raises ConflictError."""
    said = _control_data(house, folder)
    try:
        timeline, redo = int(said[_TIMELINE]), Lsn.parse(said[_REDO])
    except (KeyError, ValueError):
        raise ConflictError(f"{folder} holds no cluster that can be read") from None
    return Segment.holding(timeline, redo)


def _behind(house: House, place: ReplicaPlace, *, forced: bool) -> int | None:
    """Bytes of WAL that the replica never got; None where the primary is gone and nobody knows.

    Raises ConflictError for a planned switch that would lose something; the primary starts again.
    """
    end = _shutdown_checkpoint(house)
    deadline = time.monotonic() + (_CATCH_UP_S if end is not None and not forced else 0)
    while True:
        received = _received(place)
        if end is not None and received is not None and received > end:
            return 0
        if time.monotonic() >= deadline:
            break
        time.sleep(0.05)
    missing = None if end is None or received is None else max(0, end - received)
    if forced:
        return missing
    raise ConflictError(
        f"the replica is behind the primary by {missing if missing is not None else 'unknown'} "
        "bytes; nothing was switched, the primary starts again",
        code="replica_behind",
        hint="insight replica status; to lose what is missing: insight failover --force",
    )


def _received(place: ReplicaPlace) -> Lsn | None:
    try:
        with PostgresServer(place.address) as replica:
            ((text,),) = replica.query(
                "SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::text"
            )
    except UnavailableError:
        return None
    return Lsn.parse(text) if text else None


def _shutdown_checkpoint(house: House) -> Lsn | None:
    """Where a primary that was stopped in order wrote its last record; None for any other end."""
    said = _control_data(house, house.folders.cluster)
    if "shut down" not in said.get(_STATE, "") or _CHECKPOINT not in said:
        return None
    return Lsn.parse(said[_CHECKPOINT])


def _control_data(house: House, folder: Path) -> dict[str, str]:
    """What `pg_controldata` prints, by its words; nothing for a folder that it cannot read."""
    done = subprocess.run(
        house.programs.control_data(folder),
        env={"PATH": "", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        return {}
    lines = (line.partition(":") for line in done.stdout.splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}
