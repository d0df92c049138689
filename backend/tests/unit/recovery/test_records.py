"""How telemetry is bundled and named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from insightengine.core.secrets import Secret
from insightengine.recovery import names
from insightengine.recovery.envelope import Envelope
from insightengine.recovery.keeping import (
    Pieces,
)
from insightengine.recovery.keys import Keyring, new_identity, new_seal, public_half
from insightengine.recovery.records import LARGE_BYTES, Part, Shelf, bundle_of, bundled


def part(name: str, size: int = 1, table: str = "logs", digest: str = "d") -> Part:
    return Part(table, name, Path(name), rows=1, bytes=size, digest=digest)


def envelope(seal: Secret) -> Envelope:
    """Of a new key."""
    key = new_identity()
    return Envelope(Keyring((public_half(key),), (key,), seal))


def test_a_large_part_is_a_bundle_and_the_small_ones_of_a_partition_are_one() -> None:
    large, small = part("20260101_1_9_2", LARGE_BYTES), part("20260101_10_10_0")
    other, same = part("20260102_11_11_0"), part("20260101_12_12_0")
    assert bundled([large, small, other, same]) == [(large,), (small, same), (other,)]


def test_a_bundle_is_called_by_its_content_its_keys_and_its_seal() -> None:
    seal = new_seal()
    mine = envelope(seal)
    parts = (part("20260101_1_1_0"), part("20260101_2_2_0"))
    assert bundle_of(parts, mine).id == bundle_of(parts, mine).id
    others = [
        bundle_of(parts[:1], mine).id,
        bundle_of((parts[0], replace(parts[1], digest="changed")), mine).id,
        bundle_of(parts, envelope(seal)).id,
        bundle_of(parts, envelope(new_seal())).id,
    ]
    assert len({bundle_of(parts, mine).id, *others}) == 5
    assert bundle_of(parts, mine).partition == "logs/20260101"


def test_a_listing_tells_which_bundles_are_whole() -> None:
    whole, torn, open_ = "a" * 40, "b" * 40, "c" * 40
    shelf = Shelf.of(
        [
            names.piece(whole, 0, is_last=False),
            names.piece(whole, 1, is_last=True),
            names.piece(torn, 1, is_last=True),
            names.piece(open_, 0, is_last=False),
            "telemetry/nothing of ours",
        ]
    )
    assert [shelf.is_whole(one) for one in (whole, torn, open_, "d" * 40)] == [True] + [False] * 3
    assert shelf.keys(whole) == [
        names.piece(whole, 0, is_last=False),
        names.piece(whole, 1, is_last=True),
    ]


@pytest.mark.parametrize("size", [0, 1, 10, 11, 20, 25])
def test_what_is_written_is_cut_into_pieces_of_which_one_is_the_last(size: int) -> None:
    stored: list[tuple[int, bytes, bool]] = []
    pieces = Pieces(lambda *one: stored.append(one), size=10)
    content = bytes(range(size))
    for at in range(0, size, 3):
        pieces.write(content[at : at + 3])
    pieces.finish()
    assert b"".join(piece for _, piece, _ in stored) == content
    assert [number for number, _, _ in stored] == list(range(len(stored)))
    assert [is_last for _, _, is_last in stored] == [False] * (len(stored) - 1) + [True]
    assert all(len(piece) == 10 for _, piece, is_last in stored if not is_last)
