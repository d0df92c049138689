"""Chains of hand-made backups come back as doing it in memory in the plainest way would have it."""

from __future__ import annotations

import hashlib
import json
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insightengine.core.errors import ConflictError
from insightengine.recovery import names
from insightengine.recovery.blocks import BLOCK_BYTES, PREFIX
from insightengine.recovery.extract import extract_chain
from insightengine.recovery.models import Backup, Chunk
from insightengine.recovery.stretches import STRETCH_BYTES
from tests.unit.recovery.archives import tar_of
from tests.unit.recovery.backups import backup

Files = dict[str, bytes]
RELATIONS = tuple(f"base/{n % 3}/{n}" for n in range(9))
LABEL = b"START WAL LOCATION: 0/2000028\nINCREMENTAL FROM LSN: 0/1\nINCREMENTAL FROM TLI: 1\n"


def blocks(chance: random.Random, count: int) -> bytes:
    return b"".join(chance.randbytes(16) * (BLOCK_BYTES // 16) for _ in range(count))


def changes(chance: random.Random, older: bytes) -> tuple[bytes, bytes]:
    """An incremental file, and what the older one becomes with it."""
    had = len(older) // BLOCK_BYTES
    truncation = chance.choice([had, had, chance.randint(0, had + 2)])
    most = truncation + chance.choice([0, 0, 3])
    numbers = sorted(chance.sample(range(most), chance.randint(0, most))) if most else []
    newer = [blocks(chance, 1) for _ in numbers]
    head = struct.pack(f"<III{len(numbers)}I", 0xD3AE1F0D, len(numbers), truncation, *numbers)
    head += bytes(-len(head) % BLOCK_BYTES if numbers else 0)
    length = max([truncation, *(number + 1 for number in numbers)])
    content = bytearray(older[: truncation * BLOCK_BYTES].ljust(length * BLOCK_BYTES, b"\0"))
    for number, block in zip(numbers, newer, strict=True):
        content[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES] = block
    return head + b"".join(newer), bytes(content)


def manifest(members: Files) -> bytes:
    files = [
        {
            "Path": path,
            "Size": len(content),
            "Checksum-Algorithm": "CRC32C",
            "Checksum": google_crc32c.value(content).to_bytes(4, "little").hex(),
        }
        for path, content in members.items()
    ]
    wal = [{"Timeline": 1, "Start-LSN": "0/1", "End-LSN": "0/2"}]
    body = json.dumps({"System-Identifier": 1, "Files": files, "WAL-Ranges": wal})[:-1] + ",\n"
    checksum = hashlib.sha256(body.encode()).hexdigest()
    return f'{body}"Manifest-Checksum": "{checksum}"}}\n'.encode()


@dataclass
class Made:
    """Backups of a chain, what lies under each key, and the files of the newest."""

    chain: list[Backup] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    files: Files = field(default_factory=dict)

    def add(self, members: Files, chunk_bytes: int) -> None:
        """The members of a backup, in their order."""
        parent = self.chain[-1] if self.chain else None
        made = backup(10 - len(self.chain), parent)
        plain = tar_of({**members, "backup_manifest": b"{}"}, folder="pg_empty")
        parts = [plain[at : at + chunk_bytes] for at in range(0, len(plain), chunk_bytes)]
        for number, part in enumerate(parts):
            self.objects[names.data(made.id, number)] = part
        self.objects[names.manifest(made.id)] = manifest(members)
        chunks = tuple(Chunk(number, len(part), 0, "") for number, part in enumerate(parts))
        self.chain.append(replace(made, chunks=chunks))

    def extract(self, target: Path) -> None:
        extract_chain(self.chain, target, lambda key, chunk: self.objects[key], lambda _: None)


def a_chain(chance: random.Random, length: int, chunk_bytes: int, *, in_one_order: bool) -> Made:
    """In every backup a relation is there whole, as what changed, or not at all."""
    made = Made()
    for number in range(length):
        members: Files = {}
        order = list(RELATIONS) if in_one_order else chance.sample(RELATIONS, len(RELATIONS))
        files: Files = {}
        for path in order:
            fate = chance.choice(["whole", "gone", *["changed"] * 6])
            if fate == "gone":
                continue
            if fate == "changed" and number and path in made.files:
                folder, _, name = path.rpartition("/")
                members[f"{folder}/{PREFIX}{name}"], files[path] = changes(chance, made.files[path])
            else:
                members[path] = files[path] = blocks(chance, chance.randint(0, 12))
        members["backup_label"] = LABEL
        files["backup_label"] = LABEL[: LABEL.index(b"INCREMENTAL")]
        made.files = files
        made.add(members, chunk_bytes)
    return made


def found_in(folder: Path) -> Files:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@settings(max_examples=60, deadline=None)
@given(
    st.randoms(use_true_random=False), st.integers(1, 4), st.integers(3000, 90_000), st.booleans()
)
def test_a_chain_comes_back_whatever_the_order_of_its_files(
    tmp_path_factory: pytest.TempPathFactory,
    chance: random.Random,
    length: int,
    chunk_bytes: int,
    in_one_order: bool,
) -> None:
    made = a_chain(chance, length, chunk_bytes, in_one_order=in_one_order)
    target = tmp_path_factory.mktemp("chain") / "restored"
    made.extract(target)
    assert found_in(target) == made.files
    assert (target / "pg_empty").is_dir()
    assert list(target.parent.iterdir()) == [target], "the spill is gone"


def test_blocks_of_a_file_of_many_stretches_flow_into_it(tmp_path: Path) -> None:
    chance, made = random.Random(1), Made()
    older = blocks(chance, 3 * STRETCH_BYTES // BLOCK_BYTES + 5)
    made.add({"base/1/2": older, "backup_label": LABEL}, 100_000)
    partial, newer = changes(chance, older)
    made.add({f"base/1/{PREFIX}2": partial, "backup_label": LABEL}, 70_000)
    made.extract(tmp_path / "restored")
    assert found_in(tmp_path / "restored")["base/1/2"] == newer


def two(chance: random.Random) -> Made:
    """A full backup with a file, and an incremental one that changes it."""
    made = Made()
    older = blocks(chance, 40)
    made.add({"base/1/2": older, "backup_label": LABEL}, 50_000)
    made.add({f"base/1/{PREFIX}2": changes(chance, older)[0], "backup_label": LABEL}, 50_000)
    return made


def cut_short(made: Made, number: int) -> None:
    """The last chunk holds the end mark of the stream."""
    made.chain[number] = replace(made.chain[number], chunks=made.chain[number].chunks[:-1])


def changed(made: Made, number: int) -> None:
    key = names.data(made.chain[number].id, 1)
    made.objects[key] = bytes([made.objects[key][0] ^ 1]) + made.objects[key][1:]


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(
    ("damage", "message"), [(cut_short, "cut|ends at byte|is cut off"), (changed, "differ from")]
)
def test_damage_of_either_stream_is_found(
    tmp_path: Path, number: int, damage: Callable[[Made, int], None], message: str
) -> None:
    made = two(random.Random(7))
    damage(made, number)
    with pytest.raises(ConflictError, match=message):
        made.extract(tmp_path / "restored")


def test_a_file_that_no_full_backup_has_is_found(tmp_path: Path) -> None:
    made = Made()
    made.add({"backup_label": LABEL}, 50_000)
    partial = changes(random.Random(3), blocks(random.Random(3), 9))[0]
    made.add({f"base/1/{PREFIX}2": partial, "backup_label": LABEL}, 50_000)
    with pytest.raises(ConflictError, match="no backup before it has this file"):
        made.extract(tmp_path / "restored")
