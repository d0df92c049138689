"""How processes are shown in a terminal: understandable without colour."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

MARKS = {
    "ready": ("●", "green"),
    "waiting": ("○", "dim"),
    "preparing": ("◐", "cyan"),
    "starting": ("◐", "cyan"),
    "unhealthy": ("▲", "yellow"),
    "backing_off": ("▲", "yellow"),
    "crash_loop": ("✖", "red"),
    "stopping": ("○", "dim"),
    "stopped": ("○", "dim"),
}
messages = Console(stderr=True, highlight=False)


CHECKOUT = Path(__file__).parents[4] / "bin/insight"


def program() -> str:
    """What a person types: `insight` when it is on the PATH, else that of the checkout."""
    if shutil.which("insight") or not CHECKOUT.exists():
        return "insight"
    return os.path.relpath(CHECKOUT)


def say(text: str) -> None:
    messages.print(text, markup=False, soft_wrap=True)


def process_table(status: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "process", "state", "since", "restarts", "pid", "ports", ""):
        table.add_column(column, overflow="fold")
    for process in status["processes"]:
        mark, style = MARKS.get(process["state"], ("?", ""))
        table.add_row(
            f"[{style}]{mark}[/]",
            escape(process["name"]),
            f"[{style}]{process['state'].replace('_', ' ')}[/]",
            ago(process["since"]),
            str(process["restarts"]),
            str(process["pid"] or ""),
            " ".join(map(str, process["ports"])),
            escape(process["detail"] or ""),
        )
    return table


def ago(moment: str) -> str:
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def follow(statuses: Iterator[dict[str, Any]]) -> None:
    """Shows a start: a live table in a terminal, else a line for each change of state."""
    if not sys.stderr.isatty():
        _lines(statuses)
        return
    with Live(console=messages, transient=True, refresh_per_second=8) as live:
        for status in statuses:
            live.update(process_table(status))


def _lines(statuses: Iterator[dict[str, Any]]) -> None:
    shown: dict[str, str] = {}
    began = time.monotonic()
    for status in statuses:
        for process in status["processes"]:
            if shown.get(process["name"]) != process["state"]:
                shown[process["name"]] = process["state"]
                took = time.monotonic() - began
                say(f"{took:5.1f} s  {process['name']} {process['state'].replace('_', ' ')}")
