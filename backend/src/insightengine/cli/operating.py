"""What commands that ask for an operation share: progress, outcome, tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from insightengine.recovery.journal import Operation, OperationKind


def operate(
    project: Any,
    kind: OperationKind,
    request: dict[str, Any],
    *,
    detach: bool,
    json_: bool,
) -> Operation | None:
    """Asks, follows with progress on standard error, and prints the outcome."""
    if detach:
        asked = _ask(project, kind, request)
        print(json.dumps({"operation": asked.id}) if json_ else asked.id)  # noqa: T201
        return None
    done = follow(project, kind, request)
    show_result(done.result, json_=json_)
    return done


def follow(project: Any, kind: OperationKind, request: dict[str, Any]) -> Operation:
    """Asks for it and follows it to its end, with progress on standard error."""
    from insightengine.wiring.recovery_verbs import wait_for

    return wait_for(project, _ask(project, kind, request), Shown().show)


def show_result(result: Mapping[str, Any], *, json_: bool) -> None:
    from insightengine.cli.show import say

    if json_:
        print(json.dumps(dict(result)))  # noqa: T201
        return
    for name, value in result.items():
        say(f"  {name.replace('_', ' '):<14} {_in_words(value)}")


def _in_words(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{name} {_in_words(one)}" for name, one in value.items()) or "none"
        case list():
            return ", ".join(map(_in_words, value)) or "none"
        case None:
            return "none"
    return str(value)


def _ask(project: Any, kind: OperationKind, request: dict[str, Any]) -> Operation:
    from insightengine.wiring.operations import whoami
    from insightengine.wiring.recovery_verbs import ask_for

    return ask_for(project, kind, request, whoami())


class Shown:
    """One line that is rewritten in a terminal; a line a step elsewhere."""

    def __init__(self) -> None:
        self._last = ""

    def show(self, operation: Operation) -> None:
        text = self.text(operation)
        if text == self._last:
            return
        self._last = text
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{text}" + ("\n" if operation.state.is_over else ""))
            sys.stderr.flush()
        elif operation.progress is None:
            sys.stderr.write(f"{text}\n")

    @staticmethod
    def text(operation: Operation) -> str:
        progress = operation.progress
        if progress is None:
            return f"{operation.kind.value}: {operation.step or operation.state.value}"
        done = f"{progress.done_bytes / 1e6:.0f}"
        total = f" of {progress.total_bytes / 1e6:.0f}" if progress.total_bytes else ""
        left = f", {progress.left_s:.0f} s left" if progress.left_s is not None else ""
        rate = f"{progress.bytes_per_s / 1e6:.0f} MB/s"
        return f"{operation.kind.value}: {progress.text}, {done}{total} MB, {rate}{left}"


def print_table(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if row.get(c) is None else str(row.get(c)) for c in columns))
    width = None if sys.stdout.isatty() else 160
    Console(highlight=False, markup=False, width=width).print(table)
