"""insight telemetry retention | delete | deletions"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from insightengine.cli import ingest_keys
from insightengine.cli.options import HERE, Project, with_environments

app = typer.Typer(no_args_is_help=True, help="How long records are kept, and their deletion.")
app.add_typer(with_environments(ingest_keys.app), name="keys")
_DAYS = re.compile(r"[0-9]{1,9}")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would happen.")]


@app.command()
def retention(
    project: Project = HERE,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="SIGNAL=DAYS, SIGNAL:SERVICE=DAYS, or SIGNAL:SERVICE=default; repeatable. "
            "Signals are logs, traces and metrics.",
        ),
    ] = None,
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Show how long records are kept and what is removed when; change it with --set.

    Examples:

        insight telemetry retention

        insight telemetry retention --set logs=30 --set logs:checkout=90 --dry-run

        insight telemetry retention --set logs:checkout=default
    """
    command: dict[str, object] = {"command": "show_retention"}
    if set_:
        changes = [_change(text) for text in set_]
        command = {
            "command": "change_retention",
            "changes": changes,
            "by": "insight telemetry",
            "dry_run": dry_run,
        }
    report = _give(project, command)
    if json_:
        print(json.dumps(report))  # noqa: T201
        return
    _show_retention(report, is_foreseen=bool(set_) and dry_run)


@app.command()
def delete(
    from_: Annotated[datetime, typer.Option("--from", help="Start of the range, in UTC.")],
    to: Annotated[datetime, typer.Option("--to", help="End of the range, in UTC.")],
    project: Project = HERE,
    logs: Annotated[str, typer.Option(help="Search for log entries to delete.")] = "",
    traces: Annotated[str, typer.Option(help="Search for spans whose traces to delete.")] = "",
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json_: Json = False,
) -> None:
    """Delete the records that a search finds, such as those of one person; they do not come back.

    Examples:

        insight telemetry delete --logs user.id:42 --from 2026-01-01 --to 2026-02-01 --dry-run

        insight telemetry delete --traces user.id:42 --from 2026-01-01 --to 2026-02-01 --yes
    """
    command = {
        "command": "request_deletion",
        "filter": {name: text for name, text in (("logs", logs), ("traces", traces)) if text},
        "from": from_.replace(tzinfo=UTC).isoformat(),
        "to": to.replace(tzinfo=UTC).isoformat(),
        "by": "insight telemetry",
    }
    foreseen = _give(project, {**command, "dry_run": True})
    if dry_run or not (yes or _is_confirmed(foreseen["would_delete"])):
        _print(foreseen, json_, _counts(foreseen["would_delete"]))
        return
    made = _give(project, command)
    job = made["deletion"]
    _print(made, json_, f"deletion {job['id']} is {job['state']}: insight telemetry deletions")


@app.command()
def deletions(project: Project = HERE, json_: Json = False) -> None:
    """Show deletions that were asked for, the newest first, with what became of them.

    Examples:

        insight telemetry deletions --json
    """
    found = _give(project, {"command": "list_deletions"})
    lines = [
        f"{one['requested_at'][:19]}  {one['state']:<8} {one['filter']}  {_outcome(one)}"
        for one in found["items"]
    ]
    _print(found, json_, "\n".join(lines) or "no deletion was asked for")


def _outcome(job: Mapping[str, Any]) -> str:
    """What became of a job, or how far it is."""
    if job["awaited_segments"]:
        return f"waits until {job['awaited_segments']} segments of the spool are stored"
    if progress := job["progress"]:
        return (
            f"step {progress['step']} of {progress['steps']}, {progress['table']}; "
            f"{progress['rows']} rows are gone"
        )
    if job["state"] in ("queued", "running"):
        return ""
    gone = _counts(job["deleted"]) if job["state"] == "done" else ""
    return "; ".join(filter(None, (gone, job["detail"])))


def _change(text: str) -> Mapping[str, object]:
    from insightengine.core.errors import InvalidInputError

    target, separator, days = text.partition("=")
    signal, _, service = target.partition(":")
    known = signal in ("logs", "traces", "metrics")
    if not separator or not known or not (_DAYS.fullmatch(days) or (service and days == "default")):
        raise InvalidInputError(
            f"--set {text!r} is not SIGNAL=DAYS or SIGNAL:SERVICE=DAYS",
            hint="insight telemetry retention --set logs=30 --set logs:checkout=default",
        )
    return {
        "signal": signal,
        "service": service or None,
        "days": None if days == "default" else int(days),
    }


def _give(project: Any, command: Mapping[str, object]) -> dict[str, Any]:
    from insightengine.wiring.environment import running_context
    from insightengine.wiring.store_commands import store_commands

    return dict(asyncio.run(store_commands(running_context(project)).give(command)))


def _is_confirmed(counts: Mapping[str, int]) -> bool:
    return typer.confirm(f"Delete {_counts(counts)}? Nothing brings them back.", err=True)


def _counts(counts: Mapping[str, int]) -> str:
    named = [f"{rows} rows of {table}" for table, rows in counts.items() if rows]
    return ", ".join(named) or "nothing"


def _print(answer: Mapping[str, object], json_: bool, text: str) -> None:
    print(json.dumps(answer) if json_ else text)  # noqa: T201


def _show_retention(report: Mapping[str, Any], *, is_foreseen: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    cold = report["cold"]
    cold_columns = ("cold after", "goes cold on") if cold else ()
    for column in ("signal", "service", "kept", *cold_columns, "oldest day", "is removed on"):
        table.add_column(column)
    own = [(one["signal"], one["service"], one["days"]) for one in report["services"]]
    for signal, service, days in [*((s, None, d) for s, d in report["signals"].items()), *own]:
        of_it = [one for one in report["removals"] if _is_of(one, signal, service)]
        first = of_it[0] if of_it else {"day": "", "removed_on": "", "cold_on": None}
        table.add_row(
            *(signal, service or "all others", f"{days} days"),
            *(_cold_cells(cold["days"].get(signal), days, of_it) if cold else ()),
            *(first["day"], first["removed_on"]),
        )
    console = Console(highlight=False, markup=False)
    console.print(table)
    most = report["most_bytes"]
    limit = f" of at most {most / 1e9:.1f} GB" if most else ""
    console.print(f"\nstored: {report['stored_bytes'] / 1e9:.2f} GB{limit}")
    console.print(_cold_line(cold))
    when = "would remove" if is_foreseen else "removes"
    console.print(
        f"the next sweep {when} {report['next_rows']} rows, {report['next_bytes'] / 1e9:.2f} GB, "
        f"and looks at {len(report['next'])} table days"
    )


def _is_of(one: Mapping[str, Any], signal: str, service: str | None) -> bool:
    return (one["signal"], one["service"]) == (signal, service)


def _cold_cells(after: int | None, kept: int, days: list[Mapping[str, Any]]) -> tuple[str, str]:
    """After how many days, and when the next day that is not cold yet moves there."""
    if after is None or after > kept:
        return "never", ""
    today = datetime.now(UTC).date().isoformat()
    coming = min((one["cold_on"] for one in days if one["cold_on"] > today), default="")
    return f"{after} days", coming


def _cold_line(cold: Mapping[str, Any] | None) -> str:
    if cold is None:
        return "cold tier: none, records stay where they are until they are removed"
    size = f"{cold['stored_bytes'] / 1e9:.2f} GB"
    return f"cold tier: volume cold of the storage policy {cold['policy']}, {size} there"
