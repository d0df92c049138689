"""Prints the ends of log files, and what is appended to them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import typer

from insightengine.wiring.local import last_lines

_POLL_S = 0.2


def show_logs(files: Mapping[str, Path], count: int, *, follow: bool) -> None:
    """`files` by the name that is shown before each line when there are several."""
    width = max(map(len, files), default=0) if len(files) > 1 else 0
    positions = {name: _size(path) for name, path in files.items()}
    for name, path in files.items():
        for line in last_lines(path, count):
            _print(name, line, width)
    while follow:
        for name, path in files.items():
            positions[name] = _print_new(name, path, positions[name], width)
        time.sleep(_POLL_S)


def _print_new(name: str, path: Path, position: int, width: int) -> int:
    size = _size(path)
    if size < position:
        position = 0  # it was rotated
    if size == position:
        return position
    with path.open("rb") as file:
        file.seek(position)
        content = file.read(size - position)
    whole = content.rfind(b"\n") + 1
    for line in content[:whole].decode("utf-8", "replace").splitlines():
        _print(name, line, width)
    return position + whole


def _print(name: str, line: str, width: int) -> None:
    typer.echo(f"{name:<{width}} | {line}" if width else line)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
