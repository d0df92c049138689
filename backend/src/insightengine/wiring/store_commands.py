"""Commands of upkeep to the store process: the same for the command line and the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx

from insightengine.core.errors import InvalidInputError, UnavailableError
from insightengine.core.secrets import Secret
from insightengine.core.settings import PortOffset
from insightengine.telemetry.schema import USER
from insightengine.wiring.environment import PlatformContext, read_secret

_TIMEOUT_S = 30.0


class StoreCommands:
    """Raises UnavailableError when the store does not answer, InvalidInputError when it refuses."""

    def __init__(self, host: str, port: int, password: Secret) -> None:
        self._url = f"http://{host}:{port}/upkeep"
        self._password = password

    async def give(self, command: Mapping[str, object]) -> Mapping[str, object]:
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S) as web:
                answer = await web.post(
                    self._url,
                    content=json.dumps(dict(command)),
                    auth=(USER, self._password.reveal()),
                )
        except httpx.HTTPError as error:
            raise unanswered(error) from None
        return told(answer)


def store_commands(context: PlatformContext) -> StoreCommands:
    settings = context.settings
    port = settings.port(PortOffset.STORE)
    return StoreCommands(settings.store_host, port, read_secret(context.state, "store_password"))


def unanswered(error: httpx.HTTPError) -> UnavailableError:
    return UnavailableError(
        f"the telemetry store does not answer: {error or error.__class__.__name__}",
        code="store_unavailable",
        hint="insight status",
    )


def told(answer: httpx.Response) -> Mapping[str, Any]:
    """What the store answered. Raises as StoreCommands does."""
    if answer.status_code == HTTPStatus.BAD_REQUEST:
        problem = answer.json()
        raise InvalidInputError(
            str(problem["error"]), hint=problem["hint"], code=str(problem["code"])
        )
    if not answer.is_success:
        raise UnavailableError(
            f"the telemetry store failed: {answer.status_code} {answer.text[:500].strip()}",
            code="store_failed",
            hint="insight logs store",
        )
    found: Mapping[str, Any] = answer.json()
    return found
