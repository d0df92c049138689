"""Brings a cluster back: beside the present one, recovered and looked at, then put in its place.

Each step is noted and can be repeated, so that a restore that was killed goes on where it was. The
cluster that stood there before is kept until a person confirms.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from insightengine.core.errors import ConflictError, InsightError, UnavailableError
from insightengine.core.lsn import Lsn
from insightengine.recovery.capture import Meter
from insightengine.recovery.extract import extract_chain
from insightengine.recovery.house import House
from insightengine.recovery.journal import Progress
from insightengine.recovery.models import Backup, Check, CheckKind, Witness
from insightengine.recovery.plan import (
    RestorePlan,
    Target,
    TargetKind,
    parse_target,
    restore_plan,
)
from insightengine.recovery.repository import Repository
from insightengine.recovery.scratch import SUPERUSER, Scratch, ScratchServer, running
from insightengine.recovery.service import record_check
from insightengine.recovery.walfeed import WalFeed
from insightengine.recovery.walsource import AnyWal, SpooledWal, StoredWal, WalSource

RATE = "restore bytes per s"
_RECOVERY_LIMIT_S = 3600.0
_READY_LIMIT_S = 60.0


def plan_restore(house: House, text: str) -> RestorePlan:
    """What `insight restore --to TEXT` would do now."""
    backups, catalogue = house.backups(), house.catalogue
    target = parse_target(text, catalogue.points(), backups, catalogue.moments(), house.now())
    positions = [
        Lsn.parse(fact["lsn"])
        for repository in house.repositories
        if (fact := catalogue.fact(f"shipped {repository.name}"))
    ]
    newest = max(positions, default=None)
    return restore_plan(target, backups, house.standings(), newest, catalogue.fact(RATE))


def restore(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """`into` names a folder for the restored cluster; without it, it replaces the present one."""
    noted = house.journal.noted(operation)
    folder = house.folders.work / operation
    cluster = folder / "cluster"
    began = time.monotonic()
    if "recovered" not in noted:
        plan = plan_restore(house, str(request.get("to", "latest")))
        figures = bring_back(house, operation, plan, folder)
        house.journal.note(operation, "recovered", figures, house.now())
        noted = house.journal.noted(operation)
    figures = dict(noted["recovered"])
    if request.get("into"):
        into = Path(str(request["into"]))
        if cluster.exists():
            cluster.replace(into)
        shutil.rmtree(folder, ignore_errors=True)
        return {**figures, "into": str(into)}
    replaced = house.folders.replaced / operation
    if "swapped" not in noted:
        house.journal.note(operation, "swapping", {"replaced": str(replaced)}, house.now())
        if house.replace_cluster(cluster, replaced):
            wait_until_writable(house)
        house.journal.note(operation, "swapped", {}, house.now())
    shutil.rmtree(folder, ignore_errors=True)
    seconds = round(time.monotonic() - began, 2)
    kept = str(replaced) if replaced.exists() else None
    return {**figures, "seconds": seconds, "replaced": kept}


def bring_back(
    house: House, operation: str, plan: RestorePlan, folder: Path
) -> dict[str, float | int | str]:
    """Extracts, replays, and leaves a stopped and durable cluster in `folder/cluster`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    began = time.monotonic()
    extract_into(house, operation, plan, folder / "cluster")
    extracted_s = time.monotonic() - began
    with recovered(house, operation, plan.target, folder) as server:
        with server.connect() as connection:
            connection.set_password(SUPERUSER, house.admin_password)
            state = connection.state()
        server.stop()
    sync_everything(folder / "cluster")
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


def extract_into(house: House, operation: str, plan: RestorePlan, cluster: Path) -> None:
    """Each chain from the first repository that gives all of it, sound."""
    total = sum(backup.plain_bytes for backup in plan.chain)
    problems: list[str] = []
    for repository in _holding_all(house, plan.chain):
        meter = Meter(
            lambda progress: house.journal.progress(operation, progress), total, "writing files"
        )
        try:
            extract_chain(plan.chain, cluster, repository.get_chunk, meter.add)
        except InsightError as error:
            problems.append(f"{repository.name}: {error.message}")
            shutil.rmtree(cluster, ignore_errors=True)
        else:
            return
    raise ConflictError(
        f"{plan.backup.id} cannot be brought back: {'; '.join(problems) or 'no repository has it'}",
        code="no_sound_copy",
        hint="insight backup list; an older backup: insight restore --to BACKUP",
    )


