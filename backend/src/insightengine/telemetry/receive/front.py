"""One port for both forms of OTLP: gRPC is told by its content type."""

from __future__ import annotations

from collections.abc import Callable

from insightengine.telemetry.receive import otlp_grpc
from insightengine.telemetry.receive.body import too_large
from insightengine.telemetry.receive.exchange import Answer, Head
from insightengine.telemetry.receive.otlp_grpc import OtlpGrpc
from insightengine.telemetry.receive.otlp_http import OtlpHttp
from insightengine.telemetry.spool import SpoolUnavailableError


class Front:
    """A `Handler` that gives each request to who speaks its language."""

    def __init__(self, http: OtlpHttp, grpc: OtlpGrpc, max_body_bytes: int) -> None:
        self._http = http
        self._grpc = grpc
        self._max_body_bytes = max_body_bytes

    def refusal(self, head: Head) -> Answer | None:
        return self._of(head).refusal(head)

    def handle(self, head: Head, body: bytes, answer: Callable[[Answer], None]) -> None:
        self._of(head).handle(head, body, answer)

    def malformed(self, message: str) -> Answer:
        return self._http.malformed(message)

    def too_large(self, head: Head) -> Answer:
        return self._of(head).refused(head, too_large(self._max_body_bytes))

    def busy(self, head: Head) -> Answer:
        busy = SpoolUnavailableError("too many large requests at once", code="busy")
        return self._of(head).refused(head, busy)

    def _of(self, head: Head) -> OtlpHttp | OtlpGrpc:
        is_grpc = head.headers.get(b"content-type", b"").startswith(otlp_grpc.CONTENT_TYPE.encode())
        return self._grpc if is_grpc else self._http
