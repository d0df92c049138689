"""Reports of drills, and the key that one of them needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from insightengine.core.errors import InvalidInputError, NotFoundError
from insightengine.recovery.drill_report import REPORTS, DrillReport
from insightengine.runtimes.local.identity import service_user
from insightengine.wiring.environment import running_context
from insightengine.wiring.recovery import recovery_folder, write_private
from insightengine.wiring.recovery_verbs import check_recovery_key

_KEY = "drill.key"


def hand_over_key(project: Path, key: Path) -> Path:
    """A copy that only the services' user can read, and that the drill removes once it is read.

    Raises ConflictError for a key that does not open this platform's backups.
    """
    check_recovery_key(project, key)
    context = running_context(project)
    copy = context.state.run / _KEY
    user = service_user(context.settings.service_user, project)
    write_private(copy, key.read_text(encoding="utf-8"), user)
    return copy


def reports_of(project: Path) -> list[DrillReport]:
    """All that were kept, the newest first."""
    folder = recovery_folder(running_context(project).state) / "reports"
    found = [REPORTS.validate_json(path.read_bytes()) for path in folder.glob("*-drill-*.json")]
    return sorted(found, key=lambda report: report.started_at, reverse=True)


def drill_table(project: Path) -> list[dict[str, Any]]:
    return [
        {
            "id": report.id,
            "kind": report.kind.value,
            "asked_by": report.asked_by,
            "started_at": report.started_at.isoformat(timespec="seconds"),
            "ended_at": report.ended_at.isoformat(timespec="seconds"),
            "passed": report.passed,
            "verdict": report.verdict,
            "rto_s": report.rto_s,
            "rto_target_s": report.rto_target_s,
            "findings": list(report.findings),
        }
        for report in reports_of(project)
    ]


def drill_document(project: Path, drill: str | None, *, as_json: bool) -> str:
    """The report as it was written. Raises NotFoundError."""
    folder = recovery_folder(running_context(project).state) / "reports"
    newest = sorted(folder.glob("*-drill-*.json"))[-1:]
    stem = drill or (newest[0].stem if newest else "")
    if not stem or "/" in stem:
        raise InvalidInputError("no drill was run yet", hint="insight drill restore")
    try:
        return (folder / f"{stem}.{'json' if as_json else 'md'}").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"there is no drill {stem}", hint="insight drill list") from None
