"""Conditions on text: whole words through the index of words, and what it cannot answer without it.

The index holds `lower(Body)` split at everything that is no ASCII letter, digit or non-ASCII
character; `lower` knows ASCII only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_ASCII_TO_LOWER: Final = {ord(c): c.lower() for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_SEPARATORS: Final = re.compile(r"[^0-9A-Za-z\x80-\U0010ffff]+")
Bind = Callable[[object, str], str]  # value and type → its place in the SQL


def words_of(text: str) -> list[str]:
    """The tokens that the index has of this text."""
    lower = text.translate(_ASCII_TO_LOWER)
    return [word for word in _SEPARATORS.split(lower) if word]


def text_condition(text: str, bind: Bind, column: str = "Body") -> str:
    """The text as it stands, in any case, beginning and ending with whole words."""
    if not text.isascii():
        return f"positionCaseInsensitiveUTF8({column}, {bind(text, 'String')}) > 0"
    words, lower = words_of(text), text.lower()
    if words == [lower]:
        return f"hasAllTokens(lower({column}), {bind(words, 'Array(String)')})"
    contains = f"position(lower({column}), {bind(lower, 'String')}) > 0"
    if not words:
        return contains
    return f"(hasAllTokens(lower({column}), {bind(words, 'Array(String)')}) AND {contains})"


def star_condition(text: str, bind: Bind, column: str = "Body") -> str:
    """Anywhere in the text, in any case, with anything for each star."""
    pattern = "%" + like_pattern(text.strip("*").translate(_ASCII_TO_LOWER)) + "%"
    return f"lower({column}) LIKE {bind(pattern, 'String')}"


def like_pattern(text: str) -> str:
    """A star becomes %; what LIKE has of its own is taken literally."""
    escaped = re.sub(r"([\\%_])", r"\\\1", text)
    return escaped.replace("*", "%")
