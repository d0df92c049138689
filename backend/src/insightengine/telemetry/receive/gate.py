"""Who is let in: ingest keys with their limits of rate and volume."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from insightengine.core.errors import AccessDeniedError, InsightError, LimitExceededError
from insightengine.core.secrets import Secret
from insightengine.telemetry.ingest_keys import IngestKey, IngestKeys, digest
from insightengine.telemetry.receive.exchange import Head

_log = structlog.get_logger("telemetry.gate")
_LOOK_EVERY_S: Final = 0.5
_BURST_S: Final = 10.0
_KNOWN_TEXTS: Final = 1000
OWN_SOURCE: Final = "platform"


class Bucket:
    """Fills with `rate` a second up to what flows in ten. What is larger than the bucket needs all
    of it, and leaves it below zero."""

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._level = rate * _BURST_S
        self._at = now

    def take(self, amount: float, now: float) -> int:
        """0 when taken, else the seconds after which it is worth to come again."""
        size = self.rate * _BURST_S
        self._level = min(size, self._level + (now - self._at) * self.rate)
        self._at = now
        missing = min(amount, size) - self._level
        if missing > 0:
            return math.ceil(missing / self.rate)
        self._level -= amount
        return 0


class _Source:
    def __init__(self, key: IngestKey, now: float) -> None:
        self.key = key
        self.requests = Bucket(key.requests_per_s, now) if key.requests_per_s else None
        self.bytes = Bucket(key.bytes_per_s, now) if key.bytes_per_s else None


class Gate:
    """Asked for each request; looks at the file twice a second at most.

    With `is_required` nobody gets in without a key; else a key only has to be right where there is
    one. While the file cannot be read, the keys that were known stay. `own` is the key of the
    platform's services, which is in no file of keys and cannot be revoked.
    """

    def __init__(
        self,
        keys: IngestKeys,
        *,
        is_required: bool,
        own: Secret | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._is_required = is_required
        self._clock = clock
        self._looked_at = float("-inf")
        self._version: tuple[int, int] | None = None
        self._id_of_text: dict[bytes, str] = {}
        self._own = [_own_key(own)] if own else []
        self._by_digest: dict[str, _Source] = {}
        self._by_id: dict[str, _Source] = {}
        self._know(self._own)
        self.accepted: Counter[str] = Counter()
        self.limited: Counter[str] = Counter()

    def key_id(self, head: Head) -> str:
        """The id of the key that a request brings; '' for none or a wrong one."""
        text = _text(head.headers)
        return self._id_of(text) if text else ""

    def source_of(self, key_id: str) -> str:
        """Whose key it is; '' for none."""
        source = self._by_id.get(key_id)
        return source.key.source if source else ""

    def refusal(self, head: Head) -> InsightError | None:
        """Why a request is not even read."""
        text = _text(head.headers)
        if not text:
            return _denied("an ingest key is needed") if self._is_required else None
        key_id = self._id_of(text)  # may read the file anew
        source = self._by_id.get(key_id)
        if source is None:
            return _denied("the ingest key is not known, or was revoked")
        wait_s = source.requests.take(1, self._clock()) if source.requests else 0
        return self._limited(source, "requests", wait_s) if wait_s else None

    def volume_refusal(self, key_id: str, size: int) -> InsightError | None:
        """Why `size` bytes are more than the key may send now; counts them when they are not."""
        source = self._by_id.get(key_id)
        if source is None:
            return None
        wait_s = source.bytes.take(size, self._clock()) if source.bytes else 0
        if wait_s:
            return self._limited(source, "bytes", wait_s)
        self.accepted[source.key.source] += size
        return None

    def counters(self) -> dict[str, object]:
        """Bytes accepted and requests over the limit, by source."""
        return {
            source: {"accepted_bytes": self.accepted[source], "limited": self.limited[source]}
            for source in sorted({*self.accepted, *self.limited})
        }

    def _limited(self, source: _Source, what: str, wait_s: int) -> InsightError:
        self.limited[source.key.source] += 1
        limit = source.key.requests_per_s if what == "requests" else source.key.bytes_per_s
        return LimitExceededError(
            f"{source.key.source} may send {limit:g} {what} a second; come again in {wait_s} s",
            context={"retry_after_s": wait_s},
        )

    def _id_of(self, text: bytes) -> str:
        self._look()
        known = self._id_of_text.get(text)
        if known is None:
            source = self._by_digest.get(digest(text.decode("latin-1")))
            if source is None:
                return ""
            known = source.key.id
            if len(self._id_of_text) < _KNOWN_TEXTS:
                self._id_of_text[text] = known
        return known

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked_at < _LOOK_EVERY_S:
            return
        self._looked_at = now
        try:
            status = self._keys.path.stat()
            version = (status.st_mtime_ns, status.st_ino)
        except OSError:
            version = None
        if version != self._version:
            self._read(version)

    def _read(self, version: tuple[int, int] | None) -> None:
        try:
            keys = self._keys.all()
        except (InsightError, OSError) as error:
            _log.error("ingest keys cannot be read, the known ones stay", reason=str(error))
            return
        self._know((*self._own, *keys))
        self._version = version

    def _know(self, keys: Sequence[IngestKey]) -> None:
        """What a key has left of its limits stays."""
        before = {source.key: source for source in self._by_id.values()}
        sources = [before.get(key) or _Source(key, self._clock()) for key in keys]
        self._by_digest = {source.key.digest: source for source in sources}
        self._by_id = {source.key.id: source for source in sources}
        self._id_of_text = {}


def _own_key(text: Secret) -> IngestKey:
    return IngestKey(OWN_SOURCE, OWN_SOURCE, digest(text.reveal()), created_at="")


def _text(headers: Mapping[bytes, bytes]) -> bytes:
    own = headers.get(b"x-insight-key")
    if own:
        return own.strip()
    scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
    return given.strip() if scheme.lower() == b"bearer" else b""


def _denied(message: str) -> AccessDeniedError:
    error = AccessDeniedError(
        message, hint="insight telemetry keys create SOURCE; send it as `Authorization: Bearer …`"
    )
    error.http_status = 401
    return error
