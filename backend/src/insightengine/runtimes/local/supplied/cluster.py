"""The folder of a PostgreSQL cluster: created once, never created a second time by mistake,
and replaced by another one only as a whole.

Beside the folder `postgres` stand, in the same parent:

    postgres.identity    the identifier of the cluster that lives here
    postgres.swap.json   a prepared replacement: written by a restore or a failover, carried out at
                         the next start of the server, whoever starts it
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_CONTROL = "global/pg_control"
_HOLD_LIMIT_S = 45.0  # below the time a start may take


@dataclass(frozen=True, slots=True)
class Swap:
    """Put the folder `new` in place of the cluster, and keep what stood there as `replaced`."""

    new: str
    replaced: str


def prepare(folder: Path, create: Sequence[str]) -> None:
    """What has to hold before a server starts in the folder: idempotent, safe against a kill.

    `create` is initdb's command without its folder. Ends the process with a message when a
    cluster was here and is gone: an empty one in its place would look like success to everybody.
    """
    wait_while_held(folder)
    complete_swap(folder)
    if (folder / "PG_VERSION").exists():
        _remember(folder)
        return
    known = identity_file(folder)
    if known.exists():
        sys.exit(
            f"error: the cluster {known.read_text(encoding='utf-8').strip()} was in {folder} and "
            "is gone; an empty one is not created in its place\n\n"
            "hint: insight restore --to latest; or, to begin anew without its data: "
            f"rm {known}"
        )
    _create(folder, create)
    _remember(folder)


def identity_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.identity")


def swap_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.swap.json")


def hold_file(folder: Path) -> Path:
    """While it is there and fresh, no server is started in the folder."""
    return folder.with_name(f"{folder.name}.hold")


def wait_while_held(folder: Path) -> None:
    """A hold that its owner never lifted, because it was killed, ends by itself."""
    hold = hold_file(folder)
    while True:
        try:
            age_s = time.time() - hold.stat().st_mtime
        except FileNotFoundError:
            return
        if age_s > _HOLD_LIMIT_S:
            hold.unlink(missing_ok=True)
            return
        time.sleep(0.03)


def system_identifier(folder: Path) -> str:
    """As `pg_controldata` prints it: the first eight bytes of the control file."""
    with (folder / _CONTROL).open("rb") as file:
        (number,) = struct.unpack("<Q", file.read(8))
    return str(number)


def request_swap(folder: Path, swap: Swap) -> None:
    """From here on the next start of the server uses the new folder."""
    target = swap_file(folder)
    temporary = target.with_name(f"{target.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(asdict(swap), file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(target)
    _sync(folder.parent)


def pending_swap(folder: Path) -> Swap | None:
    try:
        return Swap(**json.loads(swap_file(folder).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def complete_swap(folder: Path) -> bool:
    """Carries out a requested swap; whether there was one. Goes on from wherever a kill left it.

    The new folder is there until its rename, so its presence tells what is still to be done.
    """
    swap = pending_swap(folder)
    if swap is None:
        return False
    new, replaced = Path(swap.new), Path(swap.replaced)
    if new.exists():
        if folder.exists():
            replaced.parent.mkdir(parents=True, exist_ok=True)
            folder.replace(replaced)
            _sync(replaced.parent)
        new.replace(folder)
        _sync(new.parent)
    _sync(folder.parent)
    _remember(folder)
    swap_file(folder).unlink()
    _sync(folder.parent)
    return True


def _create(folder: Path, create: Sequence[str]) -> None:
    """Beside its place and renamed: the cluster exists whole or not at all."""
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    subprocess.run([*create, f"--pgdata={unfinished}"], check=True)
    if folder.exists():
        folder.rmdir()  # an empty folder may stand there; one with content is never replaced
    unfinished.replace(folder)


def _remember(folder: Path) -> None:
    own, known = system_identifier(folder), identity_file(folder)
    if known.exists() and known.read_text(encoding="utf-8").strip() == own:
        return
    temporary = known.with_name(f"{known.name}.{os.getpid()}")
    temporary.write_text(f"{own}\n", encoding="utf-8")
    temporary.replace(known)
    _sync(known.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
