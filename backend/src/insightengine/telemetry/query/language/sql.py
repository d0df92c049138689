"""A search as a SQL condition. What a person typed stands in parameters, never in the SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, assert_never

from insightengine.core.errors import InvalidInputError
from insightengine.telemetry.models import LogSeverity
from insightengine.telemetry.query.language.tree import (
    All,
    Any,
    Expression,
    Field,
    Not,
    Operator,
    Present,
    Text,
)
from insightengine.telemetry.query.language.vocabulary import ALSO, Column, Kind, Vocabulary
from insightengine.telemetry.query.language.words import (
    like_pattern,
    star_condition,
    text_condition,
)

_Test = Callable[[str], str]  # SQL of a value → a condition on it
_AttributeTest = Callable[[str, str], str]  # SQL of a map and of a key → a condition on the value
_UNITS_NS: Final = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9}
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m)?")
_LEVELS: Final = {name.value: 1 + 4 * index for index, name in enumerate(LogSeverity)}
_LEVELS_ALSO: Final = {"warning": "warn", "critical": "fatal", "err": "error"}
_LONGEST_PATTERN: Final = 500


def condition(
    expression: Expression, words: Vocabulary, prefix: str = "q"
) -> tuple[str, Mapping[str, object]]:
    """Also the parameters, whose names begin with `prefix`. Raises InvalidInputError."""
    writer = _Writer(words, prefix)
    return writer.of(expression), writer.parameters


def is_value(attributes: str, key: str, value: str) -> str:
    """SQL of an attribute having a value, which is not ''.

    That any attribute has it is what the index knows of maps whose values have numbers.
    """
    return f"(has(mapValues({attributes}), {value}) AND {attributes}[{key}] = {value})"


class _Writer:
    def __init__(self, words: Vocabulary, prefix: str) -> None:
        self.parameters: dict[str, object] = {}
        self._words = words
        self._prefix = prefix

    def of(self, expression: Expression) -> str:
        match expression:
            case All(parts):
                return f"({' AND '.join(map(self.of, parts))})"
            case Any(parts):
                return f"({' OR '.join(map(self.of, parts))})"
            case Not(part):
                return f"NOT {self.of(part)}"
            case Text(text, has_star):
                write = star_condition if has_star else text_condition
                return write(text, self._bind, self._words.text)
            case Present(name):
                return self._present(name)
            case Field():
                return self._field(expression)
        assert_never(expression)

    def _bind(self, value: object, kind: str) -> str:
        name = f"{self._prefix}_{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"

    def _present(self, name: str) -> str:
        column = self._words.columns.get(name)
        if column is not None:
            return column.sql if column.kind is Kind.FLAG else f"toString({column.sql}) != ''"
        return self._over_attributes(name, _of_value(lambda value: f"{value} != ''"))

    def _field(self, field: Field) -> str:
        column = self._words.columns.get(field.name)
        if column is not None:
            return self._column(column, field)
        return f"ifNull({self._over_attributes(field.name, self._attribute_test(field))}, 0)"

    def _attribute_test(self, field: Field) -> _AttributeTest:
        if field.operator is Operator.IS and field.value and not field.has_star:
            wanted = self._bind(field.value, "String")
            return lambda attributes, key: is_value(attributes, key, wanted)
        if field.operator in (Operator.IS, Operator.MATCHES):
            return _of_value(self._text_test(field))
        number = self._bind(_number(field), "Float64")
        sign = field.operator.value
        return _of_value(lambda value: f"toFloat64OrNull({value}) {sign} {number}")

    def _over_attributes(self, name: str, write: _AttributeTest) -> str:
        keys = [self._bind(key, "String") for key in ALSO.get(name, (name,))]
        tests = (write(column, key) for key in keys for column in self._words.maps)
        return f"({' OR '.join(tests)})"

    def _column(self, column: Column, field: Field) -> str:
        match column.kind:
            case Kind.TEXT:
                return self._text_test(_textual(field))(column.sql)
            case Kind.ID:
                return f"{column.sql} = {self._bind(_textual(field).value.lower(), 'String')}"
            case Kind.FLAG:
                return column.sql if _flag(field) else f"NOT ({column.sql})"
            case Kind.SEVERITY:
                return self._severity(column.sql, field)
            case Kind.DURATION_NS:
                sign = field.operator.value or "="
                return f"{column.sql} {sign} {self._bind(_duration_ns(field), 'UInt64')}"
            case Kind.NUMBER:
                sign = field.operator.value or "="
                return f"{column.sql} {sign} {self._bind(_number(field), 'Float64')}"
        assert_never(column.kind)

    def _text_test(self, field: Field) -> _Test:
        if field.operator is Operator.MATCHES:
            pattern = self._bind(_pattern(field), "String")
            return lambda value: f"match({value}, {pattern})"
        if field.has_star:
            like = self._bind(like_pattern(field.value), "String")
            return lambda value: f"{value} LIKE {like}"
        wanted = self._bind(field.value, "String")
        return lambda value: f"{value} = {wanted}"

    def _severity(self, sql: str, field: Field) -> str:
        """`level:error` is any of its four numbers; `level:>=warn` and what is above."""
        name = _LEVELS_ALSO.get(field.value.lower(), field.value.lower())
        if name not in _LEVELS:
            raise _invalid(field, f"one of {', '.join(_LEVELS)}")
        least = _LEVELS[name]
        first, following = self._bind(least, "UInt8"), self._bind(least + 4, "UInt8")
        match field.operator:
            case Operator.IS:
                return f"({sql} >= {first} AND {sql} < {following})"
            case Operator.AT_LEAST:
                return f"{sql} >= {first}"
            case Operator.ABOVE:
                return f"{sql} >= {following}"
            case Operator.AT_MOST:
                return f"{sql} < {following}"
            case Operator.BELOW:
                return f"{sql} < {first}"
            case Operator.MATCHES:
                raise _invalid(field, "a level without ~")
        assert_never(field.operator)


def _of_value(write: _Test) -> _AttributeTest:
    return lambda attributes, key: write(f"{attributes}[{key}]")


def _textual(field: Field) -> Field:
    if field.operator not in (Operator.IS, Operator.MATCHES):
        raise _invalid(field, f"a text without {field.operator.value}")
    return field


def _number(field: Field) -> float:
    try:
        return float(field.value)
    except ValueError:
        raise _invalid(field, "a number") from None


def _duration_ns(field: Field) -> int:
    match = _DURATION.fullmatch(field.value)
    if match is None:
        raise _invalid(field, "a duration such as 250ms or 1.5s")
    return min(round(float(match[1]) * _UNITS_NS[match[2] or "ms"]), 2**63)


def _flag(field: Field) -> bool:
    if field.value not in ("true", "false") or field.operator is not Operator.IS:
        raise _invalid(field, "true or false")
    return field.value == "true"


def _pattern(field: Field) -> str:
    """RE2, which has no backtracking: a pattern cannot take longer than its text is long."""
    if len(field.value) > _LONGEST_PATTERN:
        raise _invalid(field, f"a pattern of at most {_LONGEST_PATTERN} characters")
    return field.value


def _invalid(field: Field, expected: str) -> InvalidInputError:
    return InvalidInputError(
        f"{field.name}:{field.operator.value}{field.value[:64]} cannot be searched for: expected "
        f"{expected}",
        code="invalid_search",
        hint=f'as a word of the text, write it in quotes: "{field.name}:{field.value[:64]}"',
    )
