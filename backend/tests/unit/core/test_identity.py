"""One name for a person, whichever door they came through."""

import pytest

from insightengine.core.errors import InvalidInputError
from insightengine.core.identity import (
    SOMEBODY,
    is_another,
    person_at_terminal,
    why_not_another,
)

ADA, BOB = "ada@example.org", "bob@example.org"


@pytest.mark.parametrize(
    ("claimed", "account", "behind", "expected"),
    [
        (None, "ada", None, "os:ada"),
        (None, "root", "ada", "os:ada"),
        (" Ada@Example.org ", "root", "ada", "ada@example.org (os:ada)"),
        ("", "ada", None, "os:ada"),
        (None, None, None, SOMEBODY),
    ],
)
def test_a_person_at_a_terminal_is_the_account_and_the_address_that_goes_with_it(
    claimed: str | None, account: str | None, behind: str | None, expected: str
) -> None:
    assert person_at_terminal(claimed, account, behind) == expected


@pytest.mark.parametrize("claimed", ["ada", "@example.org", "ada@", "a da@x.org", "a@x (os:bob)"])
def test_a_name_that_is_no_address_is_refused(claimed: str) -> None:
    with pytest.raises(InvalidInputError, match="INSIGHT_USER"):
        person_at_terminal(claimed, "root")


@pytest.mark.parametrize(
    ("by", "asked_by", "expected"),
    [
        (ADA, BOB, True),
        ("os:ada", "os:bob", True),
        (ADA, "bob@example.org (os:bob)", True),
        (f"{ADA} (os:ada)", f"{BOB} (os:bob)", True),
        (ADA, "ADA@example.org", False),
        (ADA, f"{ADA} (os:ada)", False),
        ("os:ada", "ada", False),  # as names were written before the rule
        ("ada", "bob", True),
        (ADA, "os:root", False),  # may be one person
        (f"{BOB} (os:ada)", f"{ADA} (os:ada)", False),  # an account that claims to be two people
        (f"{BOB} (os:ada)", "os:ada", False),
        (SOMEBODY, "os:ada", False),
        (SOMEBODY, SOMEBODY, False),
        ("", "os:ada", False),
    ],
)
def test_only_names_that_differ_in_all_that_both_tell_are_two_people(
    by: str, asked_by: str, expected: bool
) -> None:
    assert is_another(by, asked_by) is expected
    assert is_another(asked_by, by) is expected


def test_it_is_told_why_an_agreement_does_not_count() -> None:
    assert why_not_another(ADA, "Ada@example.org") == f"{ADA} asked for it"
    assert "not known" in why_not_another(ADA, "os:root")
