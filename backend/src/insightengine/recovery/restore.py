"""Brings a cluster back: beside the present one, recovered and looked at, then put in its place.

Each step is noted and can be repeated, so that a restore that was killed goes on where it was. The
cluster that stood there before is kept until a person confirms.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shlex
import shutil
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from insightengine.core.disk import is_full, require_room
from insightengine.core.errors import (
    ConflictError,
    InsightError,
    LimitExceededError,
    UnavailableError,
)
from insightengine.core.lsn import Lsn
from insightengine.recovery.capture import Meter
from insightengine.recovery.extract import extract_chain, spilled_bytes
from insightengine.recovery.house import House
from insightengine.recovery.journal import Progress
from insightengine.recovery.lineage import Known, Lineage, refuse_gap
from insightengine.recovery.models import Backup
from insightengine.recovery.placing import keep_apart
from insightengine.recovery.plan import (
    RestorePlan,
    Target,
    TargetKind,
    parse_target,
    restore_plan,
)
from insightengine.recovery.repository import Repository
from insightengine.recovery.scratch import MOST_WAL_MB, SUPERUSER, Scratch, ScratchServer, running
from insightengine.recovery.walfeed import WalFeed
from insightengine.recovery.walsource import AnyWal, SpooledWal, StoredWal, WalSource
from insightengine.stores.server import ServerState

RATE = "restore bytes per s"
MEASURED_RESTORE = "measured restore"  # by a verification, a drill, or in earnest
_OTHER_PORT = 5433  # of a server that somebody starts on what was restored beside
_RECOVERY_LIMIT_S = 3600.0
_READY_LIMIT_S = 60.0
_HINT = "free some space, or restore elsewhere: insight restore --into FOLDER"
_ROOM_BYTES = 128 * 1024**2  # for what else the server writes


def plan_restore(house: House, text: str) -> RestorePlan:
    """What `insight restore --to TEXT` would do now."""
    backups, catalogue = house.backups(), house.catalogue
    target = parse_target(text, catalogue.points(), backups, catalogue.moments(), house.now())
    newest, rate = newest_stored(house), catalogue.fact(RATE)
    lineage = None if target.kind is TargetKind.BACKUP else lineage_of(house, target.timeline)
    return restore_plan(target, backups, house.standings(), newest, rate, lineage)


def lineage_of(house: House, timeline: int | None) -> Lineage | None:
    """That of a timeline, the newest if None; None where nobody has its history just now.

    A recovery follows the newest timeline in the same way: it asks for one history after the other.
    """
    try:
        log = log_of(house)
        newest = timeline or max(
            [backup.timeline for backup in house.backups()]
            + [stored for stored, _ in stored_positions(house)],
            default=1,
        )
        history = log.history(newest)
        while timeline is None and (following := log.history(newest + 1)) is not None:
            newest, history = newest + 1, following
    except UnavailableError:
        return None
    if newest > 1 and history is None:
        return None
    return Lineage.parse(newest, history or b"")


def newest_stored(house: House) -> Lsn | None:
    """How far any repository has the WAL."""
    return max((lsn for _, lsn in stored_positions(house)), default=None)


def stored_positions(house: House) -> list[tuple[int, Lsn]]:
    """Timeline and position that each repository had confirmed, as this machine remembers it."""
    facts = [house.catalogue.fact(f"shipped {r.name}") for r in house.repositories]
    return [(int(fact["timeline"]), Lsn.parse(fact["lsn"])) for fact in facts if fact]


def log_of(house: House) -> AnyWal:
    """What was received here, then the repositories that answer now.

    One that is away is left out: that another has everything is what it is there for. What only
    the one that is away has shows as a gap.
    """
    sources: list[WalSource] = [SpooledWal(house.folders.spool)]
    return AnyWal([*sources, *(StoredWal(repository) for repository in house.answering())])


def restore(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """`into` names an empty folder for the restored cluster, which is then also where it is worked
    on; without it, it replaces the present one."""
    noted = house.journal.noted(operation)
    into = Path(str(request["into"])) if request.get("into") else None
    folder = into / f".restoring-{operation}" if into else house.folders.work / operation
    cluster = folder / "cluster"
    began, is_first_attempt = time.monotonic(), not noted
    if "recovered" not in noted:
        plan = plan_restore(house, str(request.get("to", "latest")))
        figures = bring_back(house, operation, plan, folder)
        house.journal.note(operation, "recovered", figures, house.now())
        noted = house.journal.noted(operation)
    figures = dict(noted["recovered"])
    if into:
        _move_up(cluster, into)
        shutil.rmtree(folder, ignore_errors=True)
        serve = f"{house.programs.path('postgres')} -D {shlex.quote(str(into))} -p {_OTHER_PORT}"
        user = pwd.getpwuid(os.getuid()).pw_name
        return {**figures, "into": str(into), "serve": serve, "serve_as": user}
    replaced = house.folders.replaced / operation
    if "swapped" not in noted:
        house.journal.note(operation, "swapping", {"replaced": str(replaced)}, house.now())
        if house.replace_cluster(cluster, replaced):
            wait_until_writable(house)
        house.journal.note(operation, "swapped", {}, house.now())
    shutil.rmtree(folder, ignore_errors=True)
    seconds = round(time.monotonic() - began, 2)
    kept = str(replaced) if replaced.exists() else None
    if is_first_attempt:
        fact = {"rto_s": seconds, "at": house.now().isoformat(), "operation": operation}
        house.catalogue.set_fact(MEASURED_RESTORE, fact)
    return {**figures, "seconds": seconds, "replaced": kept}


def _move_up(cluster: Path, into: Path) -> None:
    """Its version goes last: with it, the folder is a cluster. What a kill left goes on."""
    left = list(cluster.iterdir()) if cluster.exists() else []
    for path in sorted(left, key=lambda path: path.name == "PG_VERSION"):
        path.rename(into / path.name)


def bring_back(
    house: House, operation: str, plan: RestorePlan, folder: Path
) -> dict[str, float | int | str]:
    """Extracts, replays, and leaves a stopped and durable cluster in `folder/cluster`.

    What fails leaves no folder: it is as large as the database, and nobody would go on with it.
    """
    begin_anew(house, folder)
    try:
        return _extracted_and_replayed(house, operation, plan, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _extracted_and_replayed(
    house: House, operation: str, plan: RestorePlan, folder: Path
) -> dict[str, float | int | str]:
    began = time.monotonic()
    extract_into(house, operation, plan, folder / "cluster")
    extracted_s = time.monotonic() - began
    state = replay(house, operation, plan.target, folder)
    seconds = time.monotonic() - began
    size = sum(backup.plain_bytes for backup in plan.chain)
    house.catalogue.set_fact(RATE, size / seconds)
    return {
        "backup": plan.backup.id,
        "to": plan.target.text,
        "timeline": state.timeline,
        "lsn": str(state.lsn),
        "extract_s": round(extracted_s, 2),
        "recover_s": round(seconds - extracted_s, 2),
        "seconds": round(seconds, 2),
        "bytes": size,
    }


def begin_anew(house: House, folder: Path) -> None:
    """An empty folder for a restore; whatever an attempt that was killed has left is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.parent == house.folders.work:  # and no folder of somebody else
        keep_apart(folder.parent)
    folder.mkdir(mode=0o700)


