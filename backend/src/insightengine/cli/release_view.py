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
_OTHER_LINES = 2  # of the screen: the head of the table, and the line below it
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
    """While it runs, the newest steps that fit on the screen; at the end all of them, in full."""
    from rich.live import Live

    from insightengine.cli.show import messages
    from insightengine.stores.journal.port import Entry

    rows: dict[str, tuple[str, str]] = {}
    with Live(console=messages, refresh_per_second=8) as live:
        try:
            for event in events:
                if isinstance(event, Entry):
                    rows[event.step] = _row(event, rows.get(event.step))
                    live.update(_table(rows, most=max(1, messages.size.height - _OTHER_LINES)))
        finally:
            live.update(_table(rows))


def _row(entry: Entry, before: tuple[str, str] | None) -> tuple[str, str]:
    """The phase of a step and what was told of it last."""
    from insightengine.stores.journal.port import Phase

    if entry.phase is Phase.NOTE:
        return before[0] if before else "intent", str(entry.detail.get("line", ""))
    return entry.phase.value, str(entry.detail.get("message", "")) or _took(entry).strip()


def _table(rows: dict[str, tuple[str, str]], most: int | None = None) -> Table:
    """With `most`, one line for each of the last so many; else as many lines as they need."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("step", no_wrap=True, min_width=max(map(len, rows), default=0))
    table.add_column("", overflow="ellipsis" if most else "fold", no_wrap=most is not None)
    for step, (phase, told) in list(rows.items())[-most if most else None :]:
        mark, style = _MARKS.get(phase, ("○", "dim"))
        shown = told.partition("\n")[0] if most else told
        table.add_row(f"[{style}]{mark}[/]", step, escape(shown))
    return table
