from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.core.errors import InvalidInputError
from insightengine.telemetry.query.language import parse
from insightengine.telemetry.query.language.sql import condition
from insightengine.telemetry.query.language.tree import (
    All,
    Any,
    Field,
    Not,
    Operator,
    Present,
    Text,
)
from insightengine.telemetry.query.language.vocabulary import (
    LOG_WORDS,
    SPAN_WORDS,
    Vocabulary,
)
from insightengine.telemetry.query.language.words import words_of


@pytest.mark.parametrize(
    ("search", "tree"),
    [
        ("", None),
        ("timeout", Text("timeout")),
        ("a b", All((Text("a"), Text("b")))),
        ("a AND b", All((Text("a"), Text("b")))),
        ("a OR b c", Any((Text("a"), All((Text("b"), Text("c")))))),
        ("-a", Not(Text("a"))),
        ("NOT (a b)", Not(All((Text("a"), Text("b"))))),
        ('"a \\" b"', Text('a " b')),
        ("conn*", Text("conn*", has_star=True)),
        ("level:error", Field("level", Operator.IS, "error")),
        ("status:>=500", Field("status", Operator.AT_LEAST, "500")),
        ('name:"GET /x"', Field("name", Operator.IS, "GET /x")),
        ("path:/a*", Field("path", Operator.IS, "/a*", has_star=True)),
        ("user:*", Present("user")),
        (
            "user:(1 OR 2)",
            Any((Field("user", Operator.IS, "1"), Field("user", Operator.IS, "2"))),
        ),
        ("http://host/x", Text("http://host/x")),
        ("12:30:01", Text("12:30:01")),
        ("error: failed", All((Text("error:"), Text("failed")))),
        ("a-b", Text("a-b")),
        ("-", Text("-")),
    ],
)
def test_what_is_typed_is_understood(search: str, tree: object) -> None:
    assert parse(search) == tree


@pytest.mark.parametrize(
    ("search", "position"),
    [('say "hello', 4), ("(a", 0), ("a)", 1), ("a OR", 4), ("()", 0), ("NOT", 3), ("x" * 3000, 0)],
)
def test_what_cannot_be_read_is_refused_with_its_position(search: str, position: int) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse(search)
    assert refused.value.code == "invalid_search"
    assert refused.value.context["position"] == position


@given(st.text(max_size=60) | st.text(alphabet='ab:"()-*~<>= OR', max_size=40))
def test_anything_is_understood_or_refused_and_never_stands_in_the_sql(search: str) -> None:
    try:
        tree = parse(search)
        written = [condition(tree, words) for words in (LOG_WORDS, SPAN_WORDS)] if tree else []
    except InvalidInputError:
        return
    for sql, parameters in written:
        assert all(f"{{{name}:" in sql for name in parameters)
        assert '"' not in sql


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ("level:huge", LOG_WORDS),
        ("duration:>soon", SPAN_WORDS),
        ("status:>=many", LOG_WORDS),
        ("error:maybe", SPAN_WORDS),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(search: str, words: Vocabulary) -> None:
    tree = parse(search)
    assert tree is not None
    with pytest.raises(InvalidInputError, match="expected"):
        condition(tree, words)


def test_words_are_split_as_the_index_splits_them() -> None:
    assert words_of("Foo_Bar a-b é Größe 中文 x.y") == [
        *("foo", "bar", "a", "b", "é", "größe", "中文", "x", "y"),
    ]


def test_a_whole_word_needs_the_index_only() -> None:
    tree = parse("declined")
    assert tree is not None
    assert condition(tree, LOG_WORDS) == (
        "hasAllTokens(lower(Body), {q_0:Array(String)})",
        {"q_0": ["declined"]},
    )
