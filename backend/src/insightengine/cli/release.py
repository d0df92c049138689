"""insight release: one release while it runs"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from insightengine.cli.deploy import From, Json
from insightengine.cli.options import HERE, ComposeFile, Project, Unit
from insightengine.core.released import Released

if TYPE_CHECKING:
    from insightengine.stores.journal.port import Journal, Operation

app = typer.Typer(no_args_is_help=True, help="Look at a release while it runs, or end it.")
OneJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Number = Annotated[
    int | None, typer.Argument(help="Number of the operation; else the running one.")
]


@app.command()
def show(number: Number = None, project: Project = HERE, json_: Json = False) -> None:
    """Show an operation: its outcome, its steps, and what is left to do.

    Examples:

        insight release show

        insight release show 12 --json
    """
    from insightengine.cli.release_view import event_json
    from insightengine.cli.show import say
    from insightengine.wiring.environment import running_context
    from insightengine.wiring.releasing import journal_of, outlook

    context = running_context(project)
    journal = journal_of(context)
    operation = _latest(journal) if number is None else journal.operation(number)
    entries = journal.entries(operation.id)
    left = outlook(context, operation).left
    if json_:
        shown = {
            **event_json(operation),
            "entries": [event_json(e) for e in entries],
            "left": [*left],
        }
        print(json.dumps(shown))  # noqa: T201
        return
    say(f"operation {operation.id}: {operation.kind} of {operation.unit}, {operation.state}")
    say(f"release {operation.release or '?'} in place of {operation.previous or 'nothing'}")
    say(f"asked by {operation.asked_by} at {operation.asked_at:%Y-%m-%d %H:%M:%S}")
    for entry in entries:
        detail = entry.detail.get("line") or entry.detail.get("message") or ""
        say(f"  {entry.at:%H:%M:%S.%f} {entry.phase.value:<6} {entry.step}  {detail}")
    for step in left:
        say(f"  to do           {step}")
    if operation.summary:
        say(operation.summary)


@app.command()
def plan(
    project: Project = HERE,
    file: ComposeFile = None,
    unit: Unit = Released.APPLICATION,
    source: From = None,
    json_: OneJson = False,
) -> None:
    """Say exactly what `insight deploy` would do now, and change nothing.

    The version is built and its migrations are looked at, because the plan depends on both; what
    was built is used again by the deployment. The hash is what `insight approve --plan` binds to.
    Exit codes: 0 there is a plan or nothing to do, 4 it would be refused, 8 it cannot be built.

    Examples:

        insight release plan

        insight release plan --env staging --json
    """
    from insightengine.cli.release_plan import show_plan
    from insightengine.wiring.environment import running_context
    from insightengine.wiring.releasing import Deployment, ask_deployment, journal_of, whoami
    from insightengine.wiring.requests import ask_console_deployment

    context = running_context(project)
    journal = journal_of(context)
    if unit is Released.CONSOLE:
        asked = ask_console_deployment(
            context, whoami(), source=source, message="only a plan", plan_only=True
        )
    else:
        wanted = Deployment(project, whoami(), file, message="only a plan", plan_only=True)
        asked = ask_deployment(context, wanted)
    show_plan(context, journal, asked, as_json=json_)


@app.command()
def watch(number: Number = None, project: Project = HERE, json_: Json = False) -> None:
    """Follow a release to its end; exit codes are those of `insight deploy`.

    Examples:

        insight release watch
    """
    from insightengine.cli.release_view import follow_operation
    from insightengine.wiring.environment import running_context
    from insightengine.wiring.releasing import active_operation, journal_of

    context = running_context(project)
    operation = active_operation(journal_of(context)).id if number is None else number
    follow_operation(context, operation, as_json=json_)


@app.command()
def cancel(number: Number = None, project: Project = HERE) -> None:
    """Take a running release back: what served before serves again.

    Examples:

        insight release cancel
    """
    from insightengine.cli.show import say
    from insightengine.wiring.environment import running_context
    from insightengine.wiring.operations import cancel as cancel_it
    from insightengine.wiring.operations import whoami

    operation = cancel_it(running_context(project), whoami(), number)
    say(f"operation {operation.id} is being taken back; follow it with: insight release watch")


@app.command()
def retire(project: Project = HERE, unit: Unit = Released.APPLICATION) -> None:
    """End the rollback window now: the warm version is stopped.

    Examples:

        insight release retire
    """
    from insightengine.cli.release_view import follow_operation
    from insightengine.wiring.environment import running_context
    from insightengine.wiring.releasing import ask_retirement, whoami

    context = running_context(project)
    follow_operation(context, ask_retirement(context, unit, whoami()).id)


def _latest(journal: Journal) -> Operation:
    from insightengine.core.errors import NotFoundError

    found = journal.operations(None, None, 1)
    if not found:
        raise NotFoundError("nothing was released yet", hint="insight deploy")
    return found[0]
