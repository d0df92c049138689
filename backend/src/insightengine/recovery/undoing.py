"""Puts the cluster that a restore has replaced back in its place, on a timeline of its own.

As it is, it would go on with the timeline that it left, while the one that took its place has a
newer one in every repository: the next restore would follow that. So it branches off first, as
after any recovery, which gives it the newest timeline of all. The server does so where the cluster
is kept; what it has on disk is durable at any moment.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from insightengine.core.errors import NotFoundError
from insightengine.recovery.house import House
from insightengine.recovery.plan import Target, TargetKind
from insightengine.recovery.restore import begin_anew, recovered, wait_until_writable

_ITS_OWN_END: Final = Target(TargetKind.REACHABLE, "the end of its own timeline")
_SETTINGS: Final = {
    "recovery_target_timeline": "current",
    "fsync": "on",
    "full_page_writes": "on",
}


def replaced_clusters(house: House) -> list[Path]:
    """Clusters that were replaced and that nobody has confirmed yet, the newest last: each is named
    by the operation that has replaced it."""
    folder = house.folders.replaced
    return sorted(folder.iterdir()) if folder.is_dir() else []


def put_back(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """`undo` names the cluster. What is in its place now is kept like any that is replaced.

    Raises NotFoundError when it is not kept any more, ConflictError when its server does not start.
    """
    name = str(request["undo"])
    kept, replaced = house.folders.replaced / name, house.folders.replaced / operation
    noted = house.journal.noted(operation)
    began = time.monotonic()
    if "branched" not in noted:
        if not kept.is_dir():
            raise NotFoundError(f"the cluster {name} is not kept", hint="insight restore --plan")
        house.journal.note(operation, "branched", _branched(house, operation, kept), house.now())
    if "swapped" not in noted:
        house.journal.note(operation, "swapping", {"replaced": str(replaced)}, house.now())
        if house.replace_cluster(kept, replaced):
            wait_until_writable(house)
        house.journal.note(operation, "swapped", {}, house.now())
    return {
        "put_back": name,
        **house.journal.noted(operation)["branched"],
        "seconds": round(time.monotonic() - began, 2),
        "replaced": str(replaced) if replaced.exists() else None,
    }


def _branched(house: House, operation: str, kept: Path) -> dict[str, Any]:
    folder = house.folders.work / operation
    begin_anew(house, folder)
    try:
        (folder / "cluster").symlink_to(kept)
        with recovered(house, operation, _ITS_OWN_END, folder, **_SETTINGS) as server:
            with server.connect() as connection:
                state = connection.state()
            server.stop()
        return {"timeline": state.timeline, "lsn": str(state.lsn)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # of the cluster, only the link
