"""What the gates are told of a release, from the rows of the telemetry store."""

import json

from insightengine.release.gates import Traffic
from insightengine.wiring.release import traffic_of

ANSWER = """{"bucket":115,"requests":"950","errors":"0"}
{"bucket":230,"requests":"50","errors":"40"}"""


def test_requests_and_errors_are_counted_of_rows_that_can_be_read_only_once() -> None:
    rows = (json.loads(line) for line in ANSWER.splitlines())
    assert traffic_of(rows) == Traffic(1000, 40, {115: 950, 230: 50})


def test_no_row_is_no_request() -> None:
    assert traffic_of(iter(())) == Traffic(0, 0, {})
