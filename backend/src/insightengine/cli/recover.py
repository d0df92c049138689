"""insight recover: the way back on a machine that has nothing but a bucket and a key."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from insightengine.cli.options import HERE, BasePort, Project

if TYPE_CHECKING:
    from insightengine.wiring.disaster import RecoverRequest

app = typer.Typer(help="Recover a platform from its repository.", invoke_without_command=True)
key = typer.Typer(no_args_is_help=True, help="Recovery keys, which are kept off this machine.")
app.add_typer(key, name="key")


@app.callback(invoke_without_command=True)
def recover(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Option("--from", help="The repository: s3://BUCKET/PREFIX, or a folder."),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option("--key", help="The file of a recovery key.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="Address of the S3 store; AWS otherwise.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="Region of the bucket.")] = None,
    to: Annotated[str, typer.Option(help="As in `insight restore --to`.")] = "latest",
    cluster: Annotated[
        str | None, typer.Option(help="Which cluster, where the repository holds several.")
    ] = None,
    project: Project = HERE,
    base_port: BasePort = None,
    start: Annotated[
        bool, typer.Option(help="Bring the platform up once its data is back.")
    ] = True,
    telemetry: Annotated[
        bool, typer.Option("--telemetry", help="Telemetry, too, where the backups hold it.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask after the plan.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Bring a lost platform back into an empty folder, from a repository and a recovery key.

    Access keys of the bucket come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or another
    place where AWS's own tools look. Databases, secrets, Compose file and the application's own
    files come back; then everything is started. Run again after a kill, it goes on.

    Examples:

        insight recover --from s3://bucket/shop --key recovery.key --yes

        insight recover --from /mnt/backup --key recovery.key --project ~/shop --base-port 5300
    """
    if context.invoked_subcommand is not None:
        return
    from insightengine.core.errors import InvalidInputError
    from insightengine.wiring.disaster import RecoverRequest
    from insightengine.wiring.recovery_verbs import read_key

    if source is None or key_file is None:
        raise InvalidInputError(
            "the repository or the key is missing",
            hint="insight recover --from s3://BUCKET/PREFIX --key FILE",
        )
    _recover(
        RecoverRequest(
            *(source, read_key(key_file), project, endpoint, region, to, cluster),
            base_port=base_port,
            start=start,
            telemetry=telemetry,
        ),
        yes=yes,
        json_=json_,
    )


def _recover(request: RecoverRequest, *, yes: bool, json_: bool) -> None:
    """Says what was found, asks, and brings it home."""
    from insightengine.cli.show import say
    from insightengine.core.errors import ConflictError
    from insightengine.wiring.disaster import bring_home, look

    found = look(request)
    say(f"recover {found.application} of {found.host} (cluster {found.cluster})")
    say(f"  from      {found.backup} and the write-ahead log behind it")
    say(f"  into      {request.project.resolve() / '.insight'}")
    if not yes and not (sys.stdin.isatty() and typer.confirm("Recover?")):
        raise ConflictError("nothing was done", code="not_confirmed", hint="add --yes")
    result = bring_home(request, _told)
    if json_:
        print(json.dumps(result))  # noqa: T201
    else:
        for name, value in result.items():
            say(f"  {name.replace('_', ' '):<14} {value}")


@contextmanager
def _told(step: str) -> Iterator[None]:
    """Says what is done, and how long it took."""
    from insightengine.cli.show import say
    from insightengine.recovery.procedures import PROCEDURES, DrillKind

    began = time.monotonic()
    yield
    title = PROCEDURES[DrillKind.LOSE_HOST].stage(step).title
    say(f"{time.monotonic() - began:6.1f} s  {title}")


@key.command("create")
def create_key(
    project: Project = HERE,
    out: Annotated[
        Path | None, typer.Option(help="Write the key to this new file; printed otherwise.")
    ] = None,
) -> None:
    """Create a recovery key. The platform keeps its public half only, so keep the rest well.

    Every backup from now on can be opened with it; the next one will be a full one.

    Examples:

        insight recover key create --out /media/usb/recovery.key

        insight recover key create > recovery.key
    """
    from insightengine.cli.show import say
    from insightengine.wiring.recovery_verbs import create_recovery_key

    text, public = create_recovery_key(project, out)
    if out is None:
        sys.stdout.write(text.reveal())
    say(f"recovery key {public}: keep it off this machine, in two places")
    say("in effect after: insight restart backups")


@key.command("list")
def list_keys(project: Project = HERE) -> None:
    """List the public halves of the recovery keys.

    Examples:

        insight recover key list
    """
    from insightengine.wiring.environment import running_context
    from insightengine.wiring.recovery import recovery_recipients

    for recipient in recovery_recipients(running_context(project).state):
        print(recipient)  # noqa: T201


@key.command("check")
def check_key(
    file: Annotated[Path, typer.Argument(help="The file of a recovery key.")],
    project: Project = HERE,
) -> None:
    """Tell whether a recovery key opens this platform's backups.

    Examples:

        insight recover key check /media/usb/recovery.key
    """
    from insightengine.cli.show import say
    from insightengine.wiring.recovery_verbs import check_recovery_key

    say(f"{check_recovery_key(project, file)} opens the backups of this platform")
