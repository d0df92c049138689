"""An SQL script is split where PostgreSQL would split it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.release.migrations.statements import statements

CASES = {
    "nothing": ("  \n -- only a comment\n ; /* and another */", []),
    "two": ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
    "a semicolon in a string": ("SELECT 'a;b'; SELECT 2;", ["SELECT 'a;b'", "SELECT 2"]),
    "a doubled quote": ("SELECT 'it''s; so'; x", ["SELECT 'it''s; so'", "x"]),
    "an escaped quote": (r"SELECT E'\';'; x", [r"SELECT E'\';'", "x"]),
    "a backslash that escapes nothing": (r"SELECT '\'; x", [r"SELECT '\'", "x"]),
    "a quoted name": ('DROP TABLE "a;b"; x', ['DROP TABLE "a;b"', "x"]),
    "a function": ("DO $$ BEGIN; END; $$; x", ["DO $$ BEGIN; END; $$", "x"]),
    "a tagged function": ("DO $f$ $$;$$ $f$; x", ["DO $f$ $$;$$ $f$", "x"]),
    "a parameter is no dollar quote": ("SELECT $1; x", ["SELECT $1", "x"]),
    "a comment with a semicolon": ("SELECT 1 -- a; b\n; x", ["SELECT 1 -- a; b", "x"]),
    "nested comments": ("/* a /* ; */ ; */ SELECT 1; x", ["/* a /* ; */ ; */ SELECT 1", "x"]),
    "an open string": ("SELECT 'a; b", ["SELECT 'a; b"]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_script_is_split_at_the_ends_of_statements(name: str) -> None:
    text, expected = CASES[name]
    assert list(statements(text)) == expected


@given(st.text(alphabet="a;'\"$-/*\n \\eE"))
def test_no_text_makes_it_fail_or_run_for_ever(text: str) -> None:
    found = list(statements(text))
    assert sum(map(len, found)) <= len(text)
