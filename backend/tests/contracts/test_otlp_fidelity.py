"""Every field of OTLP that goes in comes out of the real store again, whatever it holds.

INSIGHT_FIDELITY_EXAMPLES sets how many requests of each signal are tried.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.message import Message
from google.protobuf.text_format import MessageToString
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insightengine.telemetry import segments
from insightengine.telemetry.decode import TABLES
from insightengine.telemetry.ingest import SignalIngester
from insightengine.telemetry.messages import entries_of
from insightengine.telemetry.port import Signal
from insightengine.telemetry.schema import DATABASE
from insightengine.telemetry.segments import SegmentName
from insightengine.telemetry.store_engine import EngineLimits, StoreEngine
from insightengine.telemetry.store_query import Query
from tests.contracts import otlp_messages, otlp_readback

EXAMPLES = int(os.environ.get("INSIGHT_FIDELITY_EXAMPLES", "60"))
SOURCE = "a-key-of-this-source"
_TOGETHER = 6
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreEngine]:
    made = StoreEngine(
        tmp_path_factory.mktemp("fidelity"), EngineLimits(memory_bytes=2**28, query_timeout_s=60)
    )
    yield made
    made.close()


def through_the_store(
    engine: StoreEngine, spool: Path, signal: Signal, requests: list[Message]
) -> list[Message]:
    """As the ingester takes them from the spool, and what the table then says."""
    name = SegmentName(signal, "1700000000000fidelity", next(_numbers))
    content = b"".join(
        segments.encode(each.SerializeToString(), entries_of(each), SOURCE) for each in requests
    )
    (spool / f"{name.token}{segments.CLOSED_SUFFIX}").write_bytes(content)
    ingester = SignalIngester(spool, signal, engine, slots=1)
    while ingester.drain():
        pass
    assert ingester.counters.set_aside_stretches == 0
    found = list(otlp_readback.rows(engine.run(Query(otlp_readback.query(signal)))))
    assert {row["IngestSource"] for row in found} <= {SOURCE}
    engine.execute(f"TRUNCATE TABLE {DATABASE}.{TABLES[signal]}")
    return otlp_readback.requests(signal, found)


def texts(messages: Iterator[Message]) -> Counter[str]:
    return Counter(MessageToString(each) for each in messages)


@pytest.mark.timeout(60 + 10 * EXAMPLES)
@pytest.mark.parametrize("signal", list(Signal))
def test_every_field_comes_back(engine: StoreEngine, tmp_path: Path, signal: Signal) -> None:
    @settings(
        max_examples=max(1, EXAMPLES // _TOGETHER),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(st.lists(otlp_messages.requests(signal), min_size=1, max_size=_TOGETHER))
    def every_field_comes_back(requests: list[Message]) -> None:
        found = through_the_store(engine, tmp_path, signal, requests)
        sent = (entry for request in requests for entry in otlp_messages.entries(request))
        assert texts(map(otlp_messages.canonical, found)) == texts(sent)

    every_field_comes_back()
