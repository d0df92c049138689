"""Compose's `$VARIABLE` in values, and the types of plain values after it.

$NAME ${NAME}         the value; empty and a warning when it is not set
${NAME:-d} ${NAME-d}  d when not set or empty / when not set
${NAME:?e} ${NAME?e}  a problem that says e when not set or empty / when not set
${NAME:+x} ${NAME+x}  x when set and not empty / when set
$$                    a dollar
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_NESTING = re.compile(r"\$\$|\$\{|\}")
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_OCTAL = re.compile(r"0o[0-7]{1,18}")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "True": True, "TRUE": True} | {
    "false": False,
    "False": False,
    "FALSE": False,
}
_NULLS = ("", "~", "null", "Null", "NULL")
_DEEPEST = 10
LONGEST = 256 * 1024


class InterpolationError(Exception):
    """The text cannot be interpolated; `hint` tells what can be done."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def interpolate(text: str, variables: Mapping[str, str], unset: Callable[[str], None]) -> str:
    """The text with its variables replaced; `unset` is told each name that fell back to ''.

    Raises InterpolationError, whose message never repeats the text: it may hold a secret.
    """
    return _replaced(text, variables, unset, 0) if "$" in text else text


def _replaced(
    text: str, variables: Mapping[str, str], unset: Callable[[str], None], depth: int
) -> str:
    parts: list[str] = []
    size, position = 0, 0
    while position < len(text):
        dollar = text.find("$", position)
        if dollar < 0:
            dollar = len(text)
        parts.append(text[position:dollar])
        position = dollar
        if dollar < len(text):
            found = _reference(text, dollar)
            parts.append(_value(found, variables, unset, depth))
            position = found.end
        size += sum(map(len, parts[-2:]))
        if size > LONGEST:
            raise InterpolationError(f"expands to more than {LONGEST} characters", "use less of it")
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class _Reference:
    """What a `$` begins: `name` is empty for `$$`. `end` is the position after it."""

    name: str
    operator: str
    argument: str
    end: int


def _reference(text: str, dollar: int) -> _Reference:
    following = text[dollar + 1 : dollar + 2]
    if following == "$":
        return _Reference("", "", "", dollar + 2)
    braced = following == "{"
    name = _NAME.match(text, dollar + (2 if braced else 1))
    if name is None:
        message = f"found `${following}` where `$NAME`, `${{NAME}}` or `$$` is expected"
        raise InterpolationError(message, "write `$$` for a dollar sign")
    if not braced:
        return _Reference(name.group(), "", "", name.end())
    operator = _OPERATOR.match(text, name.end())
    start = operator.end() if operator else name.end()
    end = _closing_brace(text, start) if operator else start
    if text[end : end + 1] != "}":
        message = f"`${{{name.group()}` is not closed by `}}`"
        raise InterpolationError(message, "write ${NAME} or ${NAME:-default}")
    return _Reference(name.group(), operator.group() if operator else "", text[start:end], end + 1)


def _closing_brace(text: str, start: int) -> int:
    """Position of the `}` that ends the argument, over nested `${…}`; the text's end without."""
    depth = 0
    for found in _NESTING.finditer(text, start):
        if found.group() == "${":
            depth += 1
        elif found.group() == "}":
            if depth == 0:
                return found.start()
            depth -= 1
    return len(text)


def _value(
    found: _Reference, variables: Mapping[str, str], unset: Callable[[str], None], depth: int
) -> str:
    if not found.name:
        return "$"
    value = variables.get(found.name)
    if not found.operator:
        if value is None:
            unset(found.name)
        return value or ""
    is_set = bool(value) if found.operator.startswith(":") else value is not None
    kind = found.operator[-1]
    if is_set and kind != "+":
        return value or ""
    if not is_set and kind == "+":
        return ""
    if depth >= _DEEPEST:
        raise InterpolationError("`${` nested too deep", f"at most {_DEEPEST} levels are read")
    argument = _replaced(found.argument, variables, unset, depth + 1)
    if kind == "?":
        state = "is not set or empty" if found.operator.startswith(":") else "is not set"
        message = f"the variable {found.name} {state}" + (f": {argument}" if argument else "")
        raise InterpolationError(message, f"set {found.name} in .env or in the environment")
    return argument


Plain = str | int | float | bool | None


def typed(text: str) -> Plain:
    """The value of a plain scalar by YAML 1.2's core schema; numbers of absurd length are texts."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text
