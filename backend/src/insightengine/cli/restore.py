"""insight restore"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from insightengine.cli.options import HERE, Project

app = typer.Typer(help="Bring the databases back to a moment.", invoke_without_command=True)


@app.callback(invoke_without_command=True)
def restore(
    context: typer.Context,
    to: Annotated[
        str,
        typer.Option(
            help="latest, a time, a WAL position, a backup, a release or a named point; "
            "reachable: as latest, but up to the first gap in the log."
        ),
    ] = "latest",
    into: Annotated[
        Path | None,
        typer.Option(
            help="Put the restored cluster into this new or empty folder; replace nothing."
        ),
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="Only this database, beside the present one.")
    ] = None,
    table: Annotated[
        str | None, typer.Option(help="Only this SCHEMA.TABLE of it, in a schema of its own.")
    ] = None,
    swap: Annotated[
        bool, typer.Option("--swap", help="The database takes the present one's name.")
    ] = False,
    telemetry: Annotated[
        bool,
        typer.Option(
            "--telemetry", help="No database: the days of telemetry that the store has nothing of."
        ),
    ] = False,
    project: Project = HERE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask after the plan.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Show the plan and do nothing.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Bring all databases back to a moment: beside the present cluster, then in its place.

    The plan is shown first. The cluster that was replaced is kept until `insight restore confirm`.
    Killed anywhere, the restore goes on where it was.

    Examples:

        insight restore --plan --to 2026-01-02T03:04:05Z

        insight restore --to latest --yes

        insight restore --to 7f3a2b91 --yes       # the moment before that release was made

        insight restore --to before-import --into /mnt/copy

        insight restore --database app_shop --table public.orders --to 2026-01-02T03:04:05Z

        insight restore --telemetry
    """
    if context.invoked_subcommand is not None:
        return
    if telemetry:
        _bring_telemetry(project, to, json_=json_, alone=not (into or database or table or plan))
        return
    if yes and not plan:
        _expect(project)
    request = _request(to, into, database, table, swap=swap)
    _show(project, to, request, as_json=plan and json_)
    if not plan:
        _carry_out(project, request, yes=yes, json_=json_)


def _bring_telemetry(project: Path, to: str, *, json_: bool, alone: bool) -> None:
    """Nothing is replaced, so that nobody is asked. Raises InvalidInputError beside others."""
    from insightengine.cli.operating import operate
    from insightengine.core.errors import InvalidInputError
    from insightengine.recovery.journal import OperationKind

    if not alone:
        raise InvalidInputError(
            "--telemetry goes with --to only", hint="insight restore --telemetry"
        )
    request = {"telemetry": True, "to": to}
    operate(project, OperationKind.RESTORE, request, detach=False, json_=json_)


def _expect(project: Path) -> None:
    from insightengine.wiring.expecting import expect_operation

    expect_operation(project)


def _show(project: Path, to: str, request: dict[str, Any], *, as_json: bool) -> None:
    """The plan: what is replaced, what is lost, how long it takes."""
    from insightengine.wiring.recovery_verbs import open_house, restore_plan_table

    shown = restore_plan_table(open_house(project), to)
    shown["replaces"] = _replaced(shown["replaces"], request)
    if as_json:
        print(json.dumps(shown))  # noqa: T201
    else:
        show_plan(shown)


def _carry_out(project: Path, request: dict[str, Any], *, yes: bool, json_: bool) -> None:
    """Raises ConflictError when nobody agreed to it."""
    from insightengine.cli.operating import operate
    from insightengine.core.errors import ConflictError
    from insightengine.recovery.journal import OperationKind

    if not yes and not (sys.stdin.isatty() and typer.confirm("Restore?", err=True)):
        raise ConflictError("nothing was done", code="not_confirmed", hint="add --yes")
    if "into" in request:
        from insightengine.wiring.exports import open_for_services

        open_for_services(Path(request["into"]), project)
    operate(project, OperationKind.RESTORE, request, detach=False, json_=json_)


def _request(
    to: str, into: Path | None, database: str | None, table: str | None, *, swap: bool
) -> dict[str, Any]:
    """Raises InvalidInputError for options that do not go together."""
    from insightengine.core.errors import InvalidInputError

    if (table or swap) and not database:
        raise InvalidInputError("--table and --swap need --database", hint="--database app_shop")
    if table and swap:
        raise InvalidInputError("--swap exchanges whole databases; a table is restored beside")
    if into and database:
        raise InvalidInputError(
            "--into takes the whole cluster",
            hint="insight backup export --database NAME --out FILE",
        )
    if into:
        from insightengine.wiring.exports import require_empty

        require_empty(into.resolve())
    given = {
        "into": str(into.resolve()) if into else None,
        "database": database,
        "table": table,
        "swap": swap,
    }
    return {"to": to, **{name: value for name, value in given.items() if value}}


def _replaced(cluster: str, request: dict[str, Any]) -> str:
    if request.get("swap"):
        return f"the database {request['database']}"
    return "nothing" if request.keys() & {"into", "database"} else cluster


@app.command()
def confirm(project: Project = HERE) -> None:
    """Remove the clusters that restores have replaced: what is there now is right.

    Examples:

        insight restore confirm
    """
    from insightengine.cli.show import say
    from insightengine.recovery.journal import OperationKind
    from insightengine.recovery.undoing import replaced_clusters
    from insightengine.wiring.recovery_verbs import open_house, refuse_beside

    house = open_house(project)
    refuse_beside(house, OperationKind.RESTORE)
    found = replaced_clusters(house)
    for folder in found:
        shutil.rmtree(folder)
    say(f"removed {len(found)} replaced clusters")


@app.command()
def undo(
    project: Project = HERE,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Put the cluster that the last restore has replaced back in its place.

    What is there now is kept in turn, so that undo can be undone. A backup that is under way is
    taken back: it is of the cluster that goes.

    Examples:

        insight restore undo
    """
    from insightengine.cli.operating import operate
    from insightengine.core.errors import NotFoundError
    from insightengine.recovery.journal import OperationKind
    from insightengine.recovery.undoing import replaced_clusters
    from insightengine.wiring.recovery_verbs import open_house, take_back_backups

    house = open_house(project)
    found = replaced_clusters(house)
    if not found:
        raise NotFoundError("no cluster that was replaced is kept", hint="insight restore --plan")
    take_back_backups(house)
    request = {"undo": found[-1].name}
    operate(project, OperationKind.RESTORE, request, detach=False, json_=json_)


def show_plan(shown: dict[str, Any]) -> None:
    from insightengine.cli.show import say

    how = "measured here" if shown["is_estimate_measured"] else "assumed, never measured here"
    say(f"restore to {shown['to']}")
    say(f"  from      {' + '.join(shown['chain'])} ({shown['standing']})")
    kept = "" if shown["replaces"] == "nothing" else ", which is kept"
    say(f"  replaces  {shown['replaces']}{kept}")
    say(f"  lost      {shown['lost']}")
    say(f"  takes     about {shown['estimated_s']:g} s ({how})")
