"""Puts the replica in the primary's place: planned, without losing a transaction, or forced.

The replica's cluster is swapped into the primary's folder and starts on the primary's port, so
that whoever uses the database finds it where it was. The old primary cannot come back by itself:
its folder has become the replica's, which is rewound to the new primary before it starts.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from typing import Any

from insightengine.core.errors import ConflictError, NotFoundError, UnavailableError
from insightengine.core.lsn import Lsn
from insightengine.recovery.house import House, ReplicaPlace
from insightengine.recovery.restore import wait_until_writable
from insightengine.stores.server import PostgresServer

PRIMARY_AWAY_S = 5.0  # longer than a crash recovery of a small WAL and a restart take
_CATCH_UP_S = 10.0
_CHECKPOINT = "Latest checkpoint location:"


def failover(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """`forced` does not wait for the primary: it is gone. Idempotent up to the swap."""
    place = house.replica
    if place is None or not (place.folder / "standby.signal").exists():
        raise NotFoundError(
            "there is no replica to take over", code="no_replica", hint="insight replica add"
        )
    began = time.monotonic()
    house.journal.note(operation, "fencing", {}, house.now())
    with place.held(house.folders.cluster), place.held(place.folder):
        place.end("postgres")
        fenced_s = time.monotonic() - began
        missing = _behind(house, place, forced=bool(request.get("forced")))
        place.end("replica")
        house.journal.note(operation, "swapping", {"behind_bytes": missing}, house.now())
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
    }


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
    done = subprocess.run(
        house.programs.control_data(house.folders.cluster),
        env={"PATH": "", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 or "shut down" not in done.stdout:
        return None
    lines = [line for line in done.stdout.splitlines() if line.startswith(_CHECKPOINT)]
    return Lsn.parse(lines[0].removeprefix(_CHECKPOINT).strip()) if lines else None