def replay(house: House, operation: str, target: Target, folder: Path) -> ServerState:
    """Recovers `folder/cluster` to the target, stops its server in order, makes it durable."""
    cluster = folder / "cluster"
    with ThreadPoolExecutor(1, thread_name_prefix="sync") as beside:
        extracted = beside.submit(sync_everything, cluster)  # its files, while its server starts
        with recovered(house, operation, target, folder) as server:
            with server.connect() as connection:
                connection.set_password(SUPERUSER, house.admin_password)
                state = connection.state()
            server.stop()
        extracted.result()
    sync_everything(cluster)
    return state


def extract_into(house: House, operation: str, plan: RestorePlan, cluster: Path) -> None:
    """Each chain from the first repository that gives all of it, sound.

    Raises ConflictError when none does, and LimitExceededError when the disk fills meanwhile.
    """
    require_room(
        cluster.parent, _needed_bytes(plan), "the restored cluster, beside the present one,", _HINT
    )
    total = sum(backup.plain_bytes for backup in plan.chain)
    problems: list[str] = []
    for repository in holding_all(house, plan.chain):
        meter = Meter(
            lambda progress: house.journal.progress(operation, progress), total, "writing files"
        )
        try:
            extract_chain(plan.chain, cluster, repository.get_chunk, meter.add)
        except InsightError as error:
            problems.append(f"{repository.name}: {error.message}")
            shutil.rmtree(cluster, ignore_errors=True)
        except OSError as error:  # of this disk: no other repository would help
            shutil.rmtree(cluster, ignore_errors=True)
            if not is_full(error):
                raise
            raise LimitExceededError(
                f"{cluster.parent}: {error.strerror} while files were written; "
                "the present cluster was not touched",
                code="disk_full",
                hint=_HINT,
            ) from error
        else:
            return
    raise ConflictError(
        f"{plan.backup.id} cannot be brought back: {'; '.join(problems) or 'no repository has it'}",
        code="no_sound_copy",
        hint="insight backup list; an older backup: insight restore --to BACKUP",
    )


