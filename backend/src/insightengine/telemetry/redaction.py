"""Takes secrets and personal data out of telemetry before anything of it is stored. Pure.

Two kinds of rules: names of fields, whose values go whatever they are, and patterns within any
text. A request that cannot concern a rule is not even looked into.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from insightengine.core.errors import InvalidInputError
from insightengine.telemetry.messages import parse
from insightengine.telemetry.port import Signal

REDACTED: Final = "[redacted]"


class Pattern(StrEnum):
    CARD = "card"
    TOKEN = "token"  # noqa: S105 - a kind of pattern
    EMAIL = "email"


# First digits and lengths of payment cards; what passes Luhn's check as well is taken for one.
_CARD = re.compile(
    rb"(?<![\d.])(?:4|5[1-5]|2[2-7]|3[4-7]|6(?:011|4[4-9]|5))(?:[ -]?\d){11,17}(?![\d.]?\d)"
)
_TOKEN = re.compile(
    rb"(?:eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # JSON Web Token
    rb"|\b(?i:bearer|basic) +[\w.~+/=-]{8,}"
    rb"|\b(?:gh[pousr]_|github_pat_|glpat-|sk_live_|rk_live_|sk-|xox[abprs]-|ink_|ins_)[\w-]{16,}"
    rb"|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{35}"
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?)"
)
_EMAIL = re.compile(rb"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})*\.[A-Za-z]{2,24}")


@dataclass(frozen=True, slots=True)
class RedactionRules:
    """`fields` are names of attributes in lower case; `password` also means `db.user.password`."""

    fields: frozenset[str]
    patterns: frozenset[Pattern]

    @classmethod
    def of(cls, fields: Iterable[str], patterns: Iterable[str]) -> RedactionRules:
        """Raises InvalidInputError for a pattern that does not exist."""
        known = {pattern.value: pattern for pattern in Pattern}
        wrong = sorted(set(patterns) - known.keys())
        if wrong:
            raise InvalidInputError(
                f"there is no pattern {wrong[0]!r} to redact; expected {', '.join(known)}",
                code="invalid_setting",
                hint="INSIGHT_REDACT_PATTERNS in docs/reference/settings.md",
            )
        return cls(frozenset(map(str.lower, fields)), frozenset(known[each] for each in patterns))


class Redactor:
    """Does nothing, in no time, without rules."""

    def __init__(self, rules: RedactionRules) -> None:
        self._fields = rules.fields
        searches = {Pattern.CARD: _CARD, Pattern.TOKEN: _TOKEN, Pattern.EMAIL: _EMAIL}
        self._searches = [searches[each] for each in Pattern if each in rules.patterns]
        names = b"|".join(re.escape(name.encode()) for name in sorted(rules.fields))
        self._names = re.compile(names, re.IGNORECASE) if names else None

    @property
    def is_on(self) -> bool:
        return bool(self._names or self._searches)

    def apply(self, signal: Signal, payload: bytes) -> bytes:
        """The request without what the rules name; the same bytes where nothing is.

        Raises InvalidInputError when the bytes are no request of this signal.
        """
        if not self._concerns(payload):
            return payload
        message = parse(signal, payload)
        self._walk(message)
        return message.SerializeToString()

    def _concerns(self, payload: bytes) -> bool:
        if self._names is not None and self._names.search(payload):
            return True
        return any(
            search.search(payload)
            for search in self._searches
            if search is not _EMAIL or b"@" in payload
        )

    def _walk(self, message: Message) -> None:
        if isinstance(message, KeyValue) and self._is_named(message.key):
            message.value.Clear()
            message.value.string_value = REDACTED
            return
        for field, content in message.ListFields():
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                for each in content if field.is_repeated else (content,):
                    self._walk(cast("Message", each))
            elif field.type == FieldDescriptor.TYPE_STRING and field.name != "key":
                self._clean_field(message, field, content)

    def _clean_field(self, message: Message, field: FieldDescriptor, content: object) -> None:
        if field.is_repeated:
            values = cast("list[str]", content)
            values[:] = [self._cleaned(value) for value in values]
        else:
            cleaned = self._cleaned(cast("str", content))
            if cleaned != content:
                setattr(message, field.name, cleaned)

    def _is_named(self, key: str) -> bool:
        name = key.lower()
        return name in self._fields or name.rpartition(".")[2] in self._fields

    def _cleaned(self, text: str) -> str:
        raw = text.encode()
        for search in self._searches:
            replace: bytes | Callable[[re.Match[bytes]], bytes] = REDACTED.encode()
            raw = search.sub(_card if search is _CARD else replace, raw)
        return raw.decode()


def _card(found: re.Match[bytes]) -> bytes:
    digits = [byte - 48 for byte in found[0] if 48 <= byte <= 57]
    return REDACTED.encode() if is_luhn(digits) else found[0]


def is_luhn(digits: list[int]) -> bool:
    """Luhn's check, ISO/IEC 7812-1 annex B."""
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
