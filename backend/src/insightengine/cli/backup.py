"""insight backup: take, list, show, verify and prune backups."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from insightengine.cli.operating import Shown, follow, operate, print_table, show_result
from insightengine.cli.options import HERE, Project

if TYPE_CHECKING:
    from insightengine.core.secrets import Secret
    from insightengine.recovery.journal import Operation

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
    from insightengine.recovery.keeping import fact_of
    from insightengine.wiring.recovery_verbs import backup_table, open_house

    house = open_house(project)
    found = [one for one in backup_table(house) if one["id"] == backup]
    if not found:
        raise NotFoundError(f"there is no backup {backup}", hint="insight backup list")
    checks = house.catalogue.checks().get(backup, [])
    found[0]["telemetry"] = house.catalogue.fact(fact_of(backup)) or None
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
    other_key: Annotated[
        bool,
        typer.Option(
            "--other-key", help="With an access key that may delete: asked for, and not kept."
        ),
    ] = False,
    json_: Json = False,
) -> None:
    """Remove what the retention of the Compose file no longer keeps.

    Examples:

        insight backup prune --dry-run

        insight backup prune

        insight backup prune --other-key < key-that-may-delete.txt
    """
    from insightengine.recovery.journal import OperationKind
    from insightengine.recovery.service import plan_prune
    from insightengine.wiring.recovery_verbs import open_house

    if other_key and not dry_run:
        _prune_with_other_key(project, json_=json_)
        return
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
def export(
    out: Annotated[Path, typer.Option(help="New folder for a backup, or new file for a dump.")],
    backup: Annotated[str | None, typer.Argument(help="The id; the newest proven one.")] = None,
    database: Annotated[
        str | None, typer.Option(help="Only this database, as a dump, decrypted.")
    ] = None,
    table: Annotated[str | None, typer.Option(help="Only this SCHEMA.TABLE of it.")] = None,
    to: Annotated[str, typer.Option(help="Of a dump: as in `insight restore --to`.")] = "latest",
    sql: Annotated[bool, typer.Option("--sql", help="The dump as SQL, for psql.")] = False,
    project: Project = HERE,
    json_: Json = False,
) -> None:
    """Copy a backup out: whole and encrypted, or one database or table as a dump.

    A whole backup becomes a repository of its own: `insight recover --from FOLDER` takes it.

    Examples:

        insight backup export --out /media/usb/shop

        insight backup export --database app_shop --table public.orders --out orders.dump

        insight backup export --database app_shop --to 2026-01-02T03:04:05Z --sql --out shop.sql
    """
    from insightengine.recovery.journal import OperationKind
    from insightengine.wiring.exports import hand_over, require_new

    require_new(out)
    request: dict[str, Any] = {"to": to, "sql": sql}
    given = {"backup": backup, "database": database, "table": table}
    request |= {name: value for name, value in given.items() if value}
    done = follow(project, OperationKind.EXPORT, request)
    file = hand_over(Path(str(done.result["file"])), out)
    show_result({**done.result, "file": str(file)}, json_=json_)


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
    shown = ("rpo_s", "rpo_target_s", "rto_s", "rto_estimate_s", "rto_target_s", "newest_proven")
    print_table(shown, [objectives])
    print_table(("repository", "wal_lsn", "wal_at", "problem"), repositories)
    if under_way:
        print_table(("id", "state", "step", "progress"), under_way)


@app.command()
def cancel(
    operation: Annotated[str, typer.Argument(help="The id, as `insight backup status` shows it.")],
    project: Project = HERE,
) -> None:
    """Take back an operation, such as a backup that is under way when a restore is urgent.

    What it did so far comes to nothing. A restore, failover or pruning that has begun goes on.

    Examples:

        insight backup cancel 20260102T030405-backup-1a2b3c
    """
    from insightengine.cli.show import say
    from insightengine.wiring.recovery_verbs import open_house

    house = open_house(project)
    house.journal.take_back(operation, house.now())
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
    from insightengine.wiring.recovery_verbs import keep_credentials

    keep_credentials(project, *_access_key())
    say("the access key is kept; `insight restart backups` uses it at once")


def _access_key() -> tuple[str, Secret]:
    """Two lines on standard input, or typed when asked; never an argument."""
    from insightengine.core.errors import InvalidInputError
    from insightengine.core.secrets import Secret

    if sys.stdin.isatty():
        access = typer.prompt("access key id")
        return access, Secret(typer.prompt("secret access key", hide_input=True))
    lines = sys.stdin.read().split()
    if len(lines) != 2:
        raise InvalidInputError(f"found {len(lines)} lines, wanted are access key and secret")
    return lines[0], Secret(lines[1])


def _prune_with_other_key(project: Path, *, json_: bool) -> None:
    from insightengine.wiring.operations import whoami
    from insightengine.wiring.pruning import prune_with

    access, secret = _access_key()
    show_result(prune_with(project, access, secret, whoami()).result, json_=json_)


def _operation(operation: Operation) -> dict[str, Any]:
    return {
        "id": operation.id,
        "kind": operation.kind.value,
        "state": operation.state.value,
        "step": operation.step,
        "progress": Shown.text(operation),
    }
