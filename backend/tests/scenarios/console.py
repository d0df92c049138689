"""The console's API as its users meet it: through the edge, with a cookie or a token."""

from __future__ import annotations

import itertools
from typing import Any

import httpx

from tests.scenarios.platform import Platform

PASSWORD = "purple ladder seven moon"
_addresses = (f"127.7.{number // 250}.{number % 250 + 1}" for number in itertools.count())


class Console(httpx.Client):
    """A browser-like client: keeps its cookie, and sends the CSRF token of its session.

    Each comes from an address of its own, as people do, so that one does not use up the tries of
    another.
    """

    def __init__(self, platform: Platform) -> None:
        transport = httpx.HTTPTransport(local_address=next(_addresses))
        super().__init__(base_url=f"{platform.console}/api/v1", timeout=10, transport=transport)

    def set_up(self, link: str, password: str = PASSWORD) -> httpx.Response:
        token = link.rpartition("token=")[2]
        return self._keep(
            self.post("/auth/password-setup", json={"token": token, "password": password})
        )

    def log_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        return self._keep(self.post("/auth/login", json={"email": email, "password": password}))

    def items(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        answer = self.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def _keep(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code == 200:
            self.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return answer
