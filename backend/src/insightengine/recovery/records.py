"""Telemetry in backups: parts of the store's tables, bundled, each bundle stored once.

A part never changes. A large one is a bundle of its own, the small ones of a partition (mostly: of
a day) are one together. A bundle is named by what is in it: a day that is over and merged is not
stored again, and what a backup has of telemetry is a list of names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter

from insightengine.recovery import names
from insightengine.recovery.envelope import Envelope

LARGE_BYTES = 4 * 1024**2
_ROUNDED_BYTES = 256 * 1024  # of a part, at most: dozens of small files, each in whole blocks
_RESERVE_BYTES = 128 * 1024**2  # left to the store, which goes on writing


@dataclass(frozen=True, slots=True)
class Part:
    """`digest` is that of the part's own checksums and descriptions of its columns."""

    table: str
    name: str
    folder: Path
    rows: int
    bytes: int
    digest: str

    @property
    def partition(self) -> str:
        return f"{self.table}/{self.name.split('_', 1)[0]}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """`partition` is TABLE/PARTITION, `id` what it is called in the repository."""

    id: str
    partition: str
    rows: int
    bytes: int
    parts: int


@dataclass(frozen=True, slots=True)
class Records:
    """What a backup has of telemetry; `version` is that of the store's schema."""

    version: int
    at: datetime
    bundles: tuple[Bundle, ...]

    @property
    def rows(self) -> int:
        return sum(bundle.rows for bundle in self.bundles)

    @property
    def bytes(self) -> int:
        return sum(bundle.bytes for bundle in self.bundles)


RECORDS: TypeAdapter[Records] = TypeAdapter(Records)


def parts_in(table: str, folder: Path) -> list[Part]:
    """The parts in the folder of one table, in the order of their names."""
    return [_part(table, path) for path in sorted(folder.iterdir()) if path.is_dir()]


def _part(table: str, folder: Path) -> Part:
    digest = hashlib.sha256()
    for text in sorted(folder.glob("*.txt")):
        digest.update(f"{text.name}\0".encode() + text.read_bytes())
    return Part(
        table=table,
        name=folder.name,
        folder=folder,
        rows=int((folder / "count.txt").read_text(encoding="ascii")),
        bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        digest=digest.hexdigest(),
    )


def bundled(parts: Iterable[Part]) -> list[tuple[Part, ...]]:
    """Each large part by itself, the small ones of a partition together."""
    large: list[tuple[Part, ...]] = []
    small: dict[str, list[Part]] = {}
    for part in parts:
        if part.bytes >= LARGE_BYTES:
            large.append((part,))
        else:
            small.setdefault(part.partition, []).append(part)
    return [*large, *(tuple(together) for together in small.values())]


def bundle_of(parts: Sequence[Part], envelope: Envelope) -> Bundle:
    listed = "".join(f"{part.table}\0{part.name}\0{part.digest}\n" for part in parts)
    return Bundle(
        id=envelope.address(listed.encode()),
        partition=parts[0].partition,
        rows=sum(part.rows for part in parts),
        bytes=sum(part.bytes for part in parts),
        parts=len(parts),
    )


@dataclass(slots=True)
class Shelf:
    """The bundles of one repository, as a listing of it shows them."""

    pieces: dict[str, set[int]] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, keys: Iterable[str]) -> Shelf:
        """Of the keys below `telemetry/`; what is none of ours is passed over."""
        found = cls()
        for key in keys:
            piece = names.piece_of(key)
            if piece is None:
                continue
            bundle, number, is_last = piece
            found.pieces.setdefault(bundle, set()).add(number)
            if is_last:
                found.last[bundle] = number
        return found

    def is_whole(self, bundle: str) -> bool:
        last = self.last.get(bundle)
        return last is not None and self.pieces[bundle] >= set(range(last + 1))

    def keys(self, bundle: str) -> list[str]:
        """The pieces of a whole bundle, in order."""
        last = self.last[bundle]
        return [names.piece(bundle, n, is_last=n == last) for n in range(last + 1)]


def unneeded(keys: Iterable[str], kept: Iterable[Records]) -> list[str]:
    """The pieces that no kept backup names."""
    wanted = {bundle.id for records in kept for bundle in records.bundles}
    return [key for key in keys if (piece := names.piece_of(key)) and piece[0] not in wanted]


def room_for(bundles: Iterable[Bundle]) -> int:
    """Bytes that have to be free where the parts of these are put; 0 for none."""
    needed = sum(bundle.bytes + bundle.parts * _ROUNDED_BYTES for bundle in bundles)
    return needed + _RESERVE_BYTES if needed else 0


def by_partition(bundles: Iterable[Bundle]) -> Mapping[str, list[Bundle]]:
    found: dict[str, list[Bundle]] = {}
    for bundle in bundles:
        found.setdefault(bundle.partition, []).append(bundle)
    return found
