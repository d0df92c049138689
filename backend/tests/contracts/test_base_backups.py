"""Base backups of a real server: captured as a stream, brought back, replayed, and damaged."""

from __future__ import annotations

import filecmp
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from insightengine.core.errors import ConflictError, InsightError, NotFoundError, UnavailableError
from insightengine.core.lsn import Lsn
from insightengine.recovery import names
from insightengine.recovery.capture import Spread, Surroundings, capture
from insightengine.recovery.envelope import Envelope
from insightengine.recovery.extract import extract_chain
from insightengine.recovery.keys import Keyring, new_identity, new_seal, public_half
from insightengine.recovery.models import Backup, BackupKind
from insightengine.recovery.repository import Repository
from insightengine.recovery.scratch import Scratch, running
from insightengine.recovery.walfeed import WalFeed
from insightengine.recovery.walsource import SpooledWal
from tests.contracts.postgres_server import (
    ENVIRONMENT,
    PROGRAMS,
    Server,
    private_folder,
    server,
    unprivileged,
)
from tests.fakes.objects import MemoryObjects

TABLES = ("pgbench_accounts", "pgbench_branches", "pgbench_tellers", "pgbench_history")
IDENTITY = new_identity()
KEYRING = Keyring((public_half(IDENTITY),), (IDENTITY,), new_seal())


@dataclass
class Chain:
    """A full backup and two incremental ones, and the contents at the end of the WAL."""

    folder: Path
    store: MemoryObjects
    repository: Repository
    backups: list[Backup]
    sums: list[tuple[int, str]]
    wal: Path

    def extract(self, target: Path, count: int = 3) -> None:
        fetch = self.repository.get_chunk
        extract_chain(self.backups[:count], target, fetch, lambda _: None)


@pytest.fixture(scope="module")
def as_nobody() -> Iterator[None]:
    with unprivileged():
        yield


@pytest.fixture(scope="module")
def chain(as_nobody: None) -> Iterator[Chain]:
    del as_nobody
    with private_folder() as folder, server(folder) as running_server:
        yield _taken(folder, running_server)


@pytest.fixture
def target(chain: Chain) -> Iterator[Path]:
    del chain
    with private_folder() as folder:
        yield folder / "restored"


def _taken(folder: Path, source: Server) -> Chain:
    store = MemoryObjects()
    repository = Repository(store, source.state().system_identifier, Envelope(KEYRING))
    backups: list[Backup] = []
    source.run("SELECT pg_create_physical_replication_slot('keeps_wal', true)")
    source.fill("bench", scale=2)
    for kind in (BackupKind.FULL, BackupKind.INCREMENTAL, BackupKind.INCREMENTAL):
        backups.append(_one(folder, source, repository, kind, backups[-1] if backups else None))
        source.run(
            "CREATE TABLE IF NOT EXISTS shrinks AS SELECT generate_series(1, 50000)", "bench"
        )
        source.load("bench", 1)
        source.run("DELETE FROM shrinks WHERE generate_series > 100", "bench")
        source.run("VACUUM shrinks", "bench")
    sums = source.sums("bench", TABLES)
    source.run("SELECT pg_switch_wal()")
    wal = folder / "wal"
    wal.mkdir()
    subprocess.run(["cp", "-r", source.cluster / "pg_wal", wal / "received"], check=True)
    return Chain(folder, store, repository, backups, sums, wal)


def _one(
    folder: Path, source: Server, repository: Repository, kind: BackupKind, parent: Backup | None
) -> Backup:
    state = source.state()
    backup_id = names.new_backup_id(kind, state.now, frozenset({parent.id} if parent else ()))
    since = None
    if parent is not None:
        since = folder / "manifest"
        since.write_bytes(repository.get(names.manifest(parent.id)))
    taken = capture(
        backup_id,
        PROGRAMS.base_backup(source.address, "test", since=since),
        Surroundings(None).environment(),
        Spread([repository], repository.envelope),
        lambda _: None,
        None,
    )
    assert taken.failed == {}
    return Backup(
        id=backup_id,
        kind=kind,
        parent=parent.id if parent else None,
        cluster=state.system_identifier,
        server_version=state.version,
        timeline=taken.manifest.timeline,
        start=taken.manifest.start,
        stop=taken.manifest.stop,
        started_at=state.now,
        ended_at=state.now,
        plain_bytes=taken.plain_bytes,
        stored_bytes=taken.stored_bytes,
        databases=(),
        recipients=KEYRING.recipients,
        release=None,
        reason="test",
        chunks=taken.chunks,
        manifest=taken.manifest_chunk,
    )


