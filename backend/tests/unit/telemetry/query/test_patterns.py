"""What Drain joins and what it keeps apart, and the search that finds the entries of a pattern."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.telemetry.query.drain import Counted, joined
from insightengine.telemetry.query.language import parse
from insightengine.telemetry.query.patterns import patterns, search_of


def counted(pattern: str, entries: int = 1, service: str = "web", level: int = 2) -> Counted:
    return Counted(pattern, entries, frozenset({service}), level)


def texts(*given_: Counted) -> dict[str, int]:
    return {each.pattern: each.entries for each in joined(given_)}


def test_texts_that_differ_in_a_few_words_are_one() -> None:
    assert texts(
        counted("user <*> searched for shoes", 5),
        counted("user <*> searched for hats", 3),
        counted("user <*> searched for coats", 2),
    ) == {"user <*> searched for <*>": 10}


def test_texts_that_begin_alike_and_go_on_differently_stay_apart() -> None:
    found = texts(counted("job <*> done after <*> ms", 2), counted("job <*> lost its worker <*>"))
    assert found == {"job <*> done after <*> ms": 2, "job <*> lost its worker <*>": 1}


def test_how_many_words_a_value_has_tells_nothing() -> None:
    assert texts(
        counted("order <*> accepted for red shoes", 2),
        counted("order <*> accepted for blue shirts", 2),
        counted("order <*> accepted for tea", 1),
        counted("order <*> accepted for rice", 1),
    ) == {"order <*> accepted for <*>": 6}


def test_a_beginning_joins_the_only_pattern_that_begins_so() -> None:
    whole = counted("mail to customer <*> queued", 9)
    assert texts(whole, counted("mail to customer <...>", 4)) == {"mail to customer <*> queued": 13}


def test_a_beginning_of_several_patterns_is_none_of_them() -> None:
    found = texts(
        counted("mail to customer <*> queued"),
        counted("mail to customer <*> was refused by the server"),
        counted("mail to customer <...>", 4),
    )
    assert found["mail to customer <...>"] == 4
    assert len(found) == 3


def test_services_and_the_severest_level_of_all_that_was_joined_are_kept() -> None:
    (found,) = joined(
        [counted("slow call <*>", 2, "api", 3), counted("slow call <*>", 1, "web", 4)]
    )
    assert (found.services, found.level) == (frozenset({"api", "web"}), 4)


@given(st.lists(st.tuples(st.text("ab <*>.", max_size=12), st.integers(1, 9)), max_size=30))
def test_no_entry_is_lost_or_counted_twice(given_: list[tuple[str, int]]) -> None:
    found = joined(counted(text, entries) for text, entries in given_)
    assert sum(each.entries for each in found) == sum(entries for _, entries in given_)
    assert len({each.pattern for each in found}) == len(found)


@pytest.mark.parametrize(
    ("pattern", "search"),
    [
        ("order <*> accepted: <*>", '"order" "accepted"'),
        ("cache miss for key price:<*>, loading <...>", '"cache miss for key price" "loading"'),
        ('said "no" to <*>', r'"said \"no\" to"'),
        ("<*> <*>", ""),
    ],
)
def test_the_constant_words_of_a_pattern_find_its_entries(pattern: str, search: str) -> None:
    assert search_of(pattern) == search
    parse(search)


def test_what_no_listed_pattern_has_is_told() -> None:
    rows = [
        {"text": f"{word} failed", "entries": 3, "services": ["web"], "severest": 4, "total": 10}
        for word in ("payment", "mail")
    ]
    found = patterns(rows, None)
    assert (found.entries, found.shown_entries, len(found.items)) == (10, 6, 2)
    assert patterns([], None).entries == 0