def _holding_all(house: House, chain: tuple[Backup, ...]) -> list[Repository]:
    names = [house.catalogue.copies().get(backup.id, frozenset()) for backup in chain]
    return [r for r in house.repositories if all(r.name in holding for holding in names)]


class recovered:  # noqa: N801 -- used as a context, like a function
    """A server that has replayed WAL up to the target and takes writes."""

    def __init__(
        self, house: House, operation: str, target: Target, folder: Path, **settings: str
    ) -> None:
        self._house, self._operation = house, operation
        self._folder = folder
        sources: list[WalSource] = [SpooledWal(house.folders.spool)]
        sources += [StoredWal(repository) for repository in house.repositories]
        self._feed = WalFeed(folder / "wal", AnyWal(sources), self._fed)
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
        self._feed.__enter__()
        self._running = running(scratch)
        try:
            server = self._running.__enter__()
            server.wait_until_promoted(_RECOVERY_LIMIT_S)
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
        time.sleep(0.05)


def sync_everything(folder: Path) -> None:
    """Makes the file system of the folder durable: one call instead of one a file."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            os.sync()
    finally:
        os.close(descriptor)


def verify_by_restore(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Restores a backup into a scratch server and looks at it: every page, chosen tables, smoke."""
    wanted = str(request.get("backup") or house.backups()[-1].id)
    backup = next(one for one in house.backups() if one.id == wanted)
    target = (
        Target(TargetKind.LSN, wanted, lsn=backup.witness.lsn, timeline=backup.timeline)
        if backup.witness
        else Target(TargetKind.BACKUP, wanted, lsn=backup.stop, timeline=backup.timeline)
    )
    plan = restore_plan(
        Target(TargetKind.BACKUP, wanted, lsn=backup.stop, timeline=backup.timeline),
        house.backups(),
        {},
        None,
        house.catalogue.fact(RATE),
    )
    folder = house.folders.work / operation
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    began = time.monotonic()
    findings: list[str] = []
    figures: dict[str, float | int | str] = {}
    try:
        extract_into(house, operation, plan, folder / "cluster")
        figures["extract_s"] = round(time.monotonic() - began, 2)
        with recovered(house, operation, target, folder) as server:
            figures["ready_s"] = round(time.monotonic() - began, 2)
            findings += _look(house, server, backup.witness, figures)
    except InsightError as error:
        findings.append(error.message)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    repository = _holding_all(house, plan.chain)[0]
    check = Check(
        backup=wanted,
        kind=CheckKind.RESTORE,
        at=house.now(),
        passed=not findings,
        seconds=round(time.monotonic() - began, 2),
        bytes_read=sum(one.stored_bytes for one in plan.chain),
        repository=repository.name,
        findings=tuple(findings),
        figures=figures,
    )
    record_check(house, repository, check)
    if check.passed:
        house.catalogue.set_fact("last restore", {"backup": wanted, **figures})
    return {"backup": wanted, "passed": check.passed, "findings": findings, **figures}


def _look(
    house: House,
    server: ScratchServer,
    witness: Witness | None,
    figures: dict[str, float | int | str],
) -> list[str]:
    findings: list[str] = []
    for one in witness.tables if witness else ():
        with server.connect(one.database) as connection:
            found = connection.count_and_sum(one.table)
        figures[f"rows of {one.table}"] = found[0]
        if found != (one.rows, one.checksum):
            findings.append(f"{one.table} has {found[0]} rows ({found[1]}), not {one.rows}")
    smoke, database = house.policy.verify.smoke, house.configuration.application_database
    if smoke and database:
        with server.connect(database) as connection:
            rows = connection.query(smoke)
        if not rows or not rows[0][0]:
            findings.append(f"the smoke query answered {rows[:1]}")
    began = time.monotonic()
    done = subprocess.run(
        house.programs.check_databases(server.address, jobs=2),
        env={"PATH": os.defpath, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    figures["amcheck_s"] = round(time.monotonic() - began, 2)
    if done.returncode != 0:
        findings.append(f"pg_amcheck: {(done.stdout or done.stderr).strip()[:500]}")
    return findings
