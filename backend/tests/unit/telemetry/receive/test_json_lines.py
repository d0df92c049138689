"""JSON lines become an OTLP request."""

from __future__ import annotations

import json

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from insightengine.telemetry.receive.json_lines import parse_json_lines

NOW_NS = 1_700_000_000_000_000_000


def only_record(fields: dict[str, object]) -> LogRecord:
    payload, entries, rejected, _ = parse_json_lines(json.dumps(fields).encode(), NOW_NS)
    assert (entries, rejected) == (1, 0)
    request = ExportLogsServiceRequest.FromString(payload)
    return request.resource_logs[0].scope_logs[0].log_records[0]


@pytest.mark.parametrize("number", [1_700_000_000, 1_700_000_000_000, 1_700_000_000_000_000])
def test_a_number_is_a_moment_in_seconds_milliseconds_or_microseconds(number: int) -> None:
    assert only_record({"message": "x", "time": number}).time_unix_nano == NOW_NS


@pytest.mark.parametrize("number", [43_333_333_333, 10**11 - 1, 9.3e9, 2**63])
def test_a_moment_beyond_the_year_2262_stays_an_attribute(number: float) -> None:
    record = only_record({"message": "x", "time": number})
    assert record.time_unix_nano == NOW_NS
    assert [each.key for each in record.attributes] == ["time"]
