"""From the words that a person types to a tree. Recursive descent over a few tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from insightengine.core.errors import InvalidInputError
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

__all__ = ["Expression", "parse"]

MOST_CHARACTERS: Final = 2048
_MOST_TERMS: Final = 64
_DEEPEST: Final = 12
_NAME: Final = r"[A-Za-z_@][A-Za-z0-9_.@/-]*"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
# A name is one only when a value follows at once, and `http://` is the start of an address.
_TOKEN: Final = re.compile(
    rf"""(?P<space>\s+)|(?P<open>\()|(?P<close>\))|(?P<minus>-(?=\S))
    |(?P<field>{_NAME}):(?!//)(?P<operator>>=|<=|>|<|~)?(?P<value>{_QUOTED}|\((?=\S)|[^\s()]+)
    |(?P<quoted>{_QUOTED})|(?P<unclosed>")|(?P<word>[^\s()]+)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    match: re.Match[str]

    @property
    def is_or(self) -> bool:
        return self.kind == "word" and self.match["word"] in ("OR", "|")

    @property
    def is_not(self) -> bool:
        return self.kind == "minus" or (self.kind == "word" and self.match["word"] == "NOT")

    @property
    def is_and(self) -> bool:
        return self.kind == "word" and self.match["word"] == "AND"


def parse(text: str) -> Expression | None:
    """None for a search without any term. Raises InvalidInputError, which names the position."""
    if len(text) > MOST_CHARACTERS:
        raise _wrong(f"it has {len(text)} characters; {MOST_CHARACTERS} are allowed", 0)
    tokens = list(_tokens(text))
    if len(tokens) > _MOST_TERMS:
        raise _wrong(f"it has {len(tokens)} terms; {_MOST_TERMS} are allowed", 0)
    reader = _Reader(tokens, len(text))
    found = reader.alternatives(0)
    if not reader.is_at_end:
        raise _wrong("a ) has no ( before it", reader.position)
    return found


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        kind = "field" if kind in ("operator", "value") else kind
        if kind == "unclosed":
            raise _wrong('a " is not closed', match.start())
        if kind != "space":
            yield _Token(kind, match)


class _Reader:
    def __init__(self, tokens: list[_Token], length: int) -> None:
        self._tokens = tokens
        self._next = 0
        self._length = length

    @property
    def is_at_end(self) -> bool:
        return self._next >= len(self._tokens)

    @property
    def position(self) -> int:
        return self._length if self.is_at_end else self._tokens[self._next].match.start()

    def alternatives(self, depth: int, field: re.Match[str] | None = None) -> Expression | None:
        """Parts between OR. Within `name:( … )` each word is a value of `field`."""
        if depth > _DEEPEST:
            raise _wrong(f"parentheses are nested more than {_DEEPEST} deep", self.position)
        parts = [self._together(depth, field)]
        while not self.is_at_end and self._tokens[self._next].is_or:
            self._next += 1
            parts.append(self._together(depth, field))
        if len(parts) > 1 and None in parts:
            raise _wrong("OR stands between two terms", self.position)
        given = tuple(part for part in parts if part is not None)
        return Any(given) if len(given) > 1 else next(iter(given), None)

    def _together(self, depth: int, field: re.Match[str] | None) -> Expression | None:
        parts: list[Expression] = []
        while not self.is_at_end:
            token = self._tokens[self._next]
            if token.kind == "close" or token.is_or:
                break
            if token.is_and:
                self._next += 1
                continue
            parts.append(self._term(depth, field))
        return All(tuple(parts)) if len(parts) > 1 else next(iter(parts), None)

    def _term(self, depth: int, field: re.Match[str] | None) -> Expression:
        token = self._tokens[self._next]
        self._next += 1
        if token.is_not:
            if self.is_at_end:
                raise _wrong("nothing stands behind NOT", self.position)
            return Not(self._term(depth, field))
        if token.kind == "open":
            return self._inside(depth, field)
        if token.kind == "field":
            if token.match["value"] == "(":
                return self._inside(depth, token.match)
            return _field(token.match["field"], token.match["operator"], token.match["value"])
        if token.kind in ("word", "quoted"):
            raw = token.match[token.kind]
            return _field(field["field"], field["operator"], raw) if field else _text(raw)
        raise _wrong(f"{token.match.group()!r} stands where a term is expected", self.position)

    def _inside(self, depth: int, field: re.Match[str] | None) -> Expression:
        opened = self._tokens[self._next - 1].match.start()
        found = self.alternatives(depth + 1, field)
        if self.is_at_end:
            raise _wrong("a ( is not closed", opened)
        self._next += 1
        if found is None:
            raise _wrong("nothing stands between ( and )", opened)
        return found


def _text(raw: str) -> Text:
    if raw.startswith('"'):
        return Text(unquoted(raw))
    return Text(raw, has_star="*" in raw.strip("*") or raw.strip("*") != raw)


def _field(name: str, operator: str | None, raw: str) -> Expression:
    sign = Operator(operator or "")
    if raw.startswith('"'):
        return Field(name, sign, unquoted(raw))
    if raw == "*" and sign is Operator.IS:
        return Present(name)
    return Field(name, sign, raw, has_star=sign is Operator.IS and "*" in raw)


def unquoted(raw: str) -> str:
    return re.sub(r"\\(.)", r"\1", raw[1:-1], flags=re.DOTALL)


def _wrong(what: str, position: int) -> InvalidInputError:
    return InvalidInputError(
        f"the search cannot be read at character {position + 1}: {what}",
        code="invalid_search",
        hint='for example: level:error service:web status:>=500 "card declined" -path:/health',
        context={"position": position},
    )
