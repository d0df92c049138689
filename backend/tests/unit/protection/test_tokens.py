from hypothesis import given
from hypothesis import strategies as st

from insightengine.protection.tokens import digest, new_token, token_id_of


def test_a_new_token_tells_its_id_and_is_stored_as_a_digest() -> None:
    token = new_token()
    text = token.text.reveal()
    assert token_id_of(text) == token.token_id
    assert token.digest == digest(text)
    assert text not in repr(token)


def test_a_token_with_one_wrong_character_is_none_of_ours() -> None:
    text = new_token().text.reveal()
    for position in range(len(text)):
        other = "x" if text[position] != "x" else "y"
        assert token_id_of(text[:position] + other + text[position + 1 :]) is None


@given(st.text(max_size=100))
def test_no_other_text_is_taken_for_a_token(text: str) -> None:
    assert token_id_of(text) is None
