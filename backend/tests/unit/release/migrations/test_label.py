"""What a migration endangers, told by squawk itself, and what a rollback has to do about it."""

from __future__ import annotations

import pytest

from insightengine.release.migrations.label import Danger, Script, joined, label_of
from insightengine.release.migrations.squawk import lint
from insightengine.release.models import Label

BREAKS, BLOCKS, FAILS = Danger.BREAKS, Danger.BLOCKS, Danger.FAILS
TABLE = [
    ("CREATE TABLE notes (id bigint PRIMARY KEY, body text)", None, ""),
    ("ALTER TABLE users ADD COLUMN nick text", None, ""),
    ("ALTER TABLE users ADD COLUMN born date DEFAULT now()", None, ""),
    ("CREATE INDEX CONCURRENTLY by_nick ON users (nick)", None, ""),
    ("ALTER TABLE users ADD CONSTRAINT c CHECK (age > 0) NOT VALID", None, ""),
    ("INSERT INTO products (name) VALUES ('cup; of tea')", None, ""),
    ("ALTER TABLE users ADD COLUMN nick text NOT NULL", BREAKS, "adding-required-field"),
    ("ALTER TABLE users ALTER COLUMN nick SET NOT NULL", BREAKS, "adding-not-nullable-field"),
    ("ALTER TABLE users ALTER COLUMN nick DROP NOT NULL", BREAKS, "ban-drop-not-null"),
    ("ALTER TABLE users ALTER COLUMN age TYPE bigint", BREAKS, "changing-column-type"),
    ("ALTER TABLE users RENAME COLUMN nick TO name", BREAKS, "renaming-column"),
    ("ALTER TABLE users RENAME TO people", BREAKS, "renaming-table"),
    ("ALTER TYPE mood RENAME VALUE 'a' TO 'b'", BREAKS, "renaming-object"),
    ("ALTER TABLE users DROP COLUMN nick", BREAKS, "ban-drop-column"),
    ("DROP TABLE users", BREAKS, "ban-drop-table"),
    ("DROP VIEW active_users", BREAKS, "ban-drop-view"),
    ("ALTER TABLE users SET SCHEMA old", BREAKS, "ban-set-schema"),
    ("CREATE INDEX by_nick ON users (nick)", BLOCKS, "require-concurrent-index-creation"),
    ("DROP INDEX by_nick", BLOCKS, "require-concurrent-index-deletion"),
    (
        "ALTER TABLE o ADD CONSTRAINT f FOREIGN KEY (u) REFERENCES users (id)",
        BLOCKS,
        "adding-foreign-key-constraint",
    ),
    ("ALTER TABLE users ADD CONSTRAINT u UNIQUE (nick)", BLOCKS, "disallowed-unique-constraint"),
    (
        "ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid()",
        BLOCKS,
        "adding-field-with-default",
    ),
    (
        "ALTER TABLE users ADD COLUMN n serial PRIMARY KEY",
        BLOCKS,
        "adding-serial-primary-key-field",
    ),
    ("ALTER TABEL users", FAILS, "syntax-error"),
]


@pytest.mark.parametrize(("statement", "danger", "rule"), TABLE, ids=[row[0] for row in TABLE])
def test_a_statement_endangers_what_it_endangers(
    statement: str, danger: Danger | None, rule: str
) -> None:
    found = lint([Script("0001", f"{statement};", None)])
    if danger is None:
        assert found == ()
    else:
        assert (rule, danger) in {(finding.rule, finding.danger) for finding in found}


def test_what_the_release_itself_creates_may_be_blocked() -> None:
    scripts = [
        Script("0001", "CREATE TABLE notes (id bigint PRIMARY KEY, body text);", None),
        Script("0002", "CREATE INDEX by_body ON notes (body);", None),
    ]
    assert lint(scripts) == ()
    assert len(lint(scripts[1:])) == 1


def test_a_finding_names_the_script_and_line_it_stands_in() -> None:
    scripts = [
        Script("0001", "BEGIN;\n\nSELECT 1;\nCOMMIT;\n", None),
        Script("0002", "CREATE INDEX CONCURRENTLY a ON b (c);\n", None),
        Script("0003", "SELECT 1;\n\nALTER TABLE users DROP COLUMN nick;\n", None),
    ]
    [found] = lint(scripts)
    assert (found.script, found.line) == ("0003", 3)
    assert str(found) == "0003: Dropping a column may break existing clients (ban-drop-column)"


def test_an_accepted_rule_is_not_found() -> None:
    scripts = [Script("0001", "DROP INDEX by_nick;", None)]
    assert lint(scripts, ["require-concurrent-index-deletion"]) == ()


def test_nothing_pending_needs_no_linter() -> None:
    assert lint([]) == ()


def test_what_must_not_run_in_a_transaction_is_outside_of_one() -> None:
    plain, concurrent = Script("a", "SELECT 1;", ""), Script("b", "DROP INDEX CONCURRENTLY i;", "")
    assert joined([plain, plain, concurrent, plain]).text.splitlines() == [
        "BEGIN;",
        "SELECT 1;",
        "SELECT 1;",
        "COMMIT;",
        "DROP INDEX CONCURRENTLY i;",
        "BEGIN;",
        "SELECT 1;",
        "COMMIT;",
    ]


def test_the_label_trusts_old_code_only_on_an_additive_schema_that_was_read() -> None:
    breaking = lint([Script("0001", "ALTER TABLE users DROP COLUMN nick;", None)])
    assert label_of((), is_readable=True, has_down=False) is Label.INSTANT
    assert label_of(breaking, is_readable=True, has_down=True) is Label.WITH_DOWN
    assert label_of(breaking, is_readable=True, has_down=False) is Label.FORWARD_ONLY
    assert label_of((), is_readable=False, has_down=True) is Label.WITH_DOWN
    assert label_of((), is_readable=False, has_down=False) is Label.FORWARD_ONLY
