"""insight failover"""

from __future__ import annotations

from typing import Annotated

import typer

from insightengine.cli.options import HERE, Project


def command(
    project: Project = HERE,
    force: Annotated[
        bool,
        typer.Option("--force", help="The primary is gone: take over with what the replica has."),
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Put the replica in the primary's place, on its port. Without --force nothing is lost.

    The old primary is fenced first; it comes back as the replica, rewound to the new primary.

    Examples:

        insight failover

        insight failover --force
    """
    from insightengine.cli.operating import operate
    from insightengine.recovery.journal import OperationKind

    request = {"forced": force}
    operate(project, OperationKind.FAILOVER, request, detach=False, json_=json_)
