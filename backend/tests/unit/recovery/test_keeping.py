"""How telemetry is stored beside a backup, listed and pruned."""

from __future__ import annotations

from pathlib import Path

import pytest

from insightengine.core.errors import (
    ConflictError,
    UnavailableError,
)
from insightengine.recovery import names
from insightengine.recovery.catchup import catch_up
from insightengine.recovery.export import export
from insightengine.recovery.journal import OperationKind
from insightengine.recovery.keeping import (
    ask_for_records,
    fact_of,
    keep_records,
    missing_records,
    records_of,
)
from insightengine.recovery.repository import Repository
from tests.unit.recovery.backups import backup
from tests.unit.recovery.houses import FolderRecords, house, store
from tests.unit.recovery.kept_records import (
    age,
    bundles,
    keep,
    kept,
    log_of,
    pruned,
    with_telemetry,
    write,
)


def test_only_the_day_that_changed_is_stored_again(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path)
    kept(of, 2)
    before = bundles(of)
    write(of, "20260102_4_4_0")
    kept(of, 1)
    assert before < bundles(of)
    assert len(bundles(of) - before) == 1


def test_pruning_leaves_what_a_kept_backup_names(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    old = kept(of, 9)
    write(of, "20260102_4_4_0")
    new = kept(of, 1)
    age(of, 2)
    assert len(bundles(of)) == 3
    assert pruned(of)["removed"] == [old.id]
    assert len(bundles(of)) == 2
    assert missing_records(new.id, of.repositories[0]) == []


def test_what_was_stored_before_a_failure_is_still_there_for_the_next_backup(
    tmp_path: Path,
) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    made = kept(of, 1)
    stored = bundles(of)
    of.repositories[0].delete([names.records(made.id)])
    pruned(of)
    assert bundles(of) == stored
    age(of, 2)
    pruned(of)
    assert bundles(of) == set()


def test_pruning_leaves_telemetry_alone_while_it_is_stored(tmp_path: Path) -> None:
    """What is found there counts for it, although no backup that is kept names it any more."""
    of = with_telemetry(tmp_path, repositories=1)
    old = kept(of, 9)
    age(of, 2)
    new = store(of, backup(1), of.repositories[0])
    asked = ask_for_records(of, new.id)["telemetry_operation"]
    told = pruned(of)
    assert (told["removed"], told["telemetry_left"]) == ([old.id], "it is being stored")
    assert keep_records(of, asked, {"backup": new.id})["telemetry_rows"] == 21
    assert missing_records(new.id, of.repositories[0]) == []


def test_a_backup_asks_once_and_is_told_while_that_of_another_is_stored(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    first, second = (store(of, backup(age), of.repositories[0]) for age in (2, 1))
    asked = ask_for_records(of, first.id)
    assert ask_for_records(of, first.id) == asked == of.catalogue.fact(fact_of(first.id))
    told = ask_for_records(of, second.id)
    assert told == of.catalogue.fact(fact_of(second.id))
    assert told["telemetry_problem"].startswith(f"that of {first.id} is still being stored")
    assert [one.id for one in of.journal.under_way()] == [asked["telemetry_operation"]]


def test_nothing_is_asked_for_where_telemetry_is_not_included(tmp_path: Path) -> None:
    of = house(tmp_path)
    made = store(of, backup(1), of.repositories[0])
    assert ask_for_records(of, made.id) == {}
    assert of.journal.under_way() == []


def test_what_keeps_telemetry_from_being_stored_is_told_of_the_backup(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    made = store(of, backup(1), of.repositories[0])
    assert isinstance(of.records, FolderRecords)
    (of.records.parts / "logs/20260101_1_1_0/count.txt").unlink()
    with pytest.raises(UnavailableError, match="cannot be read"):
        keep(of, made)
    assert "cannot be read" in of.catalogue.fact(fact_of(made.id))["telemetry_problem"]


def test_a_repository_that_loses_what_it_took_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    made = store(of, backup(1), of.repositories[0])
    put, lost = Repository.put_sealed, list[str]()

    def forgetful(self: Repository, key: str, content: bytes, **options: bool) -> None:
        if key.startswith(names.BUNDLES) and not lost:
            lost.append(key)
            return
        put(self, key, content, **options)

    monkeypatch.setattr(Repository, "put_sealed", forgetful)
    with pytest.raises(ConflictError, match="does not hold what it took: logs/2026010"):
        keep(of, made)
    assert "does not hold" in of.catalogue.fact(fact_of(made.id))["telemetry_problem"]


def test_telemetry_of_a_backup_that_was_pruned_meanwhile_is_not_listed(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    made = store(of, backup(1), of.repositories[0])
    of.catalogue.forget(made.id, of.repositories[0].name)
    with pytest.raises(ConflictError, match="was pruned"):
        keep(of, made)
    assert records_of(of.repositories[0], made.id) is None


def test_nothing_is_pruned_where_a_list_cannot_be_read(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    kept(of, 9)
    write(of, "20260102_4_4_0")
    new = kept(of, 1)
    repository = of.repositories[0]
    repository.put_sealed(names.records(new.id), b"damaged")
    age(of, 2)
    pruned(of)
    assert len(bundles(of)) == 3


def test_a_repository_that_was_away_gets_telemetry_too(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path)
    made = kept(of, 1)
    first, second = of.repositories
    first.put(names.wal(log_of(made)), b"log")
    asked = of.journal.ask(OperationKind.SYNC, {}, "test", of.now())
    catch_up(of, asked.id, {})
    assert records_of(second, made.id) == records_of(first, made.id)
    assert missing_records(made.id, second) == []


def test_an_exported_backup_has_its_telemetry(tmp_path: Path) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    made = kept(of, 1)
    of.repositories[0].put(names.wal(log_of(made)), b"log")
    asked = of.journal.ask(OperationKind.EXPORT, {}, "test", of.now())
    folder = Path(export(of, asked.id, {"backup": made.id})["file"])
    assert missing_records(made.id, of.export_to(folder)) == []
    assert len(list(folder.rglob("*-end.tar.zst.age"))) == 2


def test_an_object_that_is_lost_is_named_and_stored_again_with_the_next_backup(
    tmp_path: Path,
) -> None:
    of = with_telemetry(tmp_path, repositories=1)
    first = kept(of, 2)
    of.repositories[0].delete([min(bundles(of))])
    assert len(missing_records(first.id, of.repositories[0])) == 1
    kept(of, 1)
    assert missing_records(first.id, of.repositories[0]) == []
