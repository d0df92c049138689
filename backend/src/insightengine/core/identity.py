"""Who somebody is, whichever door they came through. Pure.

Through the console and the API a person is the e-mail address of their account. At a terminal a
person is the account of the operating system, `os:ada`; INSIGHT_USER may add the address that goes
with it, `ada@example.org (os:ada)`. The address is a claim, the account is not, so both are kept
and both have to differ before two names are two people. Case does not matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from insightengine.core.errors import InvalidInputError

SOMEBODY = "os:somebody"
_NAME = re.compile(r"(?P<address>[^\s()]+@[^\s()]+)?\s*\(?(?:os:(?P<account>[^()]+))?\)?")


@dataclass(frozen=True, slots=True)
class _Known:
    """What a name tells of a person; None is not known."""

    address: str | None
    account: str | None


def person_at_terminal(claimed: str | None, account: str | None, behind: str | None = None) -> str:
    """Who types a command. `behind` is the account that became root by sudo: that is who acts.

    Raises InvalidInputError for a claimed name that is no e-mail address.
    """
    found = f"os:{behind or account}" if behind or account else SOMEBODY
    return f"{_address(claimed)} ({found})" if claimed else found


def is_another(by: str, asked_by: str) -> bool:
    """Whether two names certainly are two people.

    What both tell has to differ; an address and a system account tell nothing of each other.
    """
    left, right = _known(by), _known(asked_by)
    pairs = [(left.address, right.address), (left.account, right.account)]
    compared = [(one, other) for one, other in pairs if one and other]
    return bool(compared) and all(one != other for one, other in compared)


def why_not_another(by: str, asked_by: str) -> str:
    """For a person whose agreement does not count."""
    left, right = _known(by), _known(asked_by)
    if left == right or (left.address and left.address == right.address):
        return f"{by} asked for it"
    return f"it is not known whether {by} and {asked_by} are two people"


def _address(text: str) -> str:
    name = text.strip().lower()
    local, at, domain = name.partition("@")
    if not (local and at and domain) or re.search(r"[\s()]", name) or len(name) > 200:
        raise InvalidInputError(
            f"INSIGHT_USER is {text[:80]!r}, which is no e-mail address",
            hint="set it to the address of your console account, or unset it",
        )
    return name


def _known(name: str) -> _Known:
    """Names that were written before there was a rule are system accounts unless they hold an @."""
    lowered = name.strip().lower()
    found = _NAME.fullmatch(lowered)
    if found is None or not lowered:
        return _Known(None, lowered or None)
    address, account = found["address"], found["account"]
    if lowered == SOMEBODY:
        account = None
    return _Known(address, account)
