"""Hypothesis strategies for whole OTLP requests, and the form in which two of them are compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

from insightengine.telemetry.messages import type_of_request
from insightengine.telemetry.port import Signal

# A month around 2026 in most cases: each day is a partition. Extremes are drawn beside it.
_TIMES: Final = st.sampled_from([0, 1, 1_767_225_600_000_000_000, 2**63 - 1, 2**63, 2**64 - 1])
_IDS: Final = st.sampled_from([b"", b"\0" * 8, b"\0" * 16, b"\x01" * 8, b"\xfe" * 16, b"\0", b"ab"])
_TEXTS: Final = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ["", "0", "$bytes", "nan", "\0", "service.name", "a\u2028\U0001f600", '"\\/']
)
_INTS: Final = {
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SFIXED64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_FIXED64: (0, 2**64 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.TYPE_SINT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_ENUM: (-(2**31), 2**31 - 1),
}
# Indexes into a table that only profiles have.
_FOREIGN: Final = frozenset({"string_value_strindex", "key_strindex"})
_MOST_DEPTH: Final = 4


def requests(signal: Signal) -> st.SearchStrategy[Message]:
    """Every field of the signal's protobuf may be set to anything that it can hold."""
    kind = type_of_request[signal]

    @st.composite
    def build(draw: st.DrawFn) -> Message:
        message = kind()
        _fill(draw, message, 0)
        return message

    return build()


def _fill(draw: st.DrawFn, message: Message, nested: int) -> None:
    taken: set[str] = set()
    for field in message.DESCRIPTOR.fields:
        group = field.containing_oneof
        if field.name in _FOREIGN or (group is not None and group.name in taken):
            continue
        if group is not None and len(group.fields) > 1:
            taken.add(group.name)
            _fill_one_of(draw, message, group.fields, nested)
        else:
            _fill_field(draw, message, field, nested)


def _fill_one_of(
    draw: st.DrawFn, message: Message, fields: list[FieldDescriptor], nested: int
) -> None:
    """One alternative or none; values stop to nest where it is deep enough."""
    usable = [
        field
        for field in fields
        if field.name not in _FOREIGN
        and (nested < _MOST_DEPTH or field.type != FieldDescriptor.TYPE_MESSAGE)
    ]
    chosen = draw(st.sampled_from([None, *usable]))
    if chosen is not None:
        _fill_field(draw, message, chosen, nested, is_given=True)


def _fill_field(
    draw: st.DrawFn,
    message: Message,
    field: FieldDescriptor,
    nested: int,
    *,
    is_given: bool = False,
) -> None:
    is_value = field.containing_type.name in ("AnyValue", "KeyValueList", "ArrayValue")
    below = nested + 1 if is_value else nested
    if field.is_repeated:
        count = draw(st.integers(0, 2))
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for _ in range(count):
                _fill(draw, getattr(message, field.name).add(), below)
        else:
            values = [draw(_scalars(field)) for _ in range(count)]
            getattr(message, field.name).extend(values)
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        if is_given or draw(st.booleans()):
            inner = getattr(message, field.name)
            inner.SetInParent()
            _fill(draw, inner, below)
    elif is_given or draw(st.booleans()):
        setattr(message, field.name, draw(_scalars(field)))


def _scalars(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.name.endswith("time_unix_nano"):
        return _TIMES
    if field.name.endswith("_id"):
        return _IDS
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return _TEXTS
        case FieldDescriptor.TYPE_BYTES:
            return st.binary(max_size=6)
        case FieldDescriptor.TYPE_BOOL:
            return st.booleans()
        case FieldDescriptor.TYPE_DOUBLE:
            return st.floats() | st.sampled_from([0.0, -0.0, 1.0, 1e22, 5e-324])
    least, most = _INTS[field.type]
    return st.sampled_from([least, most, 0, 1, 2**53 % (most + 1)]) | st.integers(least, most)


def entries(request: Message) -> Iterator[Message]:
    """The same as requests of one entry each, in the form that is compared."""
    for resource in cast("Any", request).ListFields():
        for group in resource[1]:
            for scope in next(_lists(group)):
                for entry in next(_lists(scope)):
                    yield from _alone(request, group, scope, entry)


def _alone(request: Message, group: Message, scope: Message, entry: Message) -> Iterator[Message]:
    for one in _points(entry):
        alone = type(request)()
        copy = getattr(alone, _list_name(request)).add()
        copy.CopyFrom(group)
        copy.ClearField(_list_name(group))
        inner = getattr(copy, _list_name(group)).add()
        inner.CopyFrom(scope)
        inner.ClearField(_list_name(scope))
        getattr(inner, _list_name(scope)).append(one)
        yield canonical(alone)


def _points(entry: Message) -> Iterator[Message]:
    """A metric once for each of its points; a span or log record as it is."""
    if entry.DESCRIPTOR.name != "Metric":
        yield entry
        return
    kind = entry.WhichOneof("data")
    for point in getattr(entry, kind).data_points if kind else ():
        alone = type(entry)()
        alone.CopyFrom(entry)
        data = getattr(alone, kind)
        data.ClearField("data_points")
        data.data_points.append(point)
        yield alone


def _list_name(message: Message) -> str:
    names = ("resource_", "scope_spans", "scope_logs", "scope_metrics", "spans", "log_records")
    return next(
        field.name
        for field in message.DESCRIPTOR.fields
        if field.is_repeated and (field.name.startswith(names) or field.name == "metrics")
    )


def _lists(message: Message) -> Iterator[Any]:
    yield getattr(message, _list_name(message))


def canonical(message: Message) -> Message:
    """Messages in which nothing is set count as absent, and every NaN is the same."""
    for field, content in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for each in content if field.is_repeated else (content,):
                canonical(each)
            if not field.is_repeated and not content.ListFields() and not _is_alternative(field):
                message.ClearField(field.name)
        elif field.type == FieldDescriptor.TYPE_DOUBLE:
            _with_one_nan(message, field, content)
    return message


def _is_alternative(field: FieldDescriptor) -> bool:
    return field.containing_oneof is not None


def _with_one_nan(message: Message, field: FieldDescriptor, content: Any) -> None:
    one: Callable[[float], float] = lambda value: math.nan if math.isnan(value) else value  # noqa: E731
    if field.is_repeated:
        content[:] = [one(value) for value in content]
    elif math.isnan(content):
        setattr(message, field.name, math.nan)
