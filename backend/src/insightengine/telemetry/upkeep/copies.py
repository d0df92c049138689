"""What a backup takes of the stored records, and records that come back from one.

A freeze makes hard links of every part: at once, and without room. Parts never change, so that
whoever reads them needs no quiet store.

    arriving/TABLE/PARTITION/PART   what a restore has brought, each partition whole
    accepted/TABLE/PARTITION/PART   what the store had nothing of, and takes

A part is moved at each step and never copied, so that it is in one place only: killed anywhere, the
next `take_in` goes on, and no row is there twice.
"""

# ruff: noqa: S608  only names of this package and of parts are written into the SQL

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from insightengine.telemetry.schema import migrations, names
from insightengine.telemetry.store_query import StoreQueryError
from insightengine.telemetry.upkeep.retention import Executor

_log = structlog.get_logger("telemetry.copies")
_NAME: Final = "backup"
_ATTACHING: Final = "attaching_"  # what ClickHouse calls a part while it takes it
_REFUSED: Final = "refused_"
_PART: Final = re.compile(r"[0-9a-z]+(_[0-9]+){3,4}")
_OWN_TABLES: Final = f"database = '{names.DATABASE}' AND name != 'schema_migrations'"


@dataclass(frozen=True, slots=True)
class TakenIn:
    """`left` are partitions that the store had records of, `refused` parts that it cannot read."""

    rows: int
    parts: int
    left: tuple[str, ...]
    refused: tuple[str, ...]


class Copies:
    """Of the engine in this process; `path` is its data path."""

    def __init__(self, executor: Executor, path: Path) -> None:
        self._executor = executor
        self._path = path

    def freeze(self) -> Mapping[str, object]:
        """Links every part; the folder of each table that has some. A former freeze is gone."""
        self.thaw()
        frozen: dict[str, str] = {}
        for table, folder in self._tables().items():
            self._executor.execute(
                f"ALTER TABLE {names.DATABASE}.{table} FREEZE WITH NAME '{_NAME}'"
            )
            linked = self._shadow / folder.relative_to(self._path)
            if linked.is_dir():
                frozen[table] = str(linked)
        return {"version": migrations.LATEST, "tables": frozen}

    def thaw(self) -> Mapping[str, object]:
        shutil.rmtree(self._shadow, ignore_errors=True)
        return {}

    def stored(self) -> Mapping[str, object]:
        """The partitions that have records, as `TABLE/PARTITION`."""
        return {"version": migrations.LATEST, "partitions": sorted(self._partitions())}

    def take_in(self) -> TakenIn:
        """Takes what arrived of partitions that the store has nothing of. Repeatable."""
        if not any(folder.is_dir() for folder in self._brought):
            return TakenIn(0, 0, (), ())
        tables = self._tables()
        left = self._accept(tables)
        rows, parts, refused = 0, 0, list[str]()
        for table, folder in tables.items():
            for part in self._moved(table, folder / "detached"):
                count = _rows(part)
                problem = self._attach(table, part)
                if problem is None:
                    rows, parts = rows + count, parts + 1
                else:
                    refused.append(f"{table}/{part.name}: {problem}")
        for emptied in self._brought:
            shutil.rmtree(emptied, ignore_errors=True)
        if parts or refused or left:
            _log.info("records came back", rows=rows, parts=parts, left=left, refused=refused)
        return TakenIn(rows, parts, tuple(left), tuple(refused))

    @property
    def _brought(self) -> tuple[Path, Path]:
        return self._path / "arriving", self._path / "accepted"

    @property
    def _shadow(self) -> Path:
        return self._path / "shadow" / _NAME

    def _tables(self) -> dict[str, Path]:
        lines = self._executor.lines(
            f"SELECT name, data_paths[1] FROM system.tables WHERE {_OWN_TABLES} "
            "AND engine LIKE '%MergeTree' ORDER BY name FORMAT JSONCompactEachRow"
        )
        return {name: Path(path) for name, path in map(json.loads, lines)}

    def _partitions(self) -> set[str]:
        return set(
            self._executor.lines(
                "SELECT DISTINCT concat(table, '/', partition_id) FROM system.parts "
                f"WHERE active AND rows > 0 AND database = '{names.DATABASE}'"
            )
        )

    def _accept(self, tables: Mapping[str, Path]) -> list[str]:
        """Renames whole partitions, so that one that is half taken in is known as accepted."""
        present, left = self._partitions(), list[str]()
        for folder in sorted((self._path / "arriving").glob("*/*")):
            name = f"{folder.parent.name}/{folder.name}"
            if folder.parent.name not in tables or name in present:
                left.append(name)
                continue
            target = self._path / "accepted" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                folder.rename(target)
        return left

    def _moved(self, table: str, detached: Path) -> Iterator[Path]:
        """Parts of a table in the place that it attaches from; first those of an earlier try."""
        for part in sorted(detached.glob("*")):
            name = part.name.removeprefix(_ATTACHING)
            if _PART.fullmatch(name):
                yield part if part.name == name else part.rename(detached / name)
        for part in sorted((self._path / "accepted" / table).glob("*/*")):
            yield part.rename(detached / part.name)

    def _attach(self, table: str, part: Path) -> str | None:
        """Why the store cannot take a part, which then stays beside; None where it took it."""
        try:
            self._executor.execute(
                f"ALTER TABLE {names.DATABASE}.{table} ATTACH PART '{part.name}'"
            )
        except StoreQueryError as error:
            for found in (part, part.with_name(_ATTACHING + part.name)):
                if found.exists():
                    found.rename(part.with_name(_REFUSED + part.name))
            return str(error)[:300]
        return None


def _rows(part: Path) -> int:
    """0 where the part is not whole: the store refuses it then."""
    try:
        return int((part / "count.txt").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
