"""Telemetry goes into backups and comes back, from one real store process into another."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from insightengine.application.backup import BackupPolicy, Extra
from insightengine.core.errors import ConflictError, UnavailableError
from insightengine.core.settings import StateFolder, settings_from
from insightengine.recovery.house import House
from insightengine.recovery.journal import OperationKind
from insightengine.recovery.keeping import ask_for_records, fact_of, keep_records, records_of
from insightengine.recovery.models import Backup
from insightengine.recovery.returning import restore_records
from insightengine.wiring.environment import PlatformContext
from insightengine.wiring.records import LocalRecords
from tests.contracts.filled_store import Records, ago, filled
from tests.contracts.store_harness import PASSWORD, Telemetry, eventually, telemetry
from tests.unit.recovery.backups import backup
from tests.unit.recovery.houses import house, store

DAY_S = 86_400
DAYS = (0, 1, 4)
PER_DAY = 40


def records() -> Records:
    """Logs, spans, metrics and requests of the edge on three days."""
    made = Records()
    for day in DAYS:
        for number in range(PER_DAY):
            at = ago(day * DAY_S + number / 10)
            user = {"user.id": str(number % 4)}
            made.log(at, f"line {number}", attributes=user)
            made.span(at, 1000 * day + number + 1, number + 1, is_error=number % 5 == 0)
        made.request(ago(day * DAY_S))
        point = made.metric(f"queue.{day}").gauge.data_points.add(as_double=1.5)
        point.time_unix_nano = int(ago(day * DAY_S).timestamp() * 1e9)
    return made


@dataclass
class Place:
    """A store process, and a house of recovery whose repository is on disk."""

    running: Telemetry
    house: House

    def keep(self, age_days: float) -> tuple[Backup, dict[str, Any]]:
        made = store(self.house, backup(age_days), self.house.repositories[0])
        asked = ask_for_records(self.house, made.id)["telemetry_operation"]
        try:
            return made, keep_records(self.house, asked, {"backup": made.id})
        finally:
            self.house.journal.cancel(asked, self.house.now())

    def bring(self, to: str = "latest") -> dict[str, Any]:
        asked = self.house.journal.ask(OperationKind.RESTORE, {}, "test", self.house.now())
        try:
            return restore_records(self.house, asked.id, {"to": to})
        finally:
            self.house.journal.cancel(asked.id, self.house.now())

    def counts(self) -> dict[str, int]:
        """Rows of every table of the store, where there are some."""
        lines = self.running.ask(
            "SELECT table, sum(rows) FROM system.parts WHERE active AND database = 'insight' "
            "AND table != 'schema_migrations' GROUP BY table HAVING sum(rows) > 0"
        ).splitlines()
        return {table: int(rows) for table, rows in (line.split("\t") for line in lines)}

    def content(self, table: str) -> str:
        return self.running.ask(
            f"SELECT count(), groupBitXor(cityHash64(*)), min(Timestamp) FROM {table}"
        )

    def command(self, **command: Any) -> None:
        self.running.ask("SELECT 1")
        token = json.dumps(command).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.running.store_port}/upkeep", token
        )
        request.add_header("X-ClickHouse-User", "insight")
        request.add_header("X-ClickHouse-Key", PASSWORD)
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()


def place(folder: Path, running: Telemetry, of: House | None = None) -> Place:
    """With the repositories of another house, as another machine has them."""
    settings = settings_from({"INSIGHT_BASE_PORT": str(running.base_port)}, "test")
    context = PlatformContext(settings, StateFolder(running.root))
    made = of or house(folder, repositories=1)
    policy = BackupPolicy(include=(Extra.TELEMETRY,))
    configuration = replace(made.configuration, backup=policy)
    return Place(
        running,
        replace(made, configuration=configuration, find_records=lambda: LocalRecords(context)),
    )


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "house").mkdir()
    with filled(tmp_path / "state", records()) as running:
        yield place(tmp_path / "house", running)


@contextmanager
def brought_elsewhere(here: Place, folder: Path) -> Iterator[Place]:
    """Another machine, whose store has not started yet."""
    with telemetry(folder) as running:
        there = place(folder, running, of=here.house)
        there.bring()
        yield there


def test_every_table_comes_back_on_an_empty_machine(here: Place, tmp_path: Path) -> None:
    made, told = here.keep(1)
    counts = here.counts()
    assert told["telemetry_rows"] == sum(counts.values())
    assert counts["logs"] == len(DAYS) * (PER_DAY + 1)
    assert counts["spans"] == len(DAYS) * PER_DAY
    assert not (here.running.root / "store/shadow/backup").exists()

    with telemetry(tmp_path / "other") as running:
        there = place(tmp_path, running, of=here.house)
        result = there.bring()
        assert result["backup"] == made.id
        assert result["rows"] == sum(counts.values())
        assert result["taken_in"] == "at the next start of the store"
        running.start("store")
        assert there.counts() == counts
        for table in ("logs", "spans", "metrics"):
            assert there.content(table) == here.content(table)
        running.stop("store")
        running.start("store")
        assert there.counts() == counts


def test_what_has_not_changed_is_stored_once(here: Place) -> None:
    """Merges end first: until then a day's parts are others each time."""
    eventually(lambda: is_calm(here), 60, "nothing is merged any more")
    first, told = here.keep(2)
    second, again = here.keep(1)
    assert again["telemetry_rows"] == told["telemetry_rows"]
    index = here.house.repositories[0]
    size = len(index.get_sealed(f"state/{second.id}/telemetry.json.zst.age"))
    assert again["telemetry_stored_bytes"] == size
    assert records_of(index, first.id) is not None


