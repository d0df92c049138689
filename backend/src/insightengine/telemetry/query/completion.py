"""What may follow in a search, from what is typed so far."""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from insightengine.core.time import TimeRange
from insightengine.telemetry.models import LogSeverity, SpanKind
from insightengine.telemetry.query.filters import AT, in_range
from insightengine.telemetry.query.language.vocabulary import (
    ALSO,
    LOG_WORDS,
    SPAN_WORDS,
    Vocabulary,
)
from insightengine.telemetry.query.statement import Row, Statement, statement, whole
from insightengine.telemetry.schema import LOG_FACETS, LOG_MINUTES, OPERATION_MINUTES, SPANS
from insightengine.telemetry.search_models import Completion, CompletionKind, Signals

_SAMPLE: Final = 20_000
_MOST: Final = 30
_TYPED: Final = re.compile(
    r"(?:^|[\s(])-?(?P<name>[A-Za-z_@][A-Za-z0-9_.@/-]*)?"
    r'(?P<colon>:(?:>=|<=|>|<|~)?(?P<value>"?[^\s()"]*))?$'
)
_FIXED: Final = {
    "level": tuple(LogSeverity),
    "severity": tuple(LogSeverity),
    "error": ("true", "false"),
    "kind": tuple(SpanKind),
}
_COLUMNS: Final = {
    (Signals.LOGS, "service"): (LOG_MINUTES, "ServiceName", "Entries"),
    (Signals.TRACES, "service"): (OPERATION_MINUTES, "ServiceName", "Calls"),
    (Signals.TRACES, "name"): (OPERATION_MINUTES, "SpanName", "Calls"),
}


@dataclass(frozen=True, slots=True)
class Typed:
    """The part of a search that is being typed. `value` is None while it is a name."""

    name: str
    value: str | None
    start: int
    end: int


def typed_at(q: str, position: int) -> Typed | None:
    """None within a quoted text or behind one."""
    head = q[:position]
    match = _TYPED.search(head)
    if match is None or head.count('"') - (match["value"] or "").count('"') & 1:
        return None
    if match["colon"] is None:
        name = match["name"] or ""
        return Typed(name, None, position - len(name), position)
    value = match["value"]
    return Typed(match["name"] or "", value.lstrip('"'), position - len(value), position)


def words_of(signals: Signals) -> Vocabulary:
    return LOG_WORDS if signals is Signals.LOGS else SPAN_WORDS


def fixed(signals: Signals, typed: Typed) -> list[Completion]:
    """What is known without asking the store."""
    if typed.value is not None:
        return [
            Completion(text=value, kind=CompletionKind.VALUE, description="", entries=None)
            for value in _FIXED.get(typed.name, ())
            if value.startswith(typed.value.lower())
        ]
    named = {name: column.description for name, column in words_of(signals).columns.items()}
    short = {name: f"also {', '.join(keys[1:])}" for name, keys in ALSO.items()}
    return [
        Completion(text=name, kind=CompletionKind.FIELD, description=description, entries=None)
        for name, description in {**short, **named}.items()
        if name.startswith(typed.name.lower())
    ]


def statement_of(signals: Signals, typed: Typed, asked: TimeRange) -> Statement | None:
    """Rows of `text` and `entries`; None where `fixed` says all there is."""
    if typed.value is not None and typed.name in _FIXED:
        return None
    known = _COLUMNS.get((signals, typed.name))
    if typed.value is not None and known is not None:
        table, column, count = known
        where = in_range(asked, "Minute")
        return statement(
            f"SELECT {column} AS text, sum({count}) AS entries FROM {table} WHERE {where.sql} "
            f"AND startsWith(lower({column}), {{typed:String}}) GROUP BY text "
            f"ORDER BY entries DESC LIMIT {_MOST}",
            where,
            typed=typed.value.lower(),
        )
    source = _of_logs if signals is Signals.LOGS else _of_spans
    return source(typed, asked)


def _of_logs(typed: Typed, asked: TimeRange) -> Statement:
    where = in_range(asked, "Slot")
    text, chosen = "Key", "startsWith(lower(Key), {typed:String})"
    if typed.value is not None:
        text, chosen = (
            "Value",
            "Key IN {keys:Array(String)} AND startsWith(lower(Value), {typed:String})",
        )
    return statement(
        f"SELECT {text} AS text, sum(Entries) AS entries FROM {LOG_FACETS} WHERE {where.sql} "
        f"AND {chosen} GROUP BY text ORDER BY entries DESC LIMIT {_MOST}",
        where,
        **_given(typed),
    )


def _of_spans(typed: Typed, asked: TimeRange) -> Statement:
    """Of the newest spans: there is no rollup of their attributes."""
    where = in_range(asked, AT)
    text = "arrayJoin(mapKeys(SpanAttributes))"
    chosen = "startsWith(lower(text), {typed:String})"
    if typed.value is not None:
        text = "arrayJoin(arrayMap(k -> SpanAttributes[k], {keys:Array(String)}))"
        chosen = f"text != '' AND length(text) <= 128 AND {chosen}"
    return statement(
        f"SELECT text, count() AS entries FROM (SELECT {text} AS text FROM (SELECT SpanAttributes "
        f"FROM {SPANS} WHERE {where.sql} ORDER BY toStartOfFiveMinutes(Timestamp) DESC "
        f"LIMIT {_SAMPLE})) WHERE {chosen} GROUP BY text ORDER BY entries DESC LIMIT {_MOST}",
        where,
        **_given(typed),
    )


def _given(typed: Typed) -> dict[str, object]:
    if typed.value is None:
        return {"typed": typed.name.lower()}
    return {
        "typed": typed.value.lower(),
        "keys": list(ALSO.get(typed.name, (typed.name,))),
    }


def completions(
    typed: Typed, known: Iterable[Completion], rows: Sequence[Row]
) -> tuple[Completion, ...]:
    """Each text once; one with spaces is quoted."""
    kind = CompletionKind.FIELD if typed.value is None else CompletionKind.VALUE
    found = {completion.text: completion for completion in known}
    for row in rows:
        text = _quoted(str(row["text"])) if kind is CompletionKind.VALUE else str(row["text"])
        found.setdefault(
            text, Completion(text=text, kind=kind, description="", entries=whole(row["entries"]))
        )
    return tuple(found.values())[:_MOST]


def _quoted(text: str) -> str:
    if re.search(r'[\s()"]', text) is None and text != "":
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
