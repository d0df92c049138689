"""Recovery keys: what the file holds, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from insightengine.core.errors import InvalidInputError
from insightengine.core.secrets import Secret
from insightengine.recovery.keys import (
    Keyring,
    checked_recipients,
    new_identity,
    new_seal,
    parse_recovery_key,
    public_half,
    recovery_key_text,
)

CREATED = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def test_a_recovery_key_file_gives_back_key_and_seal() -> None:
    identity, seal = new_identity(), new_seal()
    text = recovery_key_text(identity, seal, CREATED, "shop on host1").reveal()
    found = parse_recovery_key(text, "recovery.key")
    assert found.identities[0].reveal() == identity.reveal()
    assert found.recipients == (public_half(identity),)
    assert found.seal_bytes == Keyring((), (), seal).seal_bytes


def test_a_recovery_key_file_is_an_age_identity_file() -> None:
    text = recovery_key_text(new_identity(), new_seal(), CREATED, "shop").reveal()
    others = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(others) == 1
    assert others[0].startswith("AGE-SECRET-KEY-1")


def test_keys_do_not_show_themselves() -> None:
    keyring = Keyring(("age1x",), (new_identity(),), new_seal())
    assert "AGE-SECRET" not in repr(keyring)
    assert keyring.seal.reveal() not in repr(keyring)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", "AGE-SECRET-KEY-1"),
        ("age1qqqq", "AGE-SECRET-KEY-1"),
        (f"{new_identity().reveal()}\n", "# seal"),
    ],
)
def test_a_file_that_is_no_recovery_key_is_told_what_is_missing(text: str, missing: str) -> None:
    with pytest.raises(InvalidInputError, match=missing):
        parse_recovery_key(text, "some.file")


def test_a_damaged_key_is_refused_without_showing_it() -> None:
    whole = new_identity().reveal()
    broken = whole[:-1] + ("Q" if whole[-1] != "Q" else "P")
    with pytest.raises(InvalidInputError) as raised:
        public_half(Secret(broken))
    assert broken not in str(raised.value)


def test_a_recipient_that_is_no_public_key_is_named() -> None:
    with pytest.raises(InvalidInputError, match="age1nonsense"):
        checked_recipients(["age1nonsense"])


def test_recipients_are_counted_once() -> None:
    one = public_half(new_identity())
    assert checked_recipients([one, one]) == (one,)
