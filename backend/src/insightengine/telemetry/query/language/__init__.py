"""The language in which logs and spans are searched: parsed, completed and written as SQL, purely.

    level:error service:web status:>=500 "card declined" -path:/health (user:42 OR user:43)

docs/reference/search.md describes it.
"""

from __future__ import annotations

from insightengine.telemetry.query.language.parse import Expression, parse

__all__ = ["Expression", "parse"]
