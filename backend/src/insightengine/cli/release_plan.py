"""How a plan is shown that was only asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from insightengine.cli.release_view import CODES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from insightengine.release.plan import Preview
    from insightengine.stores.journal.port import Journal, Operation
    from insightengine.wiring.environment import PlatformContext


def show_plan(
    context: PlatformContext, journal: Journal, operation: Operation, *, as_json: bool
) -> None:
    """Waits until it is made; leaves with the exit code of its outcome."""
    from insightengine.cli.show import say
    from insightengine.wiring.releasing import preview_of

    _wait(journal, operation.id, quiet=as_json)
    outcome = journal.operation(operation.id)
    found = preview_of(context, outcome)
    content = journal.release(outcome.unit, outcome.release).content if outcome.release else {}
    if as_json:
        print(json.dumps(_as_json(outcome, content, found)))  # noqa: T201
    elif found is not None:
        _show(outcome, content, found)
    code = CODES.get(outcome.state, 0)
    if code and not as_json:
        hint = (outcome.failure or {}).get("hint")
        say(f"error: {outcome.summary}" + (f"\n\nhint: {hint}" if hint else ""))
    if code:
        raise typer.Exit(code)


def _wait(journal: Journal, operation: int, *, quiet: bool) -> None:
    from insightengine.cli.show import say
    from insightengine.stores.journal.port import Entry, Phase
    from insightengine.wiring.releasing import follow

    for event in follow(journal, operation):
        if not quiet and isinstance(event, Entry) and event.phase is Phase.NOTE:
            say(f"    {event.step}: {event.detail.get('line', '')}")


def _show(outcome: Operation, content: Mapping[str, object], found: Preview) -> None:
    from insightengine.cli.show import say

    if not found.steps:
        say(outcome.summary)
        return
    say(f"release {outcome.release} in place of {outcome.previous or 'nothing'}")
    migrations = _texts(content, "migrations")
    if migrations:
        say(f"  schema      {content.get('label')}: {', '.join(migrations)}")
    for reason in (*_texts(content, "breaking"), *_texts(content, "warnings")):
        say(f"  look at     {reason}")
    for step in found.steps:
        say(f"  would do    {step.key}" + (f" ({step.colour})" if step.colour else ""))
    say(f"  plan        {found.hash}")
    if _approval(outcome) != "none":
        say(f"  approval    by {_approval(outcome)}")


def _as_json(
    outcome: Operation, content: Mapping[str, object], found: Preview | None
) -> dict[str, object]:
    steps = found.steps if found else ()
    return {
        "operation": outcome.id,
        "state": outcome.state,
        "release": outcome.release,
        "previous": outcome.previous,
        "summary": outcome.summary,
        "failure": outcome.failure,
        "label": content.get("label"),
        **{key: _texts(content, key) for key in ("migrations", "breaking", "warnings")},
        "approval": _approval(outcome),
        "plan": found.hash if found and steps else None,
        "steps": [
            {"step": one.key, "colour": one.colour.value if one.colour else None} for one in steps
        ],
    }


def _approval(outcome: Operation) -> str:
    return str((outcome.facts or {}).get("approval", "none"))


def _texts(content: Mapping[str, object], key: str) -> list[str]:
    found = content.get(key, [])
    return list(map(str, found)) if isinstance(found, list) else []