def test_an_incremental_backup_is_smaller_than_a_full_one(chain: Chain) -> None:
    full, *others = chain.backups
    assert full.kind is BackupKind.FULL
    assert all(other.plain_bytes < full.plain_bytes for other in others)
    assert full.stored_bytes < full.plain_bytes / 2


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_chain_comes_back_exactly_as_postgresql_would_combine_it(
    chain: Chain, target: Path, count: int
) -> None:
    chain.extract(target, count)
    folders: list[Path] = []
    for backup in chain.backups[:count]:
        folder = target.with_name(backup.id)
        folder.mkdir()
        with subprocess.Popen(["tar", "x", "-C", str(folder)], stdin=subprocess.PIPE) as tar:
            assert tar.stdin is not None
            for chunk in backup.chunks:
                key = names.data(backup.id, chunk.number)
                tar.stdin.write(chain.repository.get_chunk(key, chunk))
        folders.append(folder)
    combined = target.with_name("combined") if count > 1 else folders[0]
    if count > 1:
        command = PROGRAMS.combine(tuple(folders), combined)
        subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)
    assert differences(combined, target) == ["only in combined: backup_manifest"]


def differences(combined: Path, restored: Path, below: str = "") -> list[str]:
    compared = filecmp.dircmp(combined / below, restored / below, ignore=[])
    found = [f"only in combined: {below}{name}" for name in compared.left_only]
    found += [f"only in restored: {below}{name}" for name in compared.right_only]
    _, differing, odd = filecmp.cmpfiles(
        combined / below, restored / below, compared.common_files, shallow=False
    )
    found += [f"differs: {below}{name}" for name in [*differing, *odd]]
    for name in compared.common_dirs:
        found += differences(combined, restored, f"{below}{name}/")
    return found


def recover(chain: Chain, target: Path, settings: dict[str, str] | None = None) -> list[object]:
    """Replays the WAL over a restored chain; the sums of the tables, or what the caller asks."""
    (target / "recovery.signal").touch()
    with WalFeed(target.with_name("feed"), SpooledWal(chain.wal), lambda _: None) as feed:
        options = {"restore_command": feed.restore_command, **(settings or {})}
        scratch = Scratch(PROGRAMS, target, target.with_name("log"), ENVIRONMENT, options)
        with running(scratch) as recovered:
            recovered.wait_until_promoted(60)
            with recovered.connect("bench") as bench:
                found: list[object] = [bench.count_and_sum(table) for table in TABLES]
            command = PROGRAMS.check_databases(recovered.address, jobs=2)
            subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)
            recovered.stop()
    return found


@pytest.mark.parametrize("count", [1, 3])
def test_a_restored_chain_replays_to_the_last_commit(
    chain: Chain, target: Path, count: int
) -> None:
    chain.extract(target, count)
    assert recover(chain, target) == chain.sums


def test_a_target_that_the_wal_does_not_reach_is_told(chain: Chain, target: Path) -> None:
    chain.extract(target)
    beyond = Lsn(chain.backups[-1].stop.value + 2**40)
    with pytest.raises(ConflictError, match="recovery ended before configured recovery target"):
        recover(chain, target, {"recovery_target_lsn": str(beyond)})


