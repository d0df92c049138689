"""insight drill: rehearse the way back on a scratch copy, with a report for whoever asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from insightengine.cli.backup import Detach, Json
from insightengine.cli.operating import print_table
from insightengine.cli.options import HERE, Project

app = typer.Typer(
    no_args_is_help=True,
    help="Rehearse a restore, a failover or the loss of the machine; nothing is replaced.",
)


@app.command()
def restore(
    to: Annotated[str, typer.Option(help="As in `insight restore --to`.")] = "latest",
    project: Project = HERE,
    detach: Detach = False,
    json_: Json = False,
) -> None:
    """Restore everything into a scratch server and commit to it. Exit code 4 if that fails.

    What it measures is the recovery time (RTO) that the dashboard shows from then on.

    Examples:

        insight drill restore

        insight drill restore --to 2026-01-02T03:04:05Z --json
    """
    _drill(project, {"kind": "restore", "to": to}, detach=detach, json_=json_)


@app.command()
def failover(project: Project = HERE, detach: Detach = False, json_: Json = False) -> None:
    """Kill the primary of a scratch pair under load and promote its replica. Exit code 4 if bad.

    It needs no replica of the platform's own: the pair is made of the newest backup.

    Examples:

        insight drill failover
    """
    _drill(project, {"kind": "failover"}, detach=detach, json_=json_)


@app.command("lose-host")
def lose_host(
    key: Annotated[
        Path | None,
        typer.Option(help="A recovery key, to prove it, too; the machine's own otherwise."),
    ] = None,
    to: Annotated[str, typer.Option(help="As in `insight restore --to`.")] = "latest",
    project: Project = HERE,
    detach: Detach = False,
    json_: Json = False,
) -> None:
    """Bring a second platform up from the repository alone, ask it, and remove it. Exit code 4 if
    bad.

    The application itself is started with its real data and secrets, on other ports: what it sends
    by itself, such as mail, it may send twice. The second platform takes no backups.

    Examples:

        insight drill lose-host

        insight drill lose-host --key /media/usb/recovery.key
    """
    from insightengine.wiring.drills import hand_over_key

    request: dict[str, Any] = {"kind": "lose-host", "to": to}
    if key is not None:
        request["key"] = str(hand_over_key(project, key))
    _drill(project, request, detach=detach, json_=json_)


@app.command("list")
def list_(project: Project = HERE, json_: Json = False) -> None:
    """List the drills of this machine with their outcome, the newest first.

    Examples:

        insight drill list
    """
    from insightengine.wiring.drills import drill_table

    found = drill_table(project)
    if json_:
        print(json.dumps({"drills": found}))  # noqa: T201
    else:
        print_table(("id", "kind", "ended_at", "verdict", "rto_s", "rto_target_s"), found)


@app.command()
def show(
    drill: Annotated[str | None, typer.Argument(help="The id; the newest otherwise.")] = None,
    project: Project = HERE,
    json_: Json = False,
) -> None:
    """Print the report of a drill: Markdown, or JSON.

    Examples:

        insight drill show > drill.md

        insight drill show 20260102T030405-drill-1a2b3c --json
    """
    from insightengine.wiring.drills import drill_document

    print(drill_document(project, drill, as_json=json_), end="")  # noqa: T201


def _drill(project: Path, request: dict[str, Any], *, detach: bool, json_: bool) -> None:
    from insightengine.cli.operating import operate
    from insightengine.core.errors import ConflictError
    from insightengine.recovery.journal import OperationKind

    done = operate(project, OperationKind.DRILL, request, detach=detach, json_=json_)
    if done is not None and not done.result.get("passed"):
        findings = "; ".join(done.result.get("findings", ())) or "see the report"
        raise ConflictError(
            f"the drill failed: {findings}",
            code="drill_failed",
            hint=f"insight drill show {done.id}",
        )
