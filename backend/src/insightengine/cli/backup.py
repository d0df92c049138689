"""insight backup: take, list, show, verify and prune backups."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from insightengine.cli.options import HERE, Project

if TYPE_CHECKING:
    from insightengine.recovery.journal import Operation, OperationKind

app = typer.Typer(no_args_is_help=True, help="Take, prove and prune backups of the databases.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return once it is asked for.")]


@app.command()
def create(
    project: Project = HERE,
    full: Annotated[
        bool, typer.Option("--full", help="Everything, not only what changed since the last.")
    ] = False,
    detach: Detach = False,
    json_: Json = False,
) -> None:
    """Take a backup now: incremental where there is one to build on, else full.

    It is listed once it is stored with its write-ahead log, and counts once it was read back.

    Examples:

        insight backup create

        insight backup create --full --detach
    """
    from insightengine.recovery.journal import OperationKind

    kind = "full" if full else "incremental"
    operate(project, OperationKind.BACKUP, {"kind": kind}, detach=detach, json_=json_)


@app.command("list")
def list_(project: Project = HERE, json_: Json = False) -> None:
    """List backups with what each is worth: unverified, verified, restored or damaged.

    Examples:

        insight backup list

        insight backup list --json
    """
    from insightengine.wiring.recovery_verbs import backup_table, open_house

    backups = backup_table(open_house(project))
    if json_:
        print(json.dumps({"backups": backups}))  # noqa: T201
        return
    columns = ("id", "kind", "standing", "plain_bytes", "stored_bytes", "seconds", "reason")
    print_table(columns, backups)


@app.command()
def show(
    backup: Annotated[str, typer.Argument(help="The id, as `insight backup list` shows it.")],
    project: Project = HERE,
) -> None:
    """Show all that is known of one backup, with every check of it, as JSON.

    Examples:

        insight backup show 20260102T030405Z-full
    """
    from insightengine.core.errors import NotFoundError
    from insightengine.recovery.catalogue import CHECKS
    from insightengine.wiring.recovery_verbs import backup_table, open_house

    house = open_house(project)
    found = [one for one in backup_table(house) if one["id"] == backup]
    if not found:
        raise NotFoundError(f"there is no backup {backup}", hint="insight backup list")
    checks = house.catalogue.checks().get(backup, [])
    found[0]["checks"] = [CHECKS.dump_python(check, mode="json") for check in checks]
    print(json.dumps(found[0], indent=2))  # noqa: T201


@app.command()
def verify(
    backup: Annotated[str | None, typer.Argument(help="The id; the newest otherwise.")] = None,
    project: Project = HERE,
    restore: Annotated[
        bool,
        typer.Option("--restore", help="Restore it into a scratch server and read every page."),
    ] = False,
    detach: Detach = False,
    json_: Json = False,
) -> None:
    """Prove a backup: its objects against its manifest, or by a whole restore. Exit code 4 if bad.

    Examples:

        insight backup verify

        insight backup verify --restore
    """
    from insightengine.core.errors import ConflictError
    from insightengine.recovery.journal import OperationKind

    request: dict[str, Any] = {"restore": restore}
    if backup:
        request["backup"] = backup
    done = operate(project, OperationKind.VERIFY, request, detach=detach, json_=json_)
    if done is not None and not done.result.get("passed"):
        findings = "; ".join(done.result.get("findings", ())) or "no copy of it was found"
        raise ConflictError(f"{done.result['backup']} is not sound: {findings}", code="damaged")


@app.command()
def prune(
    project: Project = HERE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what stays, why, and what would go.")
    ] = False,
    json_: Json = False,
) -> None:
    """Remove what the retention of the Compose file no longer keeps.

    Examples:

        insight backup prune --dry-run

        insight backup prune
    """
    from insightengine.recovery.journal import OperationKind
    from insightengine.recovery.service import plan_prune
    from insightengine.wiring.recovery_verbs import open_house

    if not dry_run:
        operate(project, OperationKind.PRUNE, {}, detach=False, json_=json_)
        return
    plan = plan_prune(open_house(project))
    rows = [{"backup": k.backup, "stays": "yes", "because": k.reason} for k in plan.keep]
    rows += [{"backup": b, "stays": "no", "because": "nothing wants it"} for b in plan.remove]
    if json_:
        print(json.dumps({"plan": rows}))  # noqa: T201
    else:
        print_table(("backup", "stays", "because"), rows)


@app.command()
def status(project: Project = HERE, json_: Json = False) -> None:
    """Show what would be lost now (RPO), how long a restore takes (RTO), and what is under way.

    Examples:

        insight backup status
    """
    from insightengine.recovery.objectives import objectives_now
    from insightengine.wiring.recovery_verbs import open_house, repository_table

    house = open_house(project)
    objectives, repositories = objectives_now(house).as_json(), repository_table(house)
    under_way = [_operation(one) for one in house.journal.under_way()]
    if json_:
        found = {"objectives": objectives, "repositories": repositories, "under_way": under_way}
        print(json.dumps(found))  # noqa: T201
        return
    print_table(("rpo_s", "rpo_target_s", "rto_s", "rto_target_s", "newest_proven"), [objectives])
    print_table(("repository", "wal_lsn", "wal_at", "problem"), repositories)
    if under_way:
        print_table(("id", "state", "step", "progress"), under_way)


@app.command()
def cancel(
    operation: Annotated[str, typer.Argument(help="The id, as `insight backup status` shows it.")],
    project: Project = HERE,
) -> None:
    """Take back an operation that was asked for and that nobody has begun.

    Examples:

        insight backup cancel 20260102T030405-backup-1a2b3c
    """
    from insightengine.cli.show import say
    from insightengine.core.errors import ConflictError
    from insightengine.wiring.recovery_verbs import open_house

    house = open_house(project)
    if not house.journal.cancel(operation, house.now()):
        found = house.journal.get(operation)
        raise ConflictError(f"{operation} cannot be taken back: it is {found.state.value}")
    say(f"{operation} is cancelled")


@app.command()
def mark(
    name: Annotated[str, typer.Argument(help="1 to 63 letters, digits and _.:@-")],
    project: Project = HERE,
) -> None:
    """Name the present moment; `insight restore --to NAME` goes back to it.

    Releases name the moment before they change anything: `insight restore --to RELEASE`.

    Examples:

        insight backup mark before-import
    """
    from insightengine.cli.show import say
    from insightengine.wiring.recovery_points import mark as mark_moment

    point = mark_moment(project, name)
    say(f"{point.name} is {point.lsn} of timeline {point.timeline}")


@app.command()
def points(project: Project = HERE, json_: Json = False) -> None:
    """List the named moments that a restore can go back to, the newest first.

    Examples:

        insight backup points

        insight backup points --json
    """
    from insightengine.wiring.recovery_points import point_table
    from insightengine.wiring.recovery_verbs import open_house

    found = point_table(open_house(project))
    if json_:
        print(json.dumps({"points": found}))  # noqa: T201
    else:
        print_table(("name", "at", "timeline", "lsn"), found)


@app.command()
def credentials(project: Project = HERE) -> None:
    """Keep the access key of the buckets: two lines on standard input, or typed when asked.

    Examples:

        insight backup credentials

        insight backup credentials < access-key.txt
    """
    from insightengine.cli.show import say
    from insightengine.core.errors import InvalidInputError
    from insightengine.core.secrets import Secret
    from insightengine.wiring.recovery_verbs import keep_credentials

    if sys.stdin.isatty():
        access = typer.prompt("access key id")
        secret = typer.prompt("secret access key", hide_input=True)
    else:
        lines = sys.stdin.read().split()
        if len(lines) != 2:
            raise InvalidInputError(f"found {len(lines)} lines, wanted are access key and secret")
        access, secret = lines
    keep_credentials(project, access, Secret(secret))
    say("the access key is kept; `insight restart backups` uses it at once")


def operate(
    project: Any,
    kind: OperationKind,
    request: dict[str, Any],
    *,
    detach: bool,
    json_: bool,
) -> Operation | None:
    """Asks, follows with progress on standard error, and prints the outcome."""
    import getpass

    from insightengine.cli.show import say
    from insightengine.wiring.recovery_verbs import ask_for, wait_for

    asked = ask_for(project, kind, request, getpass.getuser())
    if detach:
        print(json.dumps({"operation": asked.id}) if json_ else asked.id)  # noqa: T201
        return None
    shown = _Progress()
    done = wait_for(project, asked, shown.show)
    if json_:
        print(json.dumps(done.result))  # noqa: T201
    else:
        for name, value in done.result.items():
            say(f"  {name.replace('_', ' '):<14} {value}")
    return done


class _Progress:
    """One line that is rewritten in a terminal; a line a step elsewhere."""

    def __init__(self) -> None:
        self._last = ""

    def show(self, operation: Operation) -> None:
        text = self._text(operation)
        if text == self._last:
            return
        self._last = text
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{text}" + ("\n" if operation.state.is_over else ""))
            sys.stderr.flush()
        elif operation.progress is None:
            sys.stderr.write(f"{text}\n")

    @staticmethod
    def _text(operation: Operation) -> str:
        progress = operation.progress
        if progress is None:
            return f"{operation.kind.value}: {operation.step or operation.state.value}"
        done = f"{progress.done_bytes / 1e6:.0f}"
        total = f" of {progress.total_bytes / 1e6:.0f}" if progress.total_bytes else ""
        left = f", {progress.left_s:.0f} s left" if progress.left_s is not None else ""
        rate = f"{progress.bytes_per_s / 1e6:.0f} MB/s"
        return f"{operation.kind.value}: {progress.text}, {done}{total} MB, {rate}{left}"


def _operation(operation: Operation) -> dict[str, Any]:
    return {
        "id": operation.id,
        "kind": operation.kind.value,
        "state": operation.state.value,
        "step": operation.step,
        "progress": _Progress._text(operation),  # noqa: SLF001
    }


def print_table(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if row.get(c) is None else str(row.get(c)) for c in columns))
    Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(table)
