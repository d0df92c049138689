"""`insight deploy` on a terminal: a live table that stays readable, whatever its size."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from insightengine.stores.journal.port import Operation
from insightengine.wiring.environment import as_environment
from tests.scenarios.platform import INSIGHT
from tests.scenarios.release.ground import QUICK, Ground, ground
from tests.terminal import Terminal, at_terminal

pytestmark = pytest.mark.timeout(120)
LIMIT_S = 60
LENIENT = QUICK.replace("2ms", "1s")  # how fast a busy machine answers is not what is looked at
DONE, RUNNING, FAILED = "●", "◐", "✖"


@pytest.fixture
def serving() -> Iterator[Ground]:
    """Version 1 serves, released as processes; whatever is asked for is carried out."""
    with ground(LENIENT) as one:
        (one.folder / ".env").write_text(f"TINY_PORT={one.port}\n")
        first = one.deploy(quick=True, version="1")
        assert first.state == "done", one.story(first)
        with releaser(one):
            yield one


@contextmanager
def releaser(one: Ground) -> Iterator[None]:
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            one.service.work()
            ended.wait(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def deploying(one: Ground, **size: int) -> Iterator[Terminal]:
    argv = [INSIGHT, "deploy", "--project", one.folder]
    with at_terminal(argv, {**os.environ, **as_environment(one.context)}, **size) as terminal:
        yield terminal


def behave(one: Ground, text: str) -> None:
    (one.folder / "behaviour.json").write_text(text)


def table(lines: list[str]) -> dict[str, str]:
    """The mark of each step of the table, in the order of its rows."""
    rows = [re.match(rf"([{DONE}{RUNNING}{FAILED}])\s+(\S+)", line) for line in lines]
    return {row[2]: row[1] for row in rows if row}


def last_operation(one: Ground) -> Operation:
    return one.means.journal.operations(None, None, 1)[0]


def steps_of(one: Ground, operation: Operation) -> list[str]:
    """In the order in which they were begun."""
    entries = one.means.journal.entries(operation.id)
    return list(dict.fromkeys(entry.step for entry in entries))


def test_each_step_is_one_row_that_runs_and_is_done(serving: Ground) -> None:
    behave(serving, '{"version": "2"}')
    with deploying(serving) as terminal:
        code = terminal.end(LIMIT_S)
    operation = last_operation(serving)
    assert code == 0, terminal.lines
    assert table(terminal.lines) == dict.fromkeys(steps_of(serving, operation), DONE)
    assert terminal.lines[-2:] == [operation.summary, ""], "the outcome stands below the table"
    heads = [line for line in terminal.lines if line.split() == ["step"]]
    assert len(heads) == 1, "the table is one that changes, not one after the other"
    ran = {
        step for lines in terminal.shown for step, mark in table(lines).items() if mark == RUNNING
    }
    assert "watch" in ran, "a step that takes long is seen while it runs"


def test_a_release_that_is_taken_back_shows_what_failed_and_how_it_went_back(
    serving: Ground,
) -> None:
    serving.rewrite("deadline: 10s", "deadline: 1s")
    behave(serving, '{"version": "2", "health": 503}')
    with deploying(serving) as terminal:
        code = terminal.end(LIMIT_S)
    assert code == 8, terminal.lines
    marks = table(terminal.lines)
    assert marks["health"] == FAILED
    assert [step for step in marks if step.endswith("failed")][-1] == "finish-failed"
    said = "".join("".join(terminal.lines).split())  # wrapped anywhere
    assert "".join(f"error: {last_operation(serving).summary}".split()) in said
    heads = [line for line in terminal.lines if line.split() == ["step"]]
    assert len(heads) == 1, "what is told in several lines does not push the table up"


def test_on_a_small_screen_the_newest_steps_are_shown_and_at_the_end_all_of_them(
    serving: Ground,
) -> None:
    rows = 8
    behave(serving, '{"version": "2"}')
    with deploying(serving, columns=40, rows=rows) as terminal:
        seen = terminal.await_shown(lambda lines: table(lines).get("watch") == RUNNING, LIMIT_S)
        assert len([line for line in seen if line]) <= rows, "nothing scrolled out of reach"
        code = terminal.end(LIMIT_S)
    assert code == 0, terminal.lines
    assert list(table(terminal.lines)) == steps_of(serving, last_operation(serving))


def test_ctrl_c_ends_the_watching_and_not_the_release(serving: Ground) -> None:
    behave(serving, '{"version": "2"}')
    with deploying(serving) as terminal:
        terminal.await_shown(lambda lines: table(lines).get("start") is not None, LIMIT_S)
        terminal.type(b"\x03")
        code = terminal.end(LIMIT_S)
    assert code == 130
    assert any("it goes on: insight release watch" in line for line in terminal.lines)
    assert "Traceback" not in "\n".join(terminal.lines)
    deadline = time.monotonic() + LIMIT_S
    while last_operation(serving).ended_at is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (last_operation(serving).state, serving.version()) == ("done", "2")
