import pytest

from insightengine.core.errors import InvalidInputError
from insightengine.protection.passwords import Passwords, refuse_weak


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "a" * 257,
        "aaaaaaaaaaaaaaaaaaaa",
        "password12345678",
        "Administrator123",
        "correct horse battery staple",
        "ada.lovelace12345",
    ],
)
def test_a_password_that_would_be_guessed_is_refused(password: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        refuse_weak(password, "ada.lovelace@example.org")
    assert password not in raised.value.message


@pytest.mark.parametrize(
    "password", ["purple ladder seven moon", "Kx9$mmw!4vqRt20zz", "ßäöü unähnlich 水曜日"]
)
def test_a_long_and_uncommon_password_is_accepted(password: str) -> None:
    refuse_weak(password, "ada@example.org")


async def test_only_the_right_password_matches() -> None:
    passwords = Passwords()
    hashed = await passwords.hash("purple ladder seven moon")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.matches("purple ladder seven moon", hashed)
    assert not await passwords.matches("purple ladder seven noon", hashed)


async def test_a_user_that_does_not_exist_never_matches() -> None:
    assert not await Passwords().matches("anything at all here", None)


async def test_a_broken_hash_never_matches() -> None:
    assert not await Passwords().matches("anything at all here", "not a hash")
