"""All tables of the store, by what fills them."""

from __future__ import annotations

from typing import Final

from insightengine.telemetry.schema.derived import DECIDED, DERIVED
from insightengine.telemetry.schema.inserted import LOGS_TABLE, METRICS_TABLE, SPANS_TABLE

INSERTED: Final = (LOGS_TABLE, SPANS_TABLE, METRICS_TABLE)
TABLES: Final = (*INSERTED, *DERIVED, *DECIDED)