def _needed_bytes(plan: RestorePlan) -> int:
    kept_wal = min(plan.wal_bytes or 0, MOST_WAL_MB * 1024**2)
    return plan.restore_bytes + spilled_bytes(plan.chain) + kept_wal + _ROOM_BYTES


def holding_all(house: House, chain: tuple[Backup, ...]) -> list[Repository]:
    names = [house.catalogue.copies().get(backup.id, frozenset()) for backup in chain]
    return [r for r in house.repositories if all(r.name in holding for holding in names)]


class recovered:  # noqa: N801 -- used as a context, like a function
    """A server that has replayed WAL up to the target and takes writes."""

    def __init__(
        self, house: House, operation: str, target: Target, folder: Path, **settings: str
    ) -> None:
        self._house, self._operation = house, operation
        self._folder = folder
        self._target, self._log = target, log_of(house)
        self._feed = WalFeed(folder / "wal", self._log, self._fed)
        self._replayed = 0
        self._settings = {
            **target.settings,
            "restore_command": self._feed.restore_command,
            **settings,
        }

    def __enter__(self) -> ScratchServer:
        cluster = self._folder / "cluster"
        (cluster / "recovery.signal").touch()
        scratch = Scratch(
            self._house.programs,
            cluster,
            self._folder / "server.log",
            {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            self._settings,
        )
        known = self._known()
        self._feed.__enter__()
        self._running = running(scratch)
        try:
            server = self._running.__enter__()
            server.wait_until_promoted(_RECOVERY_LIMIT_S)
            if known is not None:
                self._refuse_gap(server, known)
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            if self._feed.failure is not None:
                raise self._feed.failure from error
            raise
        return server

    def __exit__(self, *error: Any) -> None:
        with suppress(RuntimeError):
            self._running.__exit__(None, None, None)
        self._feed.__exit__(*error)

    def _known(self) -> Known | None:
        """Before anything is replayed: a server that still runs writes more meanwhile."""
        if self._target.kind is not TargetKind.LATEST:
            return None
        seen = self._house.catalogue.fact("server") or {}
        stored = stored_positions(self._house)
        return Known(self._log.newest(), stored, int(seen.get("timeline", 0)))

    def _refuse_gap(self, server: ScratchServer, known: Known) -> None:
        """A server takes log that is missing for the end of the log, and goes on from there."""
        with server.connect() as connection:
            timeline = connection.state().timeline
        history = self._folder / f"cluster/pg_wal/{timeline:08X}.history"
        ended = Lineage.parse(timeline, history.read_bytes()).end_of_parent
        if ended is not None:
            refuse_gap(*ended, known)

    def _fed(self, size: int) -> None:
        self._replayed += size
        progress = Progress("replaying write-ahead log", self._replayed)
        self._house.journal.progress(self._operation, progress)


def wait_until_writable(house: House, limit_s: float = _READY_LIMIT_S) -> None:
    """Returns when the platform's server takes writes. Raises UnavailableError after the limit."""
    deadline = time.monotonic() + limit_s
    while True:
        try:
            with house.server() as server:
                if not server.state().is_standby:
                    return
        except UnavailableError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def sync_everything(folder: Path) -> None:
    """Makes the file system of the folder durable: one call instead of one a file."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            os.sync()
    finally:
        os.close(descriptor)
