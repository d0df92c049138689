"""What a bare machine lacks beside the databases: secrets, configuration, the application's files,
the journal of releases, the schema of the store, and by choice the cache."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from insightengine.recovery import names
from insightengine.recovery.capture import Spread
from insightengine.recovery.house import House
from insightengine.recovery.keys import RECOVERY_KEY_HEAD
from insightengine.recovery.models import CHUNK_BYTES, Chunk

SECRETS, CONFIGURATION, APPLICATION = "secrets", "configuration.json", "application"
_SKIPPED = frozenset({".git", ".insight", "node_modules", ".venv", "__pycache__", ".mypy_cache"})
_OTHER_STATE = ".insight-"  # the state of another environment of the project
_MOST_APPLICATION_BYTES = 256 * 1024**2


def store_state(house: House, backup_id: str, spread: Spread, work: Path) -> tuple[Chunk, ...]:
    """One archive, cut into objects. What `gather` adds is read at its own moment."""
    with tempfile.TemporaryDirectory(dir=work) as folder, tempfile.TemporaryFile(dir=work) as file:
        house.gather(Path(folder))
        with tarfile.open(fileobj=file, mode="w") as archive:
            archive.add(house.folders.secrets, SECRETS)
            configuration = house.folders.root / "configuration.json"
            if configuration.exists():
                archive.add(configuration, CONFIGURATION)
            for path in sorted(Path(folder).iterdir()):
                archive.add(path, path.name)
            _add_application(archive, house.configuration.application_folder)
        file.seek(0)
        return tuple(
            spread.put(number, names.state(backup_id, number), content)
            for number, content in enumerate(_pieces(file))
        )


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while content := file.read(CHUNK_BYTES):
        yield content


def _add_application(archive: tarfile.TarFile, folder: str | None) -> None:
    if folder is None or _size_of(Path(folder)) > _MOST_APPLICATION_BYTES:
        return
    for path in application_files(Path(folder)):
        archive.add(path, Path(APPLICATION) / path.relative_to(folder), recursive=False)


def application_files(folder: Path) -> Iterator[Path]:
    """What the services can read themselves. A file that they cannot read is none of theirs and
    must not end the backup; a recovery key has to stay outside of what it opens."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_skipped(name))
        for path in (Path(place) / name for name in sorted(files)):
            if path.is_file() and os.access(path, os.R_OK) and not _is_recovery_key(path):
                yield path


def _is_recovery_key(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(RECOVERY_KEY_HEAD)) == RECOVERY_KEY_HEAD


def _is_skipped(name: str) -> bool:
    return name in _SKIPPED or name.startswith(_OTHER_STATE)


def _size_of(folder: Path) -> int:
    size = 0
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _is_skipped(name)]
        size += sum((Path(place) / name).lstat().st_size for name in files)
    return size
