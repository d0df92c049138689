"""How a release is shown while it runs: a live table on a terminal, lines elsewhere, or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from insightengine.core.places import Located
    from insightengine.stores.journal.port import Entry, Operation

# Exit codes of commands that wait for an outcome; 0 to 7 are those of every command.
TAKEN_BACK, HELD, CANCELLED, WAITING = 8, 9, 10, 11
CODES = {
    "failed": TAKEN_BACK,
    "held": HELD,
    "cancelled": CANCELLED,
    "waiting": WAITING,
    "refused": 4,
}
_MARKS = {"intent": ("◐", "cyan"), "done": ("●", "green"), "failed": ("✖", "red")}


def follow_operation(
    context: Located, number: int, *, as_json: bool = False, quiet: bool = False
) -> None:
    """Shows it to its end; leaves with the exit code of its outcome. With `quiet`, only failures
    are told and a success returns."""
    from insightengine.wiring.operations import follow, open_journal

    journal = open_journal(context)
    events = follow(journal, number)
    try:
        if as_json:
            _as_json(events)
        elif sys.stderr.isatty():
            _live(events)
        else:
            _lines(events, quiet=quiet)
    except KeyboardInterrupt:
        from insightengine.cli.show import say

        say("it goes on: insight release watch follows it, insight release cancel takes it back")
        raise typer.Exit(130) from None
    outcome: Operation = journal.operation(number)
    _conclude(outcome, as_json=as_json, quiet=quiet)


def _conclude(outcome: Operation, *, as_json: bool, quiet: bool) -> None:
    from insightengine.cli.show import say

    code = CODES.get(outcome.state, 0)
    if not as_json and (code or not quiet):
        say(("error: " if code else "") + outcome.summary)
        hint = (outcome.failure or {}).get("hint")
        if code and hint:
            say(f"\nhint: {hint}")
    if code:
        raise typer.Exit(code)


def _as_json(events: Iterator[Entry | Operation]) -> None:
    """One JSON object a line, entries and states; the last one is the outcome."""
    for event in events:
        print(json.dumps(event_json(event)), flush=True)  # noqa: T201


def event_json(event: Entry | Operation) -> dict[str, object]:
    from insightengine.stores.journal.port import Entry
    from insightengine.wiring.operations import shown_operation

    if isinstance(event, Entry):
        return {
            "type": "entry",
            "seq": event.seq,
            "at": event.at.isoformat(),
            "step": event.step,
            "phase": event.phase.value,
            "detail": dict(event.detail),
        }
    plain = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in shown_operation(event).items()
    }
    return {"type": "operation", **plain}


def _lines(events: Iterator[Entry | Operation], *, quiet: bool) -> None:
    from insightengine.cli.show import say
    from insightengine.stores.journal.port import Entry, Phase

    for event in events:
        if not isinstance(event, Entry) or (quiet and event.phase is not Phase.FAILED):
            continue
        if event.phase is Phase.NOTE:
            say(f"    {event.step}: {event.detail.get('line', '')}")
        elif event.phase is Phase.DONE:
            say(f"  done    {event.step}{_took(event)}")
        elif event.phase is Phase.FAILED:
            say(f"  FAILED  {event.step}: {event.detail.get('message', '')}")


def _took(entry: Entry) -> str:
    took = entry.detail.get("took_ms")
    return f"  {float(took):.0f} ms" if isinstance(took, int | float) else ""


def _live(events: Iterator[Entry | Operation]) -> None:
    from rich.live import Live

    from insightengine.cli.show import messages
    from insightengine.stores.journal.port import Entry, Phase

    rows: dict[str, tuple[str, str]] = {}
    with Live(console=messages, refresh_per_second=8) as live:
        for event in events:
            if not isinstance(event, Entry):
                continue
            if event.phase is Phase.NOTE:
                phase = rows.get(event.step, ("intent", ""))[0]
                rows[event.step] = (phase, str(event.detail.get("line", "")))
            else:
                told = str(event.detail.get("message", "")) or _took(event).strip()
                rows[event.step] = (event.phase.value, told)
            live.update(_table(rows))


def _table(rows: dict[str, tuple[str, str]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "step", ""):
        table.add_column(column, overflow="fold")
    for step, (phase, told) in rows.items():
        mark, style = _MARKS.get(phase, ("○", "dim"))
        table.add_row(f"[{style}]{mark}[/]", step, told.replace("[", "\\["))
    return table
