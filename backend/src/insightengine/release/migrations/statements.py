"""Splits an SQL script into its statements, as PostgreSQL's lexical rules say."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A string, a quoted name, a dollar-quoted text, a line comment, the start of a block comment, a `;`
_TOKEN = re.compile(
    r"""
    (?P<escape>\b[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z))
    | (?P<string>'(?:[^']|'')*(?:'|\Z))
    | (?P<name>"(?:[^"]|"")*(?:"|\Z))
    | (?P<dollar>\$(?P<tag>[A-Za-z_\x80-\uffff][\w\x80-\uffff]*)?\$.*?(?:\$(?P=tag)?\$|\Z))
    | (?P<line>--[^\n]*)
    | (?P<block>/\*)
    | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)
_DOLLAR = re.compile(r"\$(?:[A-Za-z_\x80-\uffff][\w\x80-\uffff]*)?\$")
_COMMENT_PART = re.compile(r"/\*|\*/")


def statements(text: str) -> Iterator[str]:
    """Each statement without its semicolon; empty ones and those of comments only are left out."""
    start = position = 0
    has_content = False
    while (found := _next(text, position)) is not None:
        has_content = has_content or bool(text[position : found.start()].strip())
        position = _end(text, found)
        if found["end"]:
            if has_content:
                yield text[start : found.start()].strip()
            start, has_content = position, False
        elif not found["line"] and not found["block"]:
            has_content = True
    if has_content or text[position:].strip():
        yield text[start:].strip()


def _next(text: str, position: int) -> re.Match[str] | None:
    return _TOKEN.search(text, position)


def _end(text: str, found: re.Match[str]) -> int:
    if found["block"]:
        return _end_of_comment(text, found.end())
    if found["dollar"] is not None:
        opening = _DOLLAR.match(text, found.start())
        quote = opening.group() if opening else "$$"
        closing = text.find(quote, found.start() + len(quote))
        return len(text) if closing < 0 else closing + len(quote)
    return found.end()


def _end_of_comment(text: str, position: int) -> int:
    """Block comments nest in PostgreSQL."""
    depth = 1
    for part in _COMMENT_PART.finditer(text, position):
        depth += 1 if part.group() == "/*" else -1
        if depth == 0:
            return part.end()
    return len(text)
