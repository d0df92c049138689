"""Tracebacks and stacks: what was raised, by the names of the semantic conventions."""

from __future__ import annotations

import traceback

import pytest

from insightengine.telemetry.sources.raised import MESSAGE, STACKTRACE, TYPE, raised_in

JAVASCRIPT = """TypeError: cart is undefined
    at total (/app/cart.js:12:9)
    at Server.<anonymous> (/app/server.js:40:3)"""
JAVA = """Exception in thread "main" com.acme.OrderException: no such order
\tat com.acme.Orders.find(Orders.java:17)
Caused by: java.sql.SQLException: closed
\t... 1 more"""


class DeclinedError(Exception):
    pass


def _raise_in_a_chain() -> None:
    try:
        {}["sku"]
    except KeyError as error:
        raise DeclinedError("declined:\ntwo lines") from error


def _own_traceback() -> str:
    with pytest.raises(DeclinedError) as raised:
        _raise_in_a_chain()
    return "".join(traceback.format_exception(raised.value))


def test_of_a_chain_in_python_the_last_one_is_what_nobody_caught() -> None:
    found = raised_in(f"request failed\n{_own_traceback()}")
    assert found[TYPE] == f"{__name__}.DeclinedError"
    assert found[MESSAGE] == "declined:\ntwo lines"
    assert str(found[STACKTRACE]).startswith("Traceback (most recent call last):")
    assert "KeyError" in str(found[STACKTRACE])


def test_an_exception_without_words_has_an_empty_message() -> None:
    text = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nKeyboardInterrupt'
    assert (raised_in(text)[TYPE], raised_in(text)[MESSAGE]) == ("KeyboardInterrupt", "")


def test_a_stack_of_javascript_begins_with_what_was_raised() -> None:
    found = raised_in(f"GET /cart\n{JAVASCRIPT}")
    assert found == {TYPE: "TypeError", MESSAGE: "cart is undefined", STACKTRACE: JAVASCRIPT}


def test_in_java_the_first_one_is_what_nobody_caught() -> None:
    found = raised_in(JAVA)
    assert (found[TYPE], found[MESSAGE]) == ("com.acme.OrderException", "no such order")


@pytest.mark.parametrize(
    "text",
    [
        "ValueError: one line says that something failed, not where",
        "a list:\n  at home\n  at work",
        'Traceback (most recent call last):\n  File "cut off',
        "Traceback (most recent call last):",
        "",
    ],
)
def test_other_text_tells_of_no_exception(text: str) -> None:
    assert raised_in(text) == {}
