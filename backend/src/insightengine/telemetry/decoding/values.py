"""SQL of single values: attributes, ids, times, and what a column cannot say exactly.

A value in a list or map is JSON, so that ClickHouse can take it apart; what JSON lacks is written
as MongoDB's Extended JSON does, an object with one key that starts with a dollar sign:
`{"$bytes":"AAE="}`, `{"$double":"nan"}`. Keys that start so themselves get another one in front.
Doubles have a point or an exponent, integers have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from insightengine.telemetry.schema.inserted import EXACT

NESTED_CODE: Final = 395  # FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
LATEST_NS: Final = 2**63 - 1
MOST_EXACT: Final = 2**53  # the integers that Float64 has without a gap
_NO_TRACE = f"unhex('{'00' * 16}')"
_NO_SPAN = f"unhex('{'00' * 8}')"


def _scalar(value: str) -> str:
    text = ", ".join(f"{value}.{field}" for field in "sidb")
    return f"coalesce({text}, base64Encode({value}.y), '')"


def _outer(value: str) -> str:
    """Of a value that is in no other, which `flatten` may have turned into JSON."""
    text = ", ".join(f"{value}.{field}" for field in "sidbj")
    return f"coalesce({text}, base64Encode({value}.y), '')"


def _json(value: str) -> str:
    return f"""multiIf(
        {value}.t = 's', toJSONString({value}.s),
        {value}.t = 'n', 'null',
        {value}.t = 'y', concat('{{"$bytes":"', base64Encode({value}.y), '"}}'),
        {value}.d IN ('nan', 'inf', '-inf'), concat('{{"$double":"', {value}.d, '"}}'),
        {value}.t = 'd' AND NOT match({value}.d, '[.e]'), concat({value}.d, '.0'),
        if(throwIf({value}.t IN ('l', 'm'), 'nested') = 0, {_scalar(value)}, ''))"""


def text(value: str) -> str:
    """Of a value with at most one list or map; deeper ones end the query with NESTED_CODE."""
    items = f"arrayConcat({value}.l.v, {value}.m.v.v)"
    escaped = "if(startsWith(x, '$'), concat('$', x), x)"
    keys = (
        f"arrayConcat(arrayMap(x -> '', {value}.l.v), "
        f"arrayMap(x -> concat(toJSONString({escaped}), ':'), {value}.m.v.k))"
    )
    return f"""if({value}.t IN ('l', 'm'), concat(
            if({value}.t = 'l', '[', '{{'),
            arrayStringConcat(arrayMap((k, i) -> concat(k, {_json("i")}), {keys}, {items}), ','),
            if({value}.t = 'l', ']', '}}')),
        {_outer(value)})"""


def attribute_map(attributes: str) -> str:
    return f"mapFromArrays({attributes}.k, arrayMap(a -> {text('a')}, {attributes}.v))"


def flat_map(attributes: str) -> str:
    """Where lists and maps are rare, they are left to `flatten`; the type stays small."""
    nested = "throwIf(a.t IN ('l', 'm'), 'nested') = 0"
    scalars = f"arrayMap(a -> if({nested}, {_outer('a')}, ''), {attributes}.v)"
    return f"mapFromArrays({attributes}.k, {scalars})"


def types_of(attributes: str) -> str:
    """As numbers, which have a shorter name than the enumeration that they are stored as."""
    return f"CAST({attributes}.v.t, 'Array(Int8)')"


def is_zero_id(raw: str) -> str:
    return f"{raw} IN ({_NO_TRACE}, {_NO_SPAN})"


def hex_id(raw: str) -> str:
    """Lower hex; OTLP's all-zero id means none."""
    return f"if({is_zero_id(raw)}, '', lower(hex({raw})))"


def time(nanoseconds: str) -> str:
    return f"fromUnixTimestamp64Nano(toInt64(least({nanoseconds}, {LATEST_NS})), 'UTC')"


def time_or_now(*candidates: str) -> str:
    """A record without a time happened, as far as anyone knows, when it is stored."""
    cases = "".join(f"{each} > 0, {time(each)}, " for each in candidates)
    return f"multiIf({cases}now64(9, 'UTC'))"


@dataclass(frozen=True, slots=True)
class Field:
    """One that goes into `Exact` where its column says something else (`is_off`)."""

    name: str
    is_off: str
    text: str

    @classmethod
    def number(cls, name: str, source: str, is_off: str) -> Field:
        return cls(name, is_off.format(source), f"toString({source})")

    @classmethod
    def id(cls, name: str, source: str) -> Field:
        return cls(name, is_zero_id(source), f"lower(hex({source}))")


def late(name: str, source: str) -> Field:
    """A time that DateTime64 does not reach."""
    return Field.number(name, source, f"{{}} > {LATEST_NS}")


def absent_or_late(name: str, source: str) -> Field:
    return Field.number(name, source, f"{{0}} = 0 OR {{0}} > {LATEST_NS}")


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and values of fields that are off, and whether there are any."""

    is_any: str
    found: str


def pairs(*fields: Field) -> Pairs:
    each = ", ".join(f"(if({field.is_off}, '{field.name}', ''), {field.text})" for field in fields)
    return Pairs(" OR ".join(field.is_off for field in fields), f"[{each}]")


def pairs_of_each(name: str, items: str, *fields: Field) -> Pairs:
    """Of a list's items, which the fields call `x`: `events.0.time_unix_nano`."""
    each = ", ".join(
        f"(if({field.is_off}, concat('{name}.', toString(n - 1), '.{field.name}'), ''), "
        f"{field.text})"
        for field in fields
    )
    off = " OR ".join(field.is_off for field in fields)
    return Pairs(
        f"arrayExists(x -> {off}, {items})",
        f"arrayFlatten(arrayMap((x, n) -> [{each}], {items}, arrayEnumerate({items})))",
    )


def exact(*groups: Pairs) -> str:
    """The column of that name; the usual record has nothing there, and nothing is made for it."""
    is_any = " OR ".join(group.is_any for group in groups)
    found = f"arrayConcat({', '.join(group.found for group in groups)})"
    filled = f"CAST(arrayFilter(f -> f.1 != '', {found}), '{EXACT}')"
    return f"if({is_any}, {filled}, CAST([], '{EXACT}'))"