def is_calm(here: Place) -> bool:
    def parts() -> str:
        return here.running.ask(
            "SELECT table, name FROM system.parts WHERE active AND database = 'insight' "
            "ORDER BY ALL"
        )

    before = parts()
    here.running.ask("SELECT sleep(2)")
    return parts() == before


def test_a_day_that_was_lost_comes_back_and_the_others_stay_as_they_are(here: Place) -> None:
    counts = here.counts()
    _, _ = here.keep(1)
    lose_oldest_day(here)
    assert here.counts()["logs"] < counts["logs"]
    result = here.bring()
    assert result["taken_in"] == result["rows"] > 0
    assert result["left_as_they_are"] > 0
    assert here.counts()["logs"] == counts["logs"]
    assert here.counts()["spans"] == counts["spans"]
    assert here.bring()["rows"] == 0


def lose_oldest_day(here: Place) -> None:
    """By a retention of two days, which is taken back afterwards."""
    decide(here, 2)
    old = "Timestamp < now() - INTERVAL 3 DAY"
    for table in ("logs", "spans", "metrics"):
        eventually(partial(is_empty, here, table, old), 30, f"the day is gone from {table}")
    decide(here, 30)


def is_empty(here: Place, table: str, where: str) -> bool:
    return here.running.count(table, where) == 0


def decide(here: Place, days: int) -> None:
    changes = [{"signal": one, "days": days} for one in ("logs", "traces", "metrics")]
    here.command(command="change_retention", changes=changes, by="test")


def test_what_was_deleted_of_a_person_does_not_come_back(here: Place) -> None:
    here.keep(1)
    here.command(
        **{
            "command": "request_deletion",
            "filter": {"logs": "user.id:3"},
            "from": ago(10 * DAY_S).isoformat(),
            "to": ago(-60).isoformat(),
            "by": "test",
        }
    )
    of_user = "LogAttributes['user.id'] = '3'"
    eventually(lambda: here.running.count("logs", of_user) == 0, 30, "the records are deleted")
    lose_oldest_day(here)
    assert here.bring()["rows"] > 0
    eventually(lambda: here.running.count("logs", of_user) == 0, 30, "they are deleted again")
    assert here.running.count("logs", "Timestamp < now() - INTERVAL 3 DAY") == PER_DAY * 3 // 4 + 1


def test_a_store_that_is_killed_while_it_takes_records_in_has_each_once(
    here: Place, tmp_path: Path
) -> None:
    here.keep(1)
    counts = here.counts()
    with brought_elsewhere(here, tmp_path / "other") as there:
        running = there.running
        for _ in range(4):
            running.start("store")
            running.kill("store")
        running.start("store")
        assert there.counts() == counts


def test_a_part_that_the_store_cannot_read_is_told_and_the_rest_comes_back(
    here: Place, tmp_path: Path
) -> None:
    here.keep(1)
    counts = here.counts()
    with brought_elsewhere(here, tmp_path / "other") as there:
        running = there.running
        part = min((running.root / "store/arriving/logs").glob("*/*"))
        (part / "columns.txt").write_bytes(b"nonsense")
        running.start("store")
        assert there.counts()["spans"] == counts["spans"]
        assert there.counts()["logs"] < counts["logs"]
        assert "refused" in running.log("store")


def test_a_store_that_does_not_answer_costs_the_telemetry_and_not_the_backup(here: Place) -> None:
    here.running.stop("store")
    with pytest.raises(UnavailableError, match="does not answer"):
        here.keep(1)
    (made,) = here.house.backups()
    told = here.house.catalogue.fact(fact_of(made.id))
    assert "does not answer" in told["telemetry_problem"]
    assert records_of(here.house.repositories[0], made.id) is None


def test_a_missing_object_is_named_before_anything_is_fetched(here: Place, tmp_path: Path) -> None:
    here.keep(1)
    repository = here.house.repositories[0]
    repository.delete([next(found.key for found in repository.objects("telemetry/"))])
    with telemetry(tmp_path / "other") as running:
        there = place(tmp_path, running, of=here.house)
        with pytest.raises(ConflictError, match="missing") as raised:
            there.bring()
        assert raised.value.code == "telemetry_incomplete"
        assert not (running.root / "store/arriving").exists()
