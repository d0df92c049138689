"""Typed reading of a tree; what does not fit becomes a problem with its place, and None."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import TypeVar

from insightengine.application.document import MOST_CHARACTERS, Listing, Node, Scalar, Table
from insightengine.application.interpolation import (
    InterpolationError,
    Plain,
    interpolate,
    typed,
)
from insightengine.application.keys import Keys
from insightengine.application.model import Location
from insightengine.application.problems import Problems, nearest, shown

_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:h|ms|us|µs|ns|m|s))+")
_PART = re.compile(r"([0-9.]+)(h|ms|us|µs|ns|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_LONGEST_S = 10 * 365 * 86_400.0  # what is added to a date must stay one
_TOO_MUCH = f"its variables expand to more than {MOST_CHARACTERS} characters"
_VARIABLE = re.compile(r"[^=\x00\s]+")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_HEADER_VALUE = re.compile(r"[\t -~\xa0-\xff]{0,8000}")
Choice = TypeVar("Choice", bound=StrEnum)
Read = TypeVar("Read")


def with_variables(
    top: Table, variables: Mapping[str, str], problems: Problems, unset: Callable[[str], None]
) -> Table:
    """The same tree with `$VARIABLE` replaced in its values (not its keys).

    A variable may be long and stand in many values: what they all expand to is bounded.
    """
    filling = _Filling(variables, problems, unset)
    filled = filling.table(top, "")
    if not filling.is_full and filled.characters > MOST_CHARACTERS:
        problems.add(top.at, "", _TOO_MUCH, "use fewer aliases (`*name`), or shorter variables")
    return filled


class _Filling:
    """Replaces variables; from `MOST_CHARACTERS` on values stay as they are written."""

    def __init__(
        self, variables: Mapping[str, str], problems: Problems, unset: Callable[[str], None]
    ) -> None:
        self._variables = variables
        self._problems = problems
        self._unset = unset
        self._done: dict[int, Node] = {}
        self._characters = 0

    @property
    def is_full(self) -> bool:
        return self._characters > MOST_CHARACTERS

    def table(self, node: Table, path: str) -> Table:
        entries = {
            key: type(entry)(entry.key_at, self._replaced(entry.value, _join(path, key)))
            for key, entry in node.entries.items()
        }
        characters = sum(len(key) + entry.value.characters for key, entry in entries.items())
        return Table(entries, node.at, node.nodes, characters)

    def _replaced(self, node: Node, path: str) -> Node:
        if id(node) not in self._done:
            self._done[id(node)] = self._filled(node, path)
        return self._done[id(node)]

    def _filled(self, node: Node, path: str) -> Node:
        match node:
            case Scalar():
                return self._scalar(node, path)
            case Listing():
                found = [self._replaced(one, f"{path}[{n}]") for n, one in enumerate(node.items)]
                return Listing(
                    tuple(found), node.at, node.nodes, sum(one.characters for one in found)
                )
            case Table():
                return self.table(node, path)

    def _scalar(self, node: Scalar, path: str) -> Scalar:
        if self.is_full:
            return node
        try:
            text = interpolate(node.text, self._variables, self._unset)
        except InterpolationError as error:
            self._problems.add(node.at, path, error.message, error.hint)
            self._problems.settle(node.at)
            return node
        self._characters += len(text)
        if self._characters > MOST_CHARACTERS:
            self._problems.add(node.at, path, _TOO_MUCH, "use shorter variables")
        if text == node.text:
            return node
        # An empty value is a text, not null.
        return Scalar(text, node.plain and text != "", node.at)


def _join(path: str, key: str) -> str:
    short = key if len(key) <= 60 else key[:59] + "…"
    return f"{path}.{short}" if path else short


class Cursor:
    """A node with its path. Each reader returns None after it reported a problem."""

    def __init__(self, node: Node, path: str, problems: Problems, key_at: Location | None = None):
        self.node = node
        self.path = path
        self.problems = problems
        self.key_at = key_at or node.at

    def fail(self, message: str, hint: str | None = None) -> None:
        self.problems.add(self.node.at, self.path, message, hint)

    def wrong(self, allowed: str, hint: str | None = None) -> None:
        self.fail(f"found {self.found}, allowed is {allowed}", hint)

    def place(self, *path: str) -> Location:
        """Where the deepest part of the path below this node stands; list items go by text."""
        node, at = self.node, self.key_at
        for key in path:
            if isinstance(node, Table) and key in node.entries:
                at, node = node.entries[key].key_at, node.entries[key].value
            elif isinstance(node, Listing):
                texts = (one for one in node.items if isinstance(one, Scalar) and one.text == key)
                node = next(texts, node)
                at = node.at if isinstance(node, Scalar) else at
        return at

    @property
    def found(self) -> str:
        if isinstance(self.node, Table):
            return "a mapping"
        if isinstance(self.node, Listing):
            return "a list"
        return "nothing" if self.plain is None else shown(self.node.text)

    @property
    def plain(self) -> Plain:
        """The typed value of a scalar; None also for collections."""
        if not isinstance(self.node, Scalar):
            return None
        return typed(self.node.text) if self.node.plain else self.node.text

    @property
    def is_nothing(self) -> bool:
        return isinstance(self.node, Scalar) and self.plain is None

    @property
    def is_table(self) -> bool:
        return isinstance(self.node, Table)

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, Listing)

    def entries(self, allowed: str = "a mapping") -> dict[str, Cursor]:
        if not isinstance(self.node, Table):
            self.wrong(allowed)
            return {}
        return {
            key: Cursor(entry.value, _join(self.path, key), self.problems, entry.key_at)
            for key, entry in self.node.entries.items()
        }

    def keys(self, keys: Keys) -> dict[str, Cursor]:
        """The entries with known keys and a value; reports the unknown and the refused."""
        found = self.entries()
        for name, entry in found.items():
            if name in (keys.refused or {}):
                hint = (keys.refused or {})[name]
                self.problems.add(entry.key_at, entry.path, "is not supported", hint)
            elif name not in keys.known and not (name.startswith("x-") and self._is_free(name)):
                self._unknown(entry, name, keys)
        return {
            name: entry
            for name, entry in found.items()
            if name in keys.used and not entry.is_nothing
        }

    @staticmethod
    def _is_free(name: str) -> bool:
        """`x-*` is free, but a misspelt `x-insight` would be ignored without a word."""
        return len(name) > 20 or nearest(name, ["x-insight"], 0.8) is None

    def _unknown(self, entry: Cursor, name: str, keys: Keys) -> None:
        meant = None if self.problems.are_many else nearest(name, keys.known)
        hint = f"did you mean `{meant}`?" if meant else _allowed_keys(keys)
        self.problems.add(entry.key_at, entry.path, "unknown key", hint)

    def items(self, allowed: str = "a list") -> list[Cursor]:
        if not isinstance(self.node, Listing):
            self.wrong(allowed)
            return []
        return [
            Cursor(item, f"{self.path}[{number}]", self.problems)
            for number, item in enumerate(self.node.items)
        ]

    def text(self, allowed: str = "a text") -> str | None:
        """The text as written, also of numbers and booleans; never empty."""
        if not isinstance(self.node, Scalar) or not self.node.text or self.is_nothing:
            self.wrong(allowed)
            return None
        return self.node.text if self.can_be_passed_on(self.node.text) else None

    def can_be_passed_on(self, text: str) -> bool:
        """A process takes neither a NUL character nor half of a surrogate pair."""
        if "\x00" not in text and text.isascii():
            return True
        if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
            self.fail("holds a character that cannot be passed to a process")
            return False
        return True

    def integer(self, least: int, most: int, what: str = "a whole number") -> int | None:
        allowed = f"{what} from {least} to {most}"
        value = self.plain
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.wrong(allowed)
            return None
        return value

    def number(self, least: float, most: float) -> float | None:
        value = self.plain
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not least <= value <= most
        ):
            self.wrong(f"a number from {least:g} to {most:g}")
            return None
        return float(value)

    def boolean(self) -> bool | None:
        value = self.plain
        if isinstance(value, str) and value in ("true", "false"):
            value = value == "true"
        if not isinstance(value, bool):
            self.wrong("true or false")
            return None
        return value

    def seconds(self, least: float = 0.0) -> float | None:
        value = self.plain
        if not isinstance(value, str) or not _DURATION.fullmatch(value):
            self.wrong("a duration such as 500ms, 10s or 1m30s")
            return None
        total = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(value))
        if total < least:
            self.wrong(f"a duration of at least {least:g}s")
            return None
        if total > _LONGEST_S:
            self.wrong(f"a duration of at most {_LONGEST_S / 3600:g}h, which is ten years")
            return None
        return total

    def choice(self, kind: type[Choice]) -> Choice | None:
        text = self.node.text if isinstance(self.node, Scalar) else ""
        allowed = [one.value for one in kind]
        if text in allowed:
            return kind(text)
        meant = nearest(text, allowed)
        self.wrong(", ".join(allowed), f"did you mean `{meant}`?" if meant else None)
        return None

    def words(self) -> tuple[str, ...] | None:
        """A command: a list of texts, or one text that is split like a shell would."""
        if self.is_list:
            return self._texts(self.items())
        text = self.text("a text or a list of texts")
        if text is None:
            return None
        try:
            return tuple(shlex.split(text))
        except ValueError as error:
            self.fail(f"cannot be split into words: {str(error).lower()}", "close the quotes")
            return None

    def texts(self) -> tuple[str, ...]:
        return self._texts(self.items("a list of texts"))

    @staticmethod
    def _texts(items: list[Cursor]) -> tuple[str, ...]:
        return tuple(text for text in (item.argument() for item in items) if text is not None)

    def argument(self) -> str | None:
        """A text that may be empty: the empty argument of a command, the value of a variable."""
        if isinstance(self.node, Scalar) and self.node.text == "" and not self.node.plain:
            return ""
        return self.text()

    def headers(self) -> dict[str, str]:
        """Headers of a request: names and values that HTTP can carry."""
        found = self.variables({})
        for name, value in found.items():
            if not _HEADER.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                self.fail(f"found the header {shown(name)}, which HTTP cannot carry", "NAME: value")
        return found

    def variables(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """A mapping or a list of `NAME=value`; without a value it is taken from `inherited`."""
        result: dict[str, str] = {}
        for name, value in self._assignments():
            taken = inherited.get(name) if value is None else value
            if taken is not None:
                result[name] = taken
        return result

    def _assignments(self) -> Iterator[tuple[str, str | None]]:
        if self.is_list:
            for item in self.items():
                text = item.text("NAME=value")
                name, equals, value = (text or "").partition("=")
                if text is not None and _is_variable(item, name):
                    yield name, value if equals else None
            return
        for name, entry in self.entries("a mapping or a list of NAME=value").items():
            if _is_variable(entry, name):
                yield name, None if entry.is_nothing else entry.argument()


class Given:
    """The entries of a mapping, each read by a function or replaced by the default."""

    def __init__(self, keys: Mapping[str, Cursor]) -> None:
        self.keys = keys

    def read(self, key: str, reader: Callable[[Cursor], Read | None], default: Read) -> Read:
        found = reader(self.keys[key]) if key in self.keys else None
        return default if found is None else found

    def maybe(self, key: str, reader: Callable[[Cursor], Read | None]) -> Read | None:
        return reader(self.keys[key]) if key in self.keys else None


def _is_variable(cursor: Cursor, name: str) -> bool:
    if _VARIABLE.fullmatch(name) and cursor.can_be_passed_on(name):
        return True
    cursor.fail(f"found the variable name {shown(name)}, allowed is a name without space or `=`")
    return False


def _allowed_keys(keys: Keys) -> str | None:
    known = sorted(keys.known)
    if not known:
        return "no key is known here"
    return f"allowed are {', '.join(known)}" if len(known) <= 12 else None
