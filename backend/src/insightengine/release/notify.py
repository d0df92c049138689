"""Tells a webhook of an outcome."""

from __future__ import annotations

import json
import logging
import urllib.request

from insightengine.stores.journal.port import Operation

_log = logging.getLogger(__name__)
_TIMEOUT_S = 5.0


def notify(url: str, operation: Operation) -> None:
    """Told once and never waited for: the outcome does not depend on who listens."""
    told = {
        "operation": operation.id,
        "unit": operation.unit,
        "kind": operation.kind,
        "state": operation.state,
        "release": operation.release,
        "previous": operation.previous,
        "asked_by": operation.asked_by,
        "summary": operation.summary,
    }
    request = urllib.request.Request(  # noqa: S310 -- http and https only, by its reader
        url, json.dumps(told).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        urllib.request.urlopen(request, timeout=_TIMEOUT_S).close()  # noqa: S310
    except (OSError, ValueError) as error:
        _log.warning("%s was not told of operation %d: %s", url, operation.id, error)
