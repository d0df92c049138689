"""What reading a stored backup brings to light, in the repository where it is wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from insightengine.core.lsn import Segment
from insightengine.recovery import names
from insightengine.recovery.house import House
from insightengine.recovery.models import Backup, Chunk, Standing
from insightengine.recovery.repository import Repository
from insightengine.recovery.service import verify_objects
from tests.unit.recovery.backups import backup
from tests.unit.recovery.houses import house


def manifest() -> bytes:
    """As PostgreSQL writes it: it ends with a checksum over what stands before."""
    body = json.dumps({"PostgreSQL-Backup-Manifest-Version": 2, "System-Identifier": 1})[:-1]
    body += ', "Files": [], "WAL-Ranges": [],\n'
    checksum = hashlib.sha256(body.encode()).hexdigest()
    return f'{body}"Manifest-Checksum": "{checksum}"}}\n'.encode()


def stored(of: House, repository: Repository) -> Backup:
    """Three objects and a manifest, published and in the catalogue."""
    made = backup(1)
    parts = [repository.put(names.data(made.id, n), b"part" * n) for n in range(3)]
    last = repository.put(names.manifest(made.id), manifest())
    chunks = tuple(
        Chunk(number, part.plain_bytes, len(part.content), part.sha256)
        for number, part in enumerate(parts)
    )
    kept = Chunk(0, last.plain_bytes, len(last.content), last.sha256)
    made = replace(made, chunks=chunks, manifest=kept)
    repository.put(names.wal(log_of(made)), b"log")
    repository.publish(made)
    of.catalogue.add(made, [repository.name])
    return made


def log_of(made: Backup) -> Segment:
    return Segment.holding(made.timeline, made.start)


def cut(repository: Repository, made: Backup) -> None:
    key = names.data(made.id, 1)
    repository.put_sealed(key, repository.get_sealed(key)[:-1])


def flipped(repository: Repository, made: Backup) -> None:
    key = names.data(made.id, 2)
    content = bytearray(repository.get_sealed(key))
    content[-1] ^= 1
    repository.put_sealed(key, bytes(content))


def exchanged(repository: Repository, made: Backup) -> None:
    one, other = names.data(made.id, 1), names.data(made.id, 2)
    first, second = repository.get_sealed(one), repository.get_sealed(other)
    repository.put_sealed(one, second)
    repository.put_sealed(other, first)


def missing(repository: Repository, made: Backup) -> None:
    repository.delete([names.data(made.id, 0)])


def added(repository: Repository, made: Backup) -> None:
    repository.put(names.data(made.id, 7), b"by somebody")


def without_manifest(repository: Repository, made: Backup) -> None:
    repository.delete([names.manifest(made.id)])


def without_its_log(repository: Repository, made: Backup) -> None:
    repository.delete([names.wal(log_of(made))])


def with_damaged_log(repository: Repository, made: Backup) -> None:
    key = names.wal(log_of(made))
    repository.put_sealed(key, repository.get_sealed(key)[:-1])


def with_a_hole_in_its_log(repository: Repository, made: Backup) -> None:
    segment = log_of(made)
    repository.delete([names.wal(segment)])
    repository.put(names.wal_slice(segment, 0), b"begin")
    repository.put(names.wal_slice(segment, 9), b"end")


HARMS = [cut, flipped, exchanged, missing, added, without_manifest]
HARMS += [without_its_log, with_damaged_log, with_a_hole_in_its_log]


def test_a_sound_backup_is_verified_and_the_check_lies_beside_it(tmp_path: Path) -> None:
    of = house(tmp_path, 1)
    made = stored(of, of.repositories[0])
    assert verify_objects(of, made, of.repositories[0]).findings == ()
    assert of.standings()[made.id] is Standing.VERIFIED
    assert len(of.repositories[0].read_all().checks) == 1


@pytest.mark.parametrize("harm", HARMS)
def test_what_was_done_to_its_objects_makes_it_damaged(
    tmp_path: Path, harm: Callable[[Repository, Backup], None]
) -> None:
    of = house(tmp_path, 1)
    harmed = of.repositories[0]
    made = stored(of, harmed)
    harm(harmed, made)
    check = verify_objects(of, made, harmed)
    assert check.findings
    assert check.repository == harmed.name
    assert of.standings()[made.id] is Standing.DAMAGED
