"""CORS: which pages may send telemetry from a browser."""

from __future__ import annotations

from urllib.parse import urlsplit

from insightengine.telemetry.receive.exchange import Answer, Head

_ALLOWED = (
    ("Access-Control-Allow-Methods", "POST"),
    (
        "Access-Control-Allow-Headers",
        "authorization, content-encoding, content-type, traceparent, tracestate, x-insight-key",
    ),
    ("Access-Control-Max-Age", "7200"),
)


class CrossOrigin:
    """Pages of the host that the collector itself is asked under, and those of `origins`
    (`https://shop.example`, or `*` for all), may read its answers."""

    def __init__(self, origins: frozenset[str]) -> None:
        self._origins = origins

    def allows(self, head: Head) -> bool:
        origin = head.header(b"origin")
        if not origin:
            return False
        if "*" in self._origins or origin in self._origins:
            return True
        return _host(origin) == _host(f"http://{head.header(b'host')}") != ""

    def preflight(self, head: Head) -> Answer:
        """The answer to OPTIONS."""
        return Answer(204, "", b"", (*self.fields(head), *_ALLOWED) if self.allows(head) else ())

    def fields(self, head: Head) -> tuple[tuple[str, str], ...]:
        """What an answer to this page has to say."""
        if not self.allows(head):
            return ()
        origin = head.header(b"origin")
        return (("Access-Control-Allow-Origin", origin), ("Vary", "Origin"))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
