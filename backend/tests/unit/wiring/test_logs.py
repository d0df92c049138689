from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from insightengine.core.secrets import Secret
from insightengine.core.settings import LogLevel
from insightengine.wiring import logs


@pytest.fixture(autouse=True)
def _logging_is_put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_event_is_one_json_line_with_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("collector", LogLevel.INFO)
    structlog.get_logger("spool").info("segment closed", bytes=7, password=Secret("hunter2"))
    (line,) = _lines(capsys)
    assert line["event"] == "segment closed"
    assert line["level"] == "info"
    assert line["logger"] == "spool"
    assert line["service"] == "collector"
    assert line["bytes"] == 7
    assert line["password"] == "[redacted]"
    assert str(line["timestamp"]).endswith("Z")


def test_the_standard_library_goes_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("store", LogLevel.INFO)
    try:
        raise ValueError("torn")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("went %s", "wrong")
    (line,) = _lines(capsys)
    assert line["event"] == "went wrong"
    assert line["service"] == "store"
    assert "ValueError: torn" in str(line["exception"])


def test_warnings_are_log_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("store", LogLevel.INFO)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("old name", DeprecationWarning, stacklevel=1)
    (line,) = _lines(capsys)
    assert "old name" in str(line["event"])
    assert line["level"] == "warning"


def test_lower_levels_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("store", LogLevel.WARNING)
    structlog.get_logger("spool").info("quiet")
    assert _lines(capsys) == []


def test_a_line_within_a_span_carries_its_ids(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("api", LogLevel.INFO)
    tracer = TracerProvider().get_tracer("test")
    with tracer.start_as_current_span("work") as span:
        structlog.get_logger("api").info("within")
    (line,) = _lines(capsys)
    assert line["trace_id"] == trace.format_trace_id(span.get_span_context().trace_id)
    assert line["span_id"] == trace.format_span_id(span.get_span_context().span_id)
