"""Makes ready for the WAL receiver: its slot, and a folder for this incarnation of the cluster.

A slot that lost its place, or a server that is on another timeline, begins a new folder: the
receiver goes on behind the newest file of its folder, which such a server may not have.

    python -m insightengine.worker.wal_receiver HOST PORT USER SLOT FOLDER

FOLDER is recovery's own, with its configuration; PGPASSFILE names the file with the password. It
loads little, and so reads that configuration as it is: a start of the platform waits for it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from insightengine.core.errors import InsightError, render_error
from insightengine.core.lsn import SEGMENT_BYTES
from insightengine.stores.server import PostgresServer, ServerAddress


def main() -> None:
    os.umask(0o077)
    host, port, user, slot, folder = sys.argv[1:]
    root = Path(folder)
    try:
        prepare(ServerAddress(host, int(port), user), slot, spool_in(root), root / "receiving")
    except InsightError as error:
        sys.stderr.write(f"{render_error(error)}\n")
        sys.exit(error.exit_code)


def spool_in(root: Path) -> Path:
    """Where received WAL goes: `wiring.recovery.folders_of`, without loading it."""
    configuration = json.loads((root / "configuration.json").read_text(encoding="utf-8"))
    chosen = configuration["backup"]["wal"]["folder"]
    return Path(configuration["project"], chosen) if chosen else root / "wal"


def prepare(address: ServerAddress, name: str, spool: Path, link: Path) -> None:
    """`link` leads to the folder of this incarnation afterwards."""
    with PostgresServer(address) as server:
        state, slot = server.state(), server.slot(name)
        is_new = slot is None or slot.is_lost
        server.ensure_slot(name)
    folder = spool / f"{state.system_identifier}-{state.timeline:08X}"
    if is_new and folder.exists():
        folder.rename(_unused(folder))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    remove_unpadded(folder)
    _point(link, folder)


def remove_unpadded(folder: Path) -> None:
    """Where the disk was full, a file was begun and not made as long as a segment. There is nothing
    in it yet, and `pg_receivewal` refuses to go on while it is there."""
    for path in folder.glob("*.partial"):
        if path.stat().st_size not in (0, SEGMENT_BYTES):
            path.unlink()


def _unused(folder: Path) -> Path:
    number = 1
    while folder.with_name(f"{folder.name}.{number}").exists():
        number += 1
    return folder.with_name(f"{folder.name}.{number}")


def _point(link: Path, folder: Path) -> None:
    temporary = link.with_name(f"{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(folder)
    temporary.replace(link)


if __name__ == "__main__":
    main()
