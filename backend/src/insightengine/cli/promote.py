"""insight promote"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from insightengine.cli.options import HERE, Project
from insightengine.core.places import Environment

if TYPE_CHECKING:
    from insightengine.wiring.promotion import Promotion


def command(
    release: Annotated[
        str | None, typer.Argument(help="Release to promote, or its beginning; else what serves.")
    ] = None,
    folder: Project = HERE,
    source: Annotated[
        Environment, typer.Option("--from", help="Environment in which it was tested.")
    ] = Environment.STAGING,
    target: Annotated[
        Environment, typer.Option("--to", help="Environment that gets it.")
    ] = Environment.PRODUCTION,
    message: Annotated[str, typer.Option("--message", "-m", help="Why, for the list.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; for CI.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be promoted, and what differs.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return at once; it goes on by itself.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Release in production what was tested in staging: the same artefacts, not a second build.

    Refused unless the release serves in staging, was released there to its end, passed its tests,
    and its processes are well. Says first what is different in production. Exit codes are those of
    `insight deploy`; 11 means that it waits for `insight approve --env production`.

    Examples:

        insight promote

        insight promote 7f3a --yes --json

        insight promote --dry-run
    """
    from insightengine.cli.release_view import follow_operation
    from insightengine.cli.show import say
    from insightengine.wiring.environment import running_context
    from insightengine.wiring.promotion import ask_promotion, prepare_promotion
    from insightengine.wiring.releasing import whoami

    context = running_context(folder, target)
    promotion = prepare_promotion(running_context(folder, source), context, release)
    if json_:
        print(json.dumps({"type": "promotion", **promotion.shown()}), flush=True)  # noqa: T201
    else:
        _tell(promotion)
    if dry_run:
        return
    _confirm(promotion, yes=yes)
    operation = ask_promotion(context, promotion, whoami(), message)
    if detach:
        say(f"operation {operation.id}; follow it with: insight release watch --env {target}")
        return
    follow_operation(context, operation.id, as_json=json_)


def _tell(promotion: Promotion) -> None:
    from insightengine.cli.show import say

    say(f"release {promotion.release} of {promotion.source} goes to {promotion.target}")
    for service, digest in promotion.artefacts.items():
        say(f"  same artefact   {service} {digest[7:19]}")
    for difference in promotion.differences:
        say(f"  different       {difference}")
    for secret in promotion.own_secrets:
        say(f"  own secret      {secret}")


def _confirm(promotion: Promotion, *, yes: bool) -> None:
    from insightengine.core.errors import InvalidInputError

    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInputError(
            f"nothing was promoted: nobody was asked whether {promotion.target} may be changed",
            hint="insight promote --yes",
        )
    typer.confirm(f"Release it in {promotion.target}?", abort=True, err=True)
