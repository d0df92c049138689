"""Proves a backup by restoring it into a scratch server and looking at what came back."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from insightengine.core.errors import InsightError, LimitExceededError
from insightengine.recovery.house import House
from insightengine.recovery.models import Check, CheckKind, Witness
from insightengine.recovery.plan import Target, TargetKind, restore_plan
from insightengine.recovery.restore import (
    MEASURED_RESTORE,
    RATE,
    begin_anew,
    extract_into,
    holding_all,
    recovered,
)
from insightengine.recovery.scratch import ScratchServer
from insightengine.recovery.service import record_check


def verify_by_restore(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Restores a backup into a scratch server and looks at it: every page, chosen tables, smoke.

    Raises LimitExceededError when there is no room for it, which says nothing of the backup.
    """
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
    begin_anew(house, folder)
    began = time.monotonic()
    findings: list[str] = []
    figures: dict[str, float | int | str] = {}
    try:
        extract_into(house, operation, plan, folder / "cluster")
        figures["extract_s"] = round(time.monotonic() - began, 2)
        with recovered(house, operation, target, folder) as server:
            figures["ready_s"] = round(time.monotonic() - began, 2)
            findings += examine(house, server, backup.witness, figures)
    except LimitExceededError:
        raise
    except InsightError as error:
        findings.append(error.message)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    repository = holding_all(house, plan.chain)[0]
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
        ready_s = float(figures["ready_s"])
        fact = {"rto_s": ready_s, "at": house.now().isoformat(), "operation": operation}
        house.catalogue.set_fact(MEASURED_RESTORE, fact)
        house.catalogue.set_fact(RATE, sum(one.plain_bytes for one in plan.chain) / ready_s)
    return {"backup": wanted, "passed": check.passed, "findings": findings, **figures}


def examine(
    house: House,
    server: ScratchServer,
    witness: Witness | None,
    figures: dict[str, float | int | str],
) -> list[str]:
    """What is wrong with the data, in sentences: witnesses, smoke query, every page. Writes what
    it measured into `figures`. A witness holds only for a server that stopped at its position."""
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
