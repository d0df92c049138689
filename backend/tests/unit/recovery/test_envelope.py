"""What is sealed opens under its key and with its key only."""

from __future__ import annotations

import sys

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.core.errors import AccessDeniedError, ConflictError
from insightengine.recovery.envelope import Envelope
from insightengine.recovery.keys import Keyring, new_identity, new_seal, public_half

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MACHINE, RECOVERY, SEAL = new_identity(), new_identity(), new_seal()
BOTH = (public_half(MACHINE), public_half(RECOVERY))
WRITER = Envelope(Keyring(BOTH, (MACHINE,), SEAL))
PLAIN = b"a page " * 5000


@given(st.binary(max_size=4096))
def test_what_was_sealed_is_opened(plain: bytes) -> None:
    assert WRITER.open("a/b", WRITER.seal("a/b", plain).content) == plain


def test_each_recipient_opens_it_alone() -> None:
    sealed = WRITER.seal("a/b", PLAIN)
    for identity in (MACHINE, RECOVERY):
        reader = Envelope(Keyring((), (identity,), SEAL))
        assert reader.open("a/b", sealed.content) == PLAIN


def test_nothing_of_the_content_is_visible() -> None:
    sealed = WRITER.seal("backups/of-the-shop", PLAIN).content
    assert b"a page" not in sealed
    assert b"of-the-shop" not in sealed  # long enough not to be there by chance


def test_stock_age_and_zstd_read_it() -> None:
    framed = pyrage.decrypt(
        WRITER.seal("a/b", PLAIN).content,
        [pyrage.x25519.Identity.from_str(RECOVERY.reveal())],
    )
    assert zstd.decompress(framed) == PLAIN


def test_several_objects_after_each_other_are_one_zstd_stream() -> None:
    identity = pyrage.x25519.Identity.from_str(RECOVERY.reveal())
    parts = [WRITER.seal(f"part/{n}", PLAIN[n : n + 9]).content for n in range(3)]
    joined = b"".join(pyrage.decrypt(part, [identity]) for part in parts)
    assert zstd.decompress(joined) == b"".join(PLAIN[n : n + 9] for n in range(3))


def test_another_key_is_told_that_it_is_another() -> None:
    stranger = new_identity()
    with pytest.raises(AccessDeniedError) as raised:
        Envelope(Keyring((), (stranger,), SEAL)).open("a/b", WRITER.seal("a/b", PLAIN).content)
    assert raised.value.code == "wrong_key"
    assert public_half(stranger) in raised.value.message


def test_a_machine_without_keys_can_write_and_not_read() -> None:
    blind = Envelope(Keyring(BOTH, (), SEAL))
    sealed = blind.seal("a/b", PLAIN)
    assert WRITER.open("a/b", sealed.content) == PLAIN
    with pytest.raises(AccessDeniedError):
        blind.open("a/b", sealed.content)


def refused(key: str, content: bytes) -> str:
    with pytest.raises(ConflictError) as raised:
        WRITER.open(key, content)
    assert raised.value.code == "object_damaged"
    return raised.value.message


@pytest.mark.parametrize("position", [0, 30, 150, 300, -20, -1])
def test_a_changed_byte_is_noticed(position: int) -> None:
    content = bytearray(WRITER.seal("a/b", PLAIN).content)
    content[position] ^= 0x10
    with pytest.raises((ConflictError, AccessDeniedError)):
        WRITER.open("a/b", bytes(content))


@pytest.mark.parametrize("kept", [0, 1, 100, 250, -1])
def test_a_cut_object_is_noticed(kept: int) -> None:
    refused("a/b", WRITER.seal("a/b", PLAIN).content[:kept])


def test_an_object_copied_to_another_key_is_noticed() -> None:
    assert "wal/1" in refused("wal/2", WRITER.seal("wal/1", PLAIN).content)


def test_an_object_forged_with_the_public_key_is_noticed() -> None:
    forger = Envelope(Keyring(BOTH, (), new_seal()))
    assert "seal" in refused("a/b", forger.seal("a/b", b"DROP TABLE orders").content)


def test_a_plain_age_file_is_no_object_of_ours() -> None:
    recipient = pyrage.x25519.Recipient.from_str(BOTH[0])
    assert "frame" in refused("a/b", pyrage.encrypt(b"hello", [recipient]))
    assert "frame" in refused("a/b", pyrage.encrypt(zstd.compress(PLAIN), [recipient]))
