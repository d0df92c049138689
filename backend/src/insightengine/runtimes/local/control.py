"""A unix socket on which the supervisor takes orders: one line of JSON each way.

A socket's address may be 107 bytes long at most; folders can be deeper. Both sides therefore name
it relative to its folder: the server by its working directory, clients through /proc.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from insightengine.core.errors import InsightError, NotFoundError, UnavailableError

SOCKET = "control.sock"


def ask(run_folder: Path, order: Mapping[str, Any], timeout_s: float = 60.0) -> dict[str, Any]:
    """Sends one order and returns the answer.

    Raises UnavailableError when no supervisor answers, and what the supervisor refused.
    """
    try:
        folder = os.open(run_folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        raise _not_running(run_folder) from None
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(f"/proc/self/fd/{folder}/{SOCKET}")
            connection.sendall(json.dumps(order).encode() + b"\n")
            line = connection.makefile("rb").readline()
    except OSError:
        raise _not_running(run_folder) from None
    finally:
        os.close(folder)
    return _checked(json.loads(line)) if line else {}


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        kind = NotFoundError if answer.get("code") == "not_found" else InsightError
        raise kind(answer["error"], hint=answer.get("hint"))
    return answer


def _not_running(run_folder: Path) -> UnavailableError:
    return UnavailableError(
        f"no platform runs in {run_folder.parent.parent}",
        code="not_running",
        hint="insight up",
    )
