"""Lines that belong together become one entry; positions are those of the file."""

from __future__ import annotations

import pytest

from insightengine.telemetry.sources.join import Entry, EntryJoiner, LineSplitter
from insightengine.telemetry.sources.parse import LONGEST_LINE

PYTHON = """Traceback (most recent call last):
  File "/app/pay.py", line 3, in charge
    raise DeclinedError(order)
ValueError: no

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/pay.py", line 5, in checkout
shop.DeclinedError: order 7 was declined"""
JAVA = """java.lang.IllegalStateException: closed
\tat com.acme.Orders.find(Orders.java:17)
Caused by: java.io.IOException: gone
\t... 1 more"""
POSTGRES = """2026-01-02 03:04:05 UTC [7] ERROR:  no such column
2026-01-02 03:04:05 UTC [7] STATEMENT:  SELECT x"""


def entries(text: str) -> list[str]:
    return [entry.text for entry in joined(text.encode(), 0)]


def joined(read: bytes, offset: int) -> list[Entry]:
    joiner = EntryJoiner()
    found = [one for line in LineSplitter(offset).feed(read) for one in joiner.add(line)]
    return [*found, *joiner.flush()]


@pytest.mark.parametrize("several", [PYTHON, JAVA, POSTGRES])
def test_what_one_event_wrote_in_many_lines_is_one_entry(several: str) -> None:
    assert entries(f"before\n{several}\nafter\n")[-2:] in (
        [several, "after"],
        [f"before\n{several}", "after"],
    )


def test_another_connections_statement_belongs_to_another_error() -> None:
    assert len(entries(POSTGRES.replace("[7] STATEMENT", "[8] STATEMENT") + "\n")) == 2


def test_a_json_line_stands_for_itself() -> None:
    assert entries('{"a": 1}\n  {"b": 2}\n{"c": 3}\n')[0] == '{"a": 1}'
    assert len(entries('{"a": 1}\n{"b": 2}\n{"c": 3}\n')) == 3


def test_an_entry_ends_where_its_last_line_does() -> None:
    read = b"first\n  more\nsecond\n"
    assert [entry.end for entry in joined(read, 100)] == [100 + 13, 100 + len(read)]


def test_a_line_that_never_ends_is_cut_and_does_not_fill_the_memory() -> None:
    splitter = LineSplitter(0)
    for _ in range(10):
        assert splitter.feed(b"x" * LONGEST_LINE) == []
    (line,) = splitter.feed(b"\n")
    assert (line.is_cut, len(line.raw), line.end) == (True, LONGEST_LINE, 10 * LONGEST_LINE + 1)


def test_the_unfinished_line_of_a_file_that_is_over_is_a_line() -> None:
    splitter = LineSplitter(5)
    assert splitter.feed(b"half") == []
    (line,) = splitter.rest()
    assert (line.raw, line.start, line.end) == (b"half", 5, 9)
    assert splitter.rest() == []
