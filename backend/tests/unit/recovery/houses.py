"""A house of recovery with folders as repositories; no server runs behind it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from insightengine.core.secrets import Secret
from insightengine.recovery.catalogue import Catalogue, open_database
from insightengine.recovery.commands import Programs
from insightengine.recovery.envelope import Envelope, Sealed
from insightengine.recovery.house import Configuration, Folders, FrozenRecords, House, Loss, Outcome
from insightengine.recovery.journal import Journal
from insightengine.recovery.keys import Keyring, new_identity, new_seal, public_half
from insightengine.recovery.models import Backup, Check, CheckKind, Chunk
from insightengine.recovery.names import REPOSITORY, data, manifest
from insightengine.recovery.repository import Repository
from insightengine.stores.objects.folder import FolderObjects
from insightengine.stores.server import ServerAddress


def house(folder: Path, repositories: int = 2) -> House:
    identity = new_identity()
    keyring = Keyring((public_half(identity),), (identity,), new_seal())
    database = open_database(folder / "recovery")
    return House(
        configuration=Configuration("shop", str(folder)),
        folders=Folders(
            folder / "recovery", folder / "postgres", folder / "secrets", folder / "wal"
        ),
        programs=Programs(folder / "bin"),
        address=ServerAddress("127.0.0.1", 1, "nobody"),
        pass_file=folder / "pgpass",
        keyring=keyring,
        repositories=[_repository(folder, keyring, n) for n in range(repositories)],
        catalogue=Catalogue(database),
        journal=Journal(database),
        admin_password=Secret("secret"),
        replace_cluster=lambda new, kept: False,
        find_replica=lambda: None,
        lose_host=_lost,
        export_to=lambda path: _new(path, keyring),
        gather=lambda path: None,
        find_records=lambda: FolderRecords(folder / "store"),
    )


@dataclass(frozen=True)
class FolderRecords:
    """A store of folders: `TABLE/PART/…` below `parts` is what it has."""

    folder: Path
    version: int = 5

    @property
    def parts(self) -> Path:
        return self.folder / "parts"

    @contextmanager
    def frozen(self) -> Iterator[FrozenRecords]:
        yield FrozenRecords(self.version, {one.name: one for one in sorted(self.parts.iterdir())})

    def stored(self) -> frozenset[str]:
        return frozenset(
            f"{part.parent.name}/{part.name.split('_')[0]}" for part in self.parts.glob("*/*")
        )

    @property
    def fetching(self) -> Path:
        return self.folder / "fetching"

    @property
    def arriving(self) -> Path:
        return self.folder / "arriving"

    def take_in(self) -> Mapping[str, Any]:
        rows = 0
        for part in list(self.arriving.glob("*/*/*")):
            rows += int((part / "count.txt").read_text())
            target = self.parts / part.parent.parent.name / part.name
            target.parent.mkdir(parents=True, exist_ok=True)
            part.rename(target)
        shutil.rmtree(self.arriving, ignore_errors=True)
        return {"rows": rows, "refused": [], "left": []}


def _lost(loss: Loss) -> Outcome:
    return Outcome({})


def _repository(folder: Path, keyring: Keyring, number: int) -> Repository:
    path = folder / f"repository{number}"
    path.mkdir()
    return _new(path, keyring)


def _new(path: Path, keyring: Keyring) -> Repository:
    store = FolderObjects(path)
    store.put(REPOSITORY, b"{}")
    return Repository(store, "1", Envelope(keyring))


def store(house: House, backup: Backup, repository: Repository) -> Backup:
    """The backup whole in the repository, proven, with one object and its manifest."""
    first = repository.put(data(backup.id, 0), b"part")
    second = repository.put(manifest(backup.id), b"manifest")
    whole = replace(backup, chunks=(_chunk(first),), manifest=_chunk(second))
    repository.publish(whole)
    house.catalogue.add(whole, [repository.name])
    check = Check(whole.id, CheckKind.OBJECTS, house.now(), True, 0.1, 1, repository.name)
    house.catalogue.add_check(check)
    return whole


def _chunk(sealed: Sealed) -> Chunk:
    return Chunk(0, sealed.plain_bytes, len(sealed.content), sealed.sha256)