def test_wal_that_is_damaged_stops_the_recovery(chain: Chain, target: Path) -> None:
    class Damaged:
        def history(self, timeline: int) -> bytes | None:
            del timeline
            return None

        def segment(self, segment: object) -> None:
            raise ConflictError(f"{segment} is damaged", code="object_damaged")

    chain.extract(target)
    (target / "recovery.signal").touch()
    with WalFeed(target.with_name("feed"), Damaged(), lambda _: None) as feed:
        options = {"restore_command": feed.restore_command}
        scratch = Scratch(PROGRAMS, target, target.with_name("log"), ENVIRONMENT, options)
        with running(scratch) as recovered, pytest.raises(ConflictError):
            recovered.wait_until_promoted(30)
        assert feed.failure is not None
        assert feed.failure.code == "object_damaged"


def damage(chain: Chain, change: Callable[[dict[str, bytes], str], None]) -> dict[str, bytes]:
    """A store in which one chunk of the full backup was tampered with."""
    changed = dict(chain.store.content)
    change(changed, chain.repository.full_key(names.data(chain.backups[0].id, 1)))
    return changed


def flipped(content: dict[str, bytes], key: str) -> None:
    content[key] = content[key][:-5] + bytes([content[key][-5] ^ 1]) + content[key][-4:]


def swapped(content: dict[str, bytes], key: str) -> None:
    content[key] = content[key.replace("000001", "000000")]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (flipped, ConflictError),
        (swapped, ConflictError),
        (lambda content, key: content.pop(key), NotFoundError),
    ],
)
def test_a_tampered_object_never_becomes_a_restored_cluster(
    chain: Chain,
    target: Path,
    change: Callable[[dict[str, bytes], str], None],
    error: type[InsightError],
) -> None:
    store = MemoryObjects()
    store.content = damage(chain, change)
    tampered = replace(chain, repository=replace(chain.repository, store=store))
    with pytest.raises(error, match="000001"):
        tampered.extract(target)


def test_an_object_that_was_added_changes_nothing(chain: Chain, target: Path) -> None:
    last = len(chain.backups[0].chunks)
    chain.repository.put(names.data(chain.backups[0].id, last), b"added")
    chain.extract(target, 1)
    chain.store.delete([chain.repository.full_key(names.data(chain.backups[0].id, last))])


def test_a_repository_that_fails_midway_is_left_out(chain: Chain) -> None:
    failing, good = MemoryObjects("failing"), MemoryObjects("good")
    failing.failing = UnavailableError("the network is cut")
    envelope = Envelope(KEYRING)
    spread = Spread([Repository(store, "1", envelope) for store in (failing, good)], envelope)
    with private_folder() as folder, server(folder) as source:
        argv = PROGRAMS.base_backup(source.address, "test")
        environment = Surroundings(None).environment()
        taken = capture("20260102T030405Z-full", argv, environment, spread, lambda _: None, None)
    assert taken.failed == {"failing": "the network is cut"}
    assert len(good.content) == len(taken.chunks) + 1


def test_without_a_repository_the_backup_ends_at_once(chain: Chain) -> None:
    del chain
    failing = MemoryObjects()
    failing.failing = UnavailableError("the network is cut")
    envelope = Envelope(KEYRING)
    spread = Spread([Repository(failing, "1", envelope)], envelope)
    with private_folder() as folder, server(folder) as source:
        argv = PROGRAMS.base_backup(source.address, "test")
        with pytest.raises(UnavailableError, match="the network is cut"):
            capture("x", argv, Surroundings(None).environment(), spread, lambda _: None, None)


def test_a_server_that_is_killed_during_the_backup_makes_none(chain: Chain) -> None:
    del chain
    store = MemoryObjects()
    envelope = Envelope(KEYRING)
    with private_folder() as folder, server(folder) as source:
        source.fill("bench", scale=3)
        argv = PROGRAMS.base_backup(source.address, "test", rate_bytes_per_s=20 * 1024 * 1024)

        class Killing(Spread):
            def put(self, number: int, key: str, plain: bytes):  # type: ignore[no-untyped-def]
                source.stop(signal.SIGKILL)
                return super().put(number, key, plain)

        spread = Killing([Repository(store, "1", envelope)], envelope)
        with pytest.raises(InsightError):
            capture("x", argv, Surroundings(None).environment(), spread, lambda _: None, None)
    assert not any("manifest" in key for key in store.content)
