from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.application.interpolation import InterpolationError, interpolate, typed

VARIABLES = {"SET": "value", "EMPTY": "", "OTHER": "o"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$SET", "value"),
        ("a${SET}b", "avalueb"),
        ("$SET-$OTHER", "value-o"),
        ("$UNSET", ""),
        ("${SET:-d}", "value"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${UNSET-d}", "d"),
        ("${UNSET:-}", ""),
        ("${SET:+x}", "x"),
        ("${EMPTY:+x}", ""),
        ("${EMPTY+x}", "x"),
        ("${UNSET+x}", ""),
        ("${SET:?no}", "value"),
        ("${EMPTY?no}", ""),
        ("${UNSET:-${SET}}", "value"),
        ("${UNSET:-a${EMPTY:-b}c}", "abc"),
        ("${UNSET:-$$x}", "$x"),
        ("${SET:-${UNSET:?unused}}", "value"),
        ("$$SET", "$SET"),
        ("$$$SET", "$value"),
        ("{python} }", "{python} }"),
        ("${UNSET:-http://a:80/?b=c}", "http://a:80/?b=c"),
    ],
)
def test_a_reference_is_replaced_as_compose_does(text: str, expected: str) -> None:
    assert interpolate(text, VARIABLES, lambda _: None) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$", "found `$`"),
        ("a $ b", "found `$ `"),
        ("$1", "found `$1`"),
        ("${}", "found `${`"),
        ("${SET", "`${SET` is not closed"),
        ("${SET!}", "`${SET` is not closed"),
        ("${UNSET:-a", "`${UNSET` is not closed"),
        ("${UNSET:?}", "the variable UNSET is not set or empty"),
        ("${EMPTY:?give one}", "the variable EMPTY is not set or empty: give one"),
        ("${UNSET?give $SET}", "the variable UNSET is not set: give value"),
        ("${A:-" * 12 + "}" * 12, "nested too deep"),
    ],
)
def test_a_wrong_reference_is_explained(text: str, message: str) -> None:
    with pytest.raises(InterpolationError, match=re.escape(message)):
        interpolate(text, VARIABLES, lambda _: None)


def test_each_variable_without_value_is_told() -> None:
    told: list[str] = []
    interpolate("$A ${B} ${C:-d} ${D:-$E} ${SET:-$F}", VARIABLES, told.append)
    assert told == ["A", "B", "E"]


def test_an_expansion_that_grows_without_bound_is_stopped() -> None:
    with pytest.raises(InterpolationError, match="expands to more than"):
        interpolate("$A" * 1000, {"A": "x" * 1000}, lambda _: None)


@given(st.text().map(lambda text: text.replace("$", "$$")))
def test_doubled_dollars_come_back_single(text: str) -> None:
    assert interpolate(text, {}, lambda _: None) == text.replace("$$", "$")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("no", "no"),
        ("12", 12),
        ("-3", -3),
        ("0o17", 15),
        ("0x1f", 31),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("22:22", "22:22"),
        ("2026-01-01", "2026-01-01"),
        ("9" * 5000, "9" * 5000),
        ("١٢", "١٢"),
    ],
)
def test_plain_values_have_the_types_of_yaml_1_2(text: str, value: object) -> None:
    assert typed(text) == value
    assert type(typed(text)) is type(value)
