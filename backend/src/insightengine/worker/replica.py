"""Makes ready for the replica's server: a copy of the primary, or the old primary rewound."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from insightengine.core.errors import ConflictError, InsightError, render_error
from insightengine.recovery.house import House, ReplicaPlace
from insightengine.runtimes.local.supplied import cluster, postgres
from insightengine.stores.server import PostgresServer, ServerAddress
from insightengine.wiring.environment import PlatformContext, load
from insightengine.wiring.recovery import admin_address, admin_pass_file, house_of

_PROBE_S = 600


def main() -> None:
    os.umask(0o077)
    context = load()
    try:
        house = house_of(context)
        if house.replica is None:
            raise ConflictError("no replica is wanted here", hint="insight replica add")
        prepare(context, house, house.replica)
    except InsightError as error:
        sys.stderr.write(f"{render_error(error)}\n")
        sys.exit(error.exit_code)


def prepare(context: PlatformContext, house: House, place: ReplicaPlace) -> None:
    """Idempotent; a copy that was cut off is made anew."""
    cluster.wait_while_held(place.folder)
    if (place.folder / "standby.signal").exists():
        return
    source = admin_address(context)
    with PostgresServer(source) as primary:
        primary.ensure_slot(postgres.REPLICA)
    environment = {**house.surroundings, "PGPASSFILE": str(admin_pass_file(context))}
    if not (place.former.exists() and _rewound(house, place.former, source, environment)):
        _copied(house, place.former, source, environment)
    for name in ("postgresql.auto.conf",):
        (place.former / name).write_text("", encoding="utf-8")
    (place.former / "standby.signal").touch()
    shutil.rmtree(place.folder, ignore_errors=True)
    place.former.replace(place.folder)


def _rewound(
    house: House, folder: Path, source: ServerAddress, environment: dict[str, str]
) -> bool:
    """Whether the old primary could be brought onto the new one's timeline."""
    done = subprocess.run(
        house.programs.rewind(folder, source), env=environment, check=False, timeout=_PROBE_S
    )
    return done.returncode == 0


def _copied(house: House, folder: Path, source: ServerAddress, environment: dict[str, str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    argv = house.programs.copy_for_replica(folder, source, postgres.REPLICA)
    if subprocess.run(argv, env=environment, check=False).returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        raise ConflictError("the primary could not be copied", hint="insight logs replica")


if __name__ == "__main__":
    main()
