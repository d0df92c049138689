"""Reading of JSON whose form is known but not checked: what does not fit counts as empty."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

Json = Mapping[str, object]


def parsed(text: str) -> object:
    return json.loads(text) if text.strip() else None


def table(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, dict) else {}


def listing(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def texts(value: object) -> Sequence[str]:
    return [one for one in listing(value) if isinstance(one, str)]
