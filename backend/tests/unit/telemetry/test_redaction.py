from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from insightengine.core.errors import InvalidInputError
from insightengine.telemetry.port import Signal
from insightengine.telemetry.redaction import RedactionRules, Redactor, is_luhn

ALL = RedactionRules.of(["password", "Set-Cookie"], ["card", "token", "email"])


def log(text: str, **attributes: str) -> bytes:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.body.string_value = text
    for key, value in attributes.items():
        record.attributes.add(key=key).value.string_value = value
    return request.SerializeToString()


def body_after(text: str, rules: RedactionRules = ALL) -> str:
    cleaned = Redactor(rules).apply(Signal.LOGS, log(text))
    records = ExportLogsServiceRequest.FromString(cleaned).resource_logs[0].scope_logs[0]
    return records.log_records[0].body.string_value


@pytest.mark.parametrize(
    "secret",
    [
        "4111111111111111",
        "5500-0000-0000-0004",
        "3782 822463 10005",
        "6011000990139424",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4",
        "Bearer abcdef0123456789",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
        "first.last+tag@mail.example.co.uk",
    ],
)
def test_secrets_within_text_are_taken_out(secret: str) -> None:
    assert body_after(f"before {secret} after é") == "before [redacted] after é"


@pytest.mark.parametrize(
    "harmless",
    [
        "4111111111111112",  # fails Luhn's check
        "1700000000000000000",  # a time in nanoseconds
        "order 41 1 took 4.5 ms @ noon",
        "user@host",
        "skip-this-item",
        "Basic auth is off",
    ],
)
def test_harmless_text_stays(harmless: str) -> None:
    assert body_after(harmless) == harmless


def test_named_fields_lose_their_values_whatever_those_are() -> None:
    found = Redactor(ALL).apply(Signal.LOGS, log("x", **{"http.response.header.set-cookie": "a=b"}))
    record = (
        ExportLogsServiceRequest.FromString(found).resource_logs[0].scope_logs[0].log_records[0]
    )
    assert record.attributes[0].value.string_value == "[redacted]"


def test_a_request_that_concerns_no_rule_keeps_its_bytes() -> None:
    body = log("nothing here", passport="kept")
    assert Redactor(ALL).apply(Signal.LOGS, body) is body


def test_without_rules_it_is_off() -> None:
    redactor = Redactor(RedactionRules.of([], []))
    assert not redactor.is_on
    assert redactor.apply(Signal.LOGS, b"\xff not looked into") == b"\xff not looked into"


def test_a_pattern_that_does_not_exist_is_a_wrong_setting() -> None:
    with pytest.raises(InvalidInputError, match="iban"):
        RedactionRules.of([], ["card", "iban"])


@given(st.lists(st.integers(0, 9), min_size=11, max_size=18))
def test_one_check_digit_of_ten_passes(digits: list[int]) -> None:
    assert sum(is_luhn([*digits, check]) for check in range(10)) == 1


@given(st.text())
def test_any_text_comes_out_as_text(text: str) -> None:
    body_after(text)
