"""What every receiver hands its requests to: unpacked, checked, counted, and spooled.

Nothing here awaits: the outcome is told by a call, when the bytes are on disk. Small requests are
checked on the event loop; what takes long and lets go of the interpreter is done in a thread.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Final

import structlog

from insightengine.core.errors import InsightError, InvalidInputError, UnavailableError
from insightengine.telemetry.lenient import WARNING, with_valid_text
from insightengine.telemetry.messages import entries_of, parse
from insightengine.telemetry.port import Signal
from insightengine.telemetry.receive.body import Encoding, MediaType, decompressed, parse_json
from insightengine.telemetry.receive.exchange import Budget, Head
from insightengine.telemetry.receive.gate import Gate
from insightengine.telemetry.receive.json_lines import parse_json_lines
from insightengine.telemetry.redaction import Redactor
from insightengine.telemetry.spool import RETRY_AFTER_S, Spool, SpoolUnavailableError

_log = structlog.get_logger("telemetry.intake")
_IN_THREAD_FROM_BYTES: Final = 16 * 1024
_THREADS: Final = 2


@dataclass(frozen=True, slots=True)
class Accepted:
    """On disk. `rejected` entries were left out for the reason in `message`; a message without
    them is a warning."""

    rejected: int = 0
    message: str = ""


ACCEPTED: Final = Accepted()
Outcome = Accepted | InsightError
Done = Callable[[Outcome], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One export, as it arrived."""

    signal: Signal
    media_type: MediaType
    encoding: Encoding
    body: bytes
    key: str = ""

    @property
    def is_slow(self) -> bool:
        """Whether checking it would keep others waiting for long."""
        is_plain = self.media_type is MediaType.PROTOBUF and self.encoding is Encoding.NONE
        return not is_plain and len(self.body) >= _IN_THREAD_FROM_BYTES


@dataclass(frozen=True, slots=True)
class Checked:
    """A request as protobuf bytes, and its number of spans, points or records."""

    payload: bytes
    entries: int
    outcome: Accepted = ACCEPTED


class Intake:
    """One for all receivers of a collector."""

    def __init__(
        self, spool: Spool, budget: Budget, max_body_bytes: int, gate: Gate, redactor: Redactor
    ) -> None:
        self._gate = gate
        self._redactor = redactor
        self._spool = spool
        self._budget = budget
        self._max_body_bytes = max_body_bytes
        self._refusals: Counter[tuple[Signal, int]] = Counter()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="check")

    @property
    def trouble(self) -> str:
        """Why requests are refused at present; '' when they are taken."""
        return self._spool.trouble

    def counters(self) -> dict[str, object]:
        """What was accepted and refused since the start, and what waits for the store."""
        signals = {
            signal.value: {
                **asdict(counters),
                "rejected": {
                    str(status): count
                    for (of, status), count in self._refusals.items()
                    if of is signal
                },
            }
            for signal, counters in self._spool.counters.items()
        }
        return {
            "signals": signals,
            "spooled_bytes": self._spool.spooled_bytes,
            "sources": self._gate.counters(),
        }

    def stranger(self, head: Head) -> InsightError | None:
        """Why a request is not even read; None when its sender is known or need not be."""
        return self._gate.refusal(head)

    def key_of(self, head: Head) -> str:
        """The id of the ingest key, '' without one."""
        return self._gate.key_id(head)

    def receive(self, request: Request, done: Done, max_bytes: int | None = None) -> None:
        """Calls `done` once, now or later, and does not raise. `max_bytes` counts unpacked."""
        limit = max_bytes or self._max_body_bytes
        is_large = len(request.body) >= _IN_THREAD_FROM_BYTES
        if not request.is_slow and not (is_large and self._redactor.is_on):
            try:
                checked = self._check(request, limit)
            except Exception as error:
                self.refuse(request.signal, error, done)
            else:
                self._spool_checked(request, checked, done)
            return
        checking = asyncio.get_running_loop().run_in_executor(
            self._threads, self._check, request, limit
        )
        checking.add_done_callback(partial(self._after_thread, request, done))

    def refuse(self, signal: Signal, error: Exception, done: Done) -> None:
        """Counts a request that is not taken and tells its sender why."""
        if not isinstance(error, InsightError):
            _log.error("request failed", error=repr(error), exc_info=error)
            error = UnavailableError("the collector failed; send again")
        self._refusals[signal, int(error.http_status)] += 1
        done(error)

    def close(self) -> None:
        self._threads.shutdown()

    def _after_thread(
        self, request: Request, done: Done, checking: asyncio.Future[Checked]
    ) -> None:
        error = checking.exception()
        if isinstance(error, Exception):
            self.refuse(request.signal, error, done)
        elif error is None:
            self._spool_checked(request, checking.result(), done)

    def _check(self, request: Request, limit: int) -> Checked:
        plain = decompressed(request.body, request.encoding, limit)
        found = checked(request.signal, request.media_type, plain)
        if self._redactor.is_on:
            payload = self._redactor.apply(request.signal, found.payload)
            found = replace(found, payload=payload)
        return found

    def _spool_checked(self, request: Request, checked: Checked, done: Done) -> None:
        if not checked.entries:
            done(checked.outcome)
            return
        over = self._gate.volume_refusal(request.key, len(checked.payload)) if request.key else None
        if over is not None:
            self.refuse(request.signal, over, done)
            return
        more = 0 if checked.payload is request.body else len(checked.payload)
        if not self._budget.take(more):
            busy = SpoolUnavailableError("too many large requests at once", code="busy")
            self.refuse(request.signal, busy, done)
            return

        def spooled(error: SpoolUnavailableError | None) -> None:
            self._budget.give(more)
            if error is None:
                done(checked.outcome)
            else:
                self.refuse(request.signal, error, done)

        source = self._gate.source_of(request.key)
        self._spool.submit(request.signal, checked.payload, checked.entries, spooled, source)


def retry_after_s(error: InsightError) -> int | None:
    """When a refused request may be sent again; None for never."""
    if error.http_status not in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        return None
    seconds = error.context.get("retry_after_s", RETRY_AFTER_S)
    return seconds if isinstance(seconds, int) else RETRY_AFTER_S


def checked(signal: Signal, media_type: MediaType, body: bytes) -> Checked:
    """Raises InvalidInputError when the body is no request of this signal."""
    if media_type is MediaType.JSON_LINES:
        payload, entries, rejected, first = parse_json_lines(body, time.time_ns())
        return Checked(payload, entries, Accepted(rejected, first) if rejected else ACCEPTED)
    if media_type is MediaType.JSON:
        message = parse_json(signal, body)
        return Checked(message.SerializeToString(), entries_of(message))
    try:
        return Checked(body, entries_of(parse(signal, body)))
    except InvalidInputError:
        mended = with_valid_text(signal, body)
        if mended is None:
            raise
    return Checked(mended, entries_of(parse(signal, mended)), Accepted(0, WARNING))
