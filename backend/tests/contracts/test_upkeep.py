"""Retention and deletion on a real store with records in it: what shall go goes, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from insightengine.core.errors import InvalidInputError
from insightengine.core.time import TimeRange
from insightengine.telemetry.port import Signal
from insightengine.telemetry.store_engine import StoreEngine
from insightengine.telemetry.upkeep.arrivals import MOST_WAITED_S, Arrivals
from insightengine.telemetry.upkeep.deletion import Deletions, Progress, State
from insightengine.telemetry.upkeep.retention import Change, Retention
from tests.contracts.filled_store import LIMITS, NOW, Records, ago, describe

DAY_S = 86_400
WEEK = TimeRange(NOW - timedelta(days=7), NOW + timedelta(minutes=1))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[StoreEngine]:
    opened = StoreEngine(tmp_path / "store", LIMITS)
    yield opened
    opened.close()


def count(engine: StoreEngine, table: str, where: str = "1") -> int:
    return int(engine.lines(f"SELECT count() FROM insight.{table} WHERE {where}")[0])


def days_of(engine: StoreEngine, folder: Path, *ages: int) -> None:
    made = Records()
    for age in ages:
        for service in ("web", "audit", "noisy"):
            made.log(ago(age * DAY_S), f"{service} {age}", service=service)
        made.span(ago(age * DAY_S), 1 + age, 1)
        made.metric("load").gauge.data_points.add(
            time_unix_nano=int((NOW - timedelta(days=age)).timestamp()) * 10**9, as_double=1
        )
    made.insert(engine, folder)


def left(engine: StoreEngine) -> dict[str, list[int]]:
    """Service → the ages in days of its log entries."""
    lines = engine.lines(
        "SELECT ServiceName, toUInt32(splitByChar(' ', Body)[2]) AS age FROM insight.logs "
        "ORDER BY ServiceName, age"
    )
    found: dict[str, list[int]] = {}
    for service, age in (line.split("\t") for line in lines):
        found.setdefault(service, []).append(int(age))
    return found


def test_retention_by_signal_and_service_really_applies(
    engine: StoreEngine, tmp_path: Path
) -> None:
    days_of(engine, tmp_path, 0, 3, 9, 20)
    retention = Retention(engine, default_days=14)
    changes = [
        Change(Signal.LOGS, None, 7),
        Change(Signal.LOGS, "audit", 30),
        Change(Signal.LOGS, "noisy", 1),
    ]
    foreseen = retention.change(changes, "tester", dry_run=True)
    assert left(engine)["noisy"] == [0, 3, 9, 20]
    assert foreseen["signals"] == {"traces": 14, "metrics": 14, "logs": 7}
    retention.change(changes, "tester", dry_run=False)
    retention.sweep()
    assert left(engine) == {"audit": [0, 3, 9, 20], "web": [0, 3], "noisy": [0]}
    assert count(engine, "spans") == count(engine, "metrics") == 3
    assert count(engine, "traces") == 3
    assert count(engine, "log_minutes") == 7


def test_a_retention_that_was_raised_keeps_what_is_still_there(
    engine: StoreEngine, tmp_path: Path
) -> None:
    days_of(engine, tmp_path, 0, 9)
    retention = Retention(engine, default_days=5)
    retention.change([Change(Signal.LOGS, None, 60)], "tester", dry_run=False)
    retention.sweep()
    engine.execute("OPTIMIZE TABLE insight.logs FINAL")
    assert left(engine)["web"] == [0, 9]


def test_what_is_said_to_go_next_is_what_goes(engine: StoreEngine, tmp_path: Path) -> None:
    days_of(engine, tmp_path, 0, 9)
    retention = Retention(engine, default_days=5)
    report = retention.report()
    steps = report["next"]
    assert isinstance(steps, list)
    assert {step["table"] for step in steps} >= {"logs", "spans", "metrics", "traces"}
    assert retention.sweep() == len(steps)
    after = retention.report()
    assert (after["next"], after["next_rows"]) == ([], 0)


def test_the_oldest_days_go_when_all_is_too_large(engine: StoreEngine, tmp_path: Path) -> None:
    days_of(engine, tmp_path, 0, 3, 9)
    sizes = {str(each.day): each.size_bytes for each in Retention(engine, default_days=14).stored()}
    most = sum(e.size_bytes for e in Retention(engine, default_days=14).stored()) - 1
    assert sizes
    Retention(engine, default_days=14, most_bytes=most).sweep()
    assert left(engine)["web"] == [0, 3]


def _persons(engine: StoreEngine, folder: Path) -> None:
    made = Records()
    for number, user in enumerate(("42", "43", "42")):
        at = ago(7200 + number)
        route = f"/of/{'anna' if user == '42' else 'bela'}"
        made.log(
            at,
            f"hello user {user}",
            severity=17,
            attributes={"user.id": user, "page": route, "exception.type": "KeyError"},
        )
        made.span(at, 10 + number, 1, name="GET /")
        child = made.span(at, 10 + number, 2, parent=1, attributes={"user.id": user})
        event = child.events.add(name="exception", time_unix_nano=child.start_time_unix_nano)
        describe(event, {"exception.type": "PaymentError"})
    made.insert(engine, folder)


def test_records_of_a_person_are_deleted_with_what_was_derived_of_them(
    engine: StoreEngine, tmp_path: Path
) -> None:
    _persons(engine, tmp_path)
    deletions = Deletions(engine)
    filter_ = {"logs": "user.id:42", "traces": "user.id:42"}
    foreseen = deletions.count(filter_, WEEK)
    assert (foreseen["logs"], foreseen["spans"]) == (2, 4)
    requested = deletions.request(filter_, WEEK, "tester")
    assert deletions.run_next()
    (job,) = deletions.newest()
    assert (job.id, job.state, job.requested_by) == (requested.id, State.DONE, "tester")
    assert (job.deleted["logs"], job.deleted["spans"], job.deleted["traces"]) == (2, 4, 2)
    assert engine.lines("SELECT Body FROM insight.logs") == ["hello user 43"]
    assert count(engine, "spans") == 2
    assert count(engine, "traces") == count(engine, "trace_index") == 1
    assert count(engine, "exceptions") == 2
    facets = engine.lines(
        "SELECT Value, sum(Entries) FROM insight.log_facets WHERE Key = 'page' GROUP BY Value"
    )
    assert facets == ["/of/bela\t1"]
    patterns = "SELECT Pattern, sum(Entries) FROM insight.log_patterns GROUP BY Pattern"
    assert engine.lines(patterns) == ["hello user <*>\t1"]
    assert not deletions.run_next()


def test_a_deletion_begins_when_what_was_received_before_it_is_stored(
    engine: StoreEngine, tmp_path: Path
) -> None:
    spool = {"logs-a-0000000001"}
    deletions = Deletions(engine, arrivals=Arrivals(lambda: frozenset(spool)))
    job = deletions.request({"logs": "user.id:42"}, WEEK, "tester")
    assert not deletions.run_next()
    assert (deletions.is_waiting, deletions.awaited_by(job.id)) == (True, 1)
    assert deletions.newest()[0].state is State.QUEUED
    _persons(engine, tmp_path)
    spool.clear()
    assert deletions.run_next()
    (done,) = deletions.newest()
    assert (done.state, done.deleted["logs"], done.detail) == (State.DONE, 2, "")
    assert not deletions.run_next()
    assert not deletions.is_waiting


def test_a_deletion_says_what_it_could_not_wait_for(engine: StoreEngine, tmp_path: Path) -> None:
    _persons(engine, tmp_path)
    now_s = [0.0]
    stuck = Arrivals(lambda: frozenset({"logs-a-0000000001"}), now_s=lambda: now_s[0])
    deletions = Deletions(engine, arrivals=stuck)
    deletions.request({"logs": "user.id:42"}, WEEK, "tester")
    now_s[0] = MOST_WAITED_S
    assert deletions.run_next()
    (done,) = deletions.newest()
    assert (done.state, done.deleted["logs"]) == (State.DONE, 2)
    assert done.detail.startswith("1 segments of the spool were still not stored")


def test_a_deletion_tells_how_far_it_is(engine: StoreEngine, tmp_path: Path) -> None:
    _persons(engine, tmp_path)
    seen: list[Progress | None] = []

    class Watched:
        """Asks for the progress with every statement that deletes."""

        def execute(self, statement: str) -> None:
            engine.execute(statement)
            if " DELETE " in statement:
                seen.append(deletions.progress_of(job.id))

        def lines(self, sql: str) -> list[str]:
            return engine.lines(sql)

    deletions = Deletions(Watched())
    job = deletions.request({"traces": "user.id:42"}, WEEK, "tester")
    assert deletions.progress_of(job.id) is None
    assert deletions.run_next()
    assert seen == [
        Progress(1, 4, "exceptions", 0),
        Progress(2, 4, "traces", 2),
        Progress(3, 4, "trace_index", 4),
        Progress(4, 4, "spans", 6),
    ]
    assert deletions.progress_of(job.id) is None


def test_a_deletion_that_was_killed_is_run_again(engine: StoreEngine, tmp_path: Path) -> None:
    _persons(engine, tmp_path)
    deletions = Deletions(engine)
    job = deletions.request({"traces": "user.id:42"}, WEEK, "tester")
    deletions._now_is(job, State.RUNNING)
    engine.execute("ALTER TABLE insight.traces DELETE WHERE 1 SETTINGS mutations_sync = 2")
    assert deletions.run_next()
    assert deletions.newest()[0].state is State.DONE
    assert count(engine, "spans") == 2


@pytest.mark.parametrize("filter_", [{}, {"logs": " "}, {"metrics": "a"}, {"logs": "()"}])
def test_a_deletion_of_everything_is_refused(engine: StoreEngine, filter_: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError):
        Deletions(engine).request(filter_, WEEK, "tester")


def test_a_search_cannot_leave_its_condition(engine: StoreEngine, tmp_path: Path) -> None:
    _persons(engine, tmp_path)
    deletions = Deletions(engine)
    hostile = '"x\' OR 1=1 --" page:"a\') OR (1=1"'
    deletions.request({"logs": hostile}, WEEK, "tester' OR '1")
    assert deletions.run_next()
    (job,) = deletions.newest()
    assert (job.state, job.requested_by) == (State.DONE, "tester' OR '1")
    assert count(engine, "logs") == 3
