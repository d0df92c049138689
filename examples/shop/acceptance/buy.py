"""What has to work before the shop is promoted: look around, buy, find the order again.

    python3 acceptance/buy.py http://127.0.0.1:4401

Standard library only, so that it runs wherever there is a Python.
"""

from __future__ import annotations

import http.cookiejar
import json
import sys
import urllib.parse
import urllib.request
from typing import Any

_TIMEOUT_S = 10


class Visitor:
    """One browser: it keeps its cookies and follows redirects."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._browser = urllib.request.build_opener(jar)

    def get(self, path: str) -> str:
        return self._send(path, None)

    def post(self, path: str, **form: str) -> str:
        return self._send(path, urllib.parse.urlencode(form).encode())

    def json(self, path: str) -> Any:
        return json.loads(self.get(path))

    def _send(self, path: str, body: bytes | None) -> str:
        with self._browser.open(f"{self._url}{path}", body, _TIMEOUT_S) as answer:
            sys.stdout.write(f"{answer.status} {path}\n")
            return str(answer.read().decode())


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(otherwise)


def main(url: str) -> None:
    visitor = Visitor(url)
    expect("Kettle" in visitor.get("/"), "the first page shows no kettle")
    product = visitor.json("/api/products")[0]
    visitor.get(f"/products/{product['slug']}")
    visitor.post("/basket/lines", slug=product["slug"], quantity="1")
    expect(product["name"] in visitor.get("/basket"), "the basket is empty")
    confirmed = visitor.post("/checkout", email="ada@example.org", card="4242424242424242")
    expect(product["name"] in confirmed, "the order does not list what was bought")


if __name__ == "__main__":
    main(sys.argv[1])
