import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.api.pages import cut_page, decode_cursor, encode_cursor
from insightengine.core.errors import InvalidInputError


@given(st.text())
def test_a_cursor_leads_back_to_its_key(key: str) -> None:
    assert decode_cursor(encode_cursor(key)) == key


@pytest.mark.parametrize("cursor", ["%%%", "ÿÿ", "_w"])
def test_a_cursor_that_was_not_issued_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInputError):
        decode_cursor(cursor)


def test_the_last_page_has_no_next_cursor() -> None:
    assert cut_page(["a", "b"], 2, str) == (["a", "b"], None)


def test_a_full_page_names_where_the_next_one_starts() -> None:
    page, cursor = cut_page(["a", "b", "c"], 2, str)
    assert page == ["a", "b"]
    assert decode_cursor(cursor) == "b"
