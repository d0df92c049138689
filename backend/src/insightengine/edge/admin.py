"""Requests to a running edge: its status, the switch of colours, and a site as clients see it.

Every request uses a connection of its own, so that any worker that accepts may answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from insightengine.core.errors import UnavailableError
from insightengine.edge.installed import Installed
from insightengine.edge.models import Address, Selection
from insightengine.edge.port import EdgeStatus

_TIMEOUT_S = 5.0
_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Answer:
    """Who answered, as the edge's response header says."""

    generation: str
    release: str
    colour: str


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    headers: Mapping[str, str]
    body: bytes


def _request(address: Address, method: str, path: str, headers: Mapping[str, str]) -> _Response:
    connection = HTTPConnection(address.host, address.port, timeout=_TIMEOUT_S)
    try:
        connection.request(method, path, headers={"Connection": "close", **headers})
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return _Response(response.status, found, response.read())
    except (OSError, HTTPException) as error:
        raise UnavailableError(
            f"the edge does not answer on {address}: {error!r}",
            code="edge_unavailable",
            hint="insight status",
        ) from error
    finally:
        connection.close()


def status(installed: Installed) -> EdgeStatus:
    values = json.loads(_request(installed.admin, "GET", "/status", {}).body)
    return EdgeStatus(values["generation"], values["worker_pid"], values["connections_total"])


def select(installed: Installed, token: str, unit: str, selection: Selection) -> None:
    """Set the key-value entry that all workers read at each request."""
    _set(installed, token, f"/selection?unit={unit}&value={selection.label}")


def name_release(installed: Installed, token: str, key: str, release: str) -> None:
    """Which release a colour is, as answers and the access log say; `key` is `UNIT/COLOUR`."""
    unit, _, colour = key.rpartition("/")
    _set(installed, token, f"/release?unit={unit}&colour={colour}&value={release}")


def set_maintenance(installed: Installed, token: str, unit: str, *, closed: bool) -> None:
    value = "on" if closed else "off"
    _set(installed, token, f"/maintenance?unit={unit}&value={value}")


def _set(installed: Installed, token: str, path: str) -> None:
    """Values hold only characters that need no escaping: nginx does not decode arguments.

    Just after a reload a worker of the generation before, which knows no such path, may still
    take a connection on a busy machine; it is asked again.
    """
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        response = _request(installed.admin, "POST", path, {"X-Insight-Admin": token})
        if response.status != 404 or time.monotonic() > deadline:
            break
        time.sleep(_PAUSE_S)
    if response.status != 200:
        raise UnavailableError(
            f"the edge refused {path}: HTTP {response.status}",
            code="switch_refused",
            hint="insight restart edge",
        )


def ask_site(
    installed: Installed, token: str, site: str, path: str | None
) -> tuple[Answer | None, str]:
    """Who answered, and the same in words; None when nobody did or with a server error."""
    target = installed.sites[site]
    try:
        response = _request(
            target.address,
            "GET",
            path or target.proof_path,
            {"Host": f"{installed.host}:{target.address.port}", "X-Insight-Admin": token},
        )
    except UnavailableError as error:
        return None, error.message
    answer = Answer(
        response.headers.get("x-insight-generation", ""),
        response.headers.get("x-insight-release", ""),
        response.headers.get("x-insight-colour", ""),
    )
    words = (
        f"HTTP {response.status} from release {answer.release or '(none)'}, "
        f"colour {answer.colour or '(none)'}, generation {answer.generation or '(none)'}"
    )
    return (None if response.status >= 500 else answer), words
