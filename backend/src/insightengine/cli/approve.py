"""insight approve"""

from __future__ import annotations

from typing import Annotated

import typer

from insightengine.cli.options import HERE, Project


def command(
    release: Annotated[str, typer.Argument(help="Release that waits, or the beginning of its id.")],
    project: Project = HERE,
    why: Annotated[str, typer.Option("--why", "-m", help="Kept beside your name.")] = "",
    plan: Annotated[
        str | None,
        typer.Option(help="Hash of the plan that you looked at; refused when it is another now."),
    ] = None,
) -> None:
    """Agree to a plan that waits, or keep a release that the gates could not judge.

    An approval binds to the plan as it is now; another plan needs another one. With the policy
    `another`, whoever asked for the release cannot approve it.

    Examples:

        insight approve 7f3a -m "looked at the migration"

        insight approve 7f3a --plan 2c26b46b68ffc68f
    """
    from insightengine.cli.show import say
    from insightengine.wiring.environment import running_context
    from insightengine.wiring.releasing import approve, whoami

    agreed = approve(running_context(project), release, whoami(), why, expected=plan)
    say(f"operation {agreed.operation}: {agreed.by} agreed to {agreed.plan}")
