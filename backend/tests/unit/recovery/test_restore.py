"""What a restore and a verification do about a disk of this machine that has no room."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from insightengine.core.errors import LimitExceededError
from insightengine.recovery import restore
from insightengine.recovery.house import House
from insightengine.recovery.journal import OperationKind
from insightengine.recovery.models import Backup, Standing
from insightengine.recovery.plan import restore_plan
from insightengine.recovery.repository import Repository
from insightengine.recovery.verify import verify_by_restore
from tests.unit.recovery.backups import backup
from tests.unit.recovery.houses import house, store


@pytest.fixture
def of(tmp_path: Path) -> House:
    found = house(tmp_path)
    made = backup(1)
    for repository in found.repositories:
        store(found, made, repository)
    return found


def asked(of: House) -> str:
    return of.journal.ask(OperationKind.RESTORE, {}, "ada", of.now()).id


def extract(of: House, cluster: Path) -> None:
    target = restore.parse_target("latest", (), of.backups(), (), of.now())
    plan = restore_plan(target, of.backups(), of.standings(), None, None)
    restore.extract_into(of, asked(of), plan, cluster)


def failing_with(number: int, tried: list[str]) -> Callable[..., None]:
    def extract_chain(chain: tuple[Backup], target: Path, fetch: object, count: object) -> None:
        del chain, count
        bound: Repository = fetch.__self__  # type: ignore[attr-defined]
        tried.append(bound.name)
        target.mkdir()
        (target / "half").write_bytes(b"written")
        raise OSError(number, os.strerror(number))

    return extract_chain


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_while_files_are_written_is_told_and_nothing_is_left(
    of: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    tried: list[str] = []
    monkeypatch.setattr(restore, "extract_chain", failing_with(number, tried))
    with pytest.raises(LimitExceededError, match="the present cluster was not touched") as raised:
        extract(of, tmp_path / "cluster")
    assert raised.value.code == "disk_full"
    assert tried == [of.repositories[0].name], "no other repository would help"
    assert not (tmp_path / "cluster").exists()


def test_a_disk_that_is_broken_is_not_called_full(
    of: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "extract_chain", failing_with(errno.EIO, []))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        extract(of, tmp_path / "cluster")
    assert not (tmp_path / "cluster").exists()


def test_a_verification_without_room_says_nothing_of_the_backup(
    of: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1024**2))
    with pytest.raises(LimitExceededError, match="1 MB are free"):
        verify_by_restore(of, asked(of), {})
    assert set(of.standings().values()) == {Standing.VERIFIED}
    assert not list(of.folders.work.iterdir())
