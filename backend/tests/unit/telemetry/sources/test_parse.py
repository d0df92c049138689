"""Lines of programs: structured where they are JSON, guessed where they are not, never refused."""

from __future__ import annotations

import json

import pytest

from insightengine.telemetry.sources.parse import CUT_MARK, parse_entry
from insightengine.telemetry.sources.raised import MESSAGE, STACKTRACE, TYPE
from insightengine.telemetry.sources.records import DEBUG, ERROR, INFO, WARN, Record, Severity

OBSERVED_NS = 1_700_000_000_000_000_000
TRACEBACK = """Traceback (most recent call last):
  File "/app/pay.py", line 3, in charge
    raise DeclinedError(order)
shop.DeclinedError: order 7 was declined"""


def parsed(**fields: object) -> Record:
    return parse_entry(json.dumps(fields), OBSERVED_NS)


def exception_of(record: Record) -> tuple[object, object, object]:
    return tuple(record.attributes.get(key) for key in (TYPE, MESSAGE, STACKTRACE))  # type: ignore[return-value]


def test_a_json_line_keeps_what_it_says_and_where_it_belongs() -> None:
    found = parsed(
        msg="paid",
        level=40,
        time="2026-01-02T03:04:05Z",
        traceId="A" * 32,
        span_id="b" * 16,
        order=7,
    )
    assert (found.body, found.severity, found.attributes) == ("paid", WARN, {"order": 7})
    assert (found.trace_id, found.span_id) == ("a" * 32, "b" * 16)
    assert found.time_ns == 1_767_323_045_000_000_000


def test_what_cannot_be_read_as_time_or_level_stays_an_attribute() -> None:
    found = parsed(message="x", level="loud", time="yesterday", trace_id="0" * 32)
    assert (found.severity, found.time_ns, found.trace_id) == (INFO, OBSERVED_NS, "")
    assert found.attributes == {"level": "loud", "time": "yesterday", "trace_id": "0" * 32}


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("2026-01-02 03:04:05.678 UTC [7] LOG:  ready", INFO),
        ("12:M 02 Jan 2026 03:04:05.678 # out of memory", WARN),
        ("2026/01/02 03:04:05 [error] 9#9: *1 upstream", ERROR),
        ("DEBUG: looked", DEBUG),
        ("an error is mentioned late and in passing", INFO),
        ("ValueError: no", ERROR),
    ],
)
def test_the_severity_of_a_plain_line_is_guessed(line: str, severity: Severity) -> None:
    assert parse_entry(line, OBSERVED_NS).severity == severity


@pytest.mark.parametrize("line", ["{", '{"a": ', "[1]", "{" * 5000 + "}", '{"a": NaN}x', ""])
def test_garbage_becomes_a_body(line: str) -> None:
    assert parse_entry(line, OBSERVED_NS).body == line


def test_an_entry_that_was_cut_says_so_and_is_not_read_as_json() -> None:
    found = parse_entry('{"msg": "x"}', OBSERVED_NS, is_cut=True)
    assert (found.body, found.attributes) == ('{"msg": "x"}', {CUT_MARK: True})


@pytest.mark.parametrize("key", ["exception", "exc_info", "exception.stacktrace"])
def test_a_traceback_in_a_field_tells_type_and_message(key: str) -> None:
    found = parsed(event="request failed", **{key: TRACEBACK})
    assert found.body == "request failed"
    assert exception_of(found) == ("shop.DeclinedError", "order 7 was declined", TRACEBACK)


def test_what_a_program_says_of_its_exception_wins_over_its_traceback() -> None:
    told = {TYPE: "Declined", MESSAGE: "no", STACKTRACE: TRACEBACK}
    assert exception_of(parsed(msg="failed", **told)) == ("Declined", "no", TRACEBACK)


def test_an_error_as_an_object_is_read_as_pino_writes_it() -> None:
    stack = "TypeError: no cart\n    at total (/app/cart.js:1:2)"
    error = {"type": "TypeError", "message": "no cart", "stack": stack}
    assert exception_of(parsed(msg="failed", err=error)) == ("TypeError", "no cart", stack)
    assert parsed(msg="failed", error="only words").attributes == {"error": "only words"}


def test_a_traceback_that_was_printed_is_an_exception_too() -> None:
    found = parse_entry(f"request failed\n{TRACEBACK}", OBSERVED_NS)
    assert found.severity == ERROR
    assert exception_of(found) == ("shop.DeclinedError", "order 7 was declined", TRACEBACK)
