"""Each kind of migration, on a real PostgreSQL: inspected, applied, taken back, locked out."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from insightengine.application.policy import MigrationKind, Migrations
from insightengine.release.migrations.alembic import AlembicMigrations
from insightengine.release.migrations.command import CommandMigrations
from insightengine.release.migrations.folder import SqlMigrations, scripts_of
from insightengine.release.migrations.label import Script
from insightengine.release.migrations.tool import LockedError, MigrationError, MigrationTool
from insightengine.runtimes.local.supplied.postgres import binary

SQL = {
    "0001_users.up.sql": "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);",
    "0001_users.down.sql": "DROP TABLE users;",
    "0002_nick.up.sql": "ALTER TABLE users ADD COLUMN nick text;",
    "0002_nick.down.sql": "ALTER TABLE users DROP COLUMN nick;",
    "0003_index.up.sql": "CREATE INDEX CONCURRENTLY a ON users (nick); "
    "CREATE INDEX CONCURRENTLY b ON users (id);",
    "0003_index.down.sql": "DROP INDEX a; DROP INDEX b;",
}
ENV = """
from alembic import context
from sqlalchemy import create_engine
import os
engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"))
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A cluster without durability, for this file only."""
    folder = Path(tempfile.mkdtemp(prefix="insight-test-", dir="/var/tmp"))
    nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    user = {"user": nobody.pw_uid, "group": nobody.pw_gid} if nobody else {}
    if nobody:
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    initdb = [binary("initdb"), "-D", folder / "c", "-U", "me", "--auth=trust", "-E", "UTF8", "-N"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **user)  # type: ignore[call-overload]
    argv = [binary("postgres"), "-D", folder / "c", "-h", "", "-k", folder, "-c", "fsync=off"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=folder, **user)  # type: ignore[call-overload]
    url = f"postgresql://me@/postgres?host={folder}"
    deadline = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(url).close()
            break
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
    yield url
    process.terminate()
    process.wait(20)
    subprocess.run(["rm", "-rf", folder], check=True)


@pytest.fixture
def database(server: str, request: pytest.FixtureRequest) -> str:
    name = f"d{abs(hash(request.node.nodeid))}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")


def settings(kind: MigrationKind = MigrationKind.SQL, **changes: object) -> Migrations:
    return Migrations(kind, **{"lock_timeout_s": 0.3, "statement_timeout_s": 5, **changes})  # type: ignore[arg-type]


def sql_tool(database: str, files: Mapping[str, str] = SQL) -> SqlMigrations:
    def connect() -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(database, autocommit=True)

    return SqlMigrations("web", settings(), scripts_of(files, "web"), connect)


def alembic_tool(database: str, folder: Path) -> AlembicMigrations:
    (folder / "scripts/versions").mkdir(parents=True)
    (folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/scripts\n")
    (folder / "scripts/env.py").write_text(ENV)
    before = "None"
    for name, script in {s.name: s for s in scripts_of(SQL, "web")}.items():
        text = textwrap.dedent(f"""
            from alembic import op
            revision, down_revision = {name!r}, {before}
            def upgrade(): run({script.up.replace("CONCURRENTLY ", "")!r})
            def downgrade(): run({script.down!r})
            def run(sql):
                for one in sql.split("; "): op.execute(one)
            """)
        (folder / f"scripts/versions/{name}.py").write_text(text)
        before = repr(name)
    return AlembicMigrations("web", settings(source="alembic.ini"), runner(folder, database))


def runner(folder: Path, database: str) -> Callable[..., int]:
    def run(
        argv: Sequence[str], environment: Mapping[str, str], timeout_s: float, output: object
    ) -> int:
        done = subprocess.run(
            [word.replace("{python}", sys.executable) for word in argv],
            env={**os.environ, **environment, "DATABASE_URL": database},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        for line in (done.stdout + done.stderr).splitlines():
            output(line)  # type: ignore[operator]
        return done.returncode

    return run


@pytest.fixture(params=["sql", "alembic"])
def tool(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> MigrationTool:
    return sql_tool(database) if request.param == "sql" else alembic_tool(database, tmp_path)


def columns(database: str) -> set[str]:
    with closing(psycopg.connect(database)) as connection:
        rows = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'users'"
        )
        return {str(row[0]) for row in rows}


def silent(_: str) -> None:
    """Output that no test looks at."""


def test_an_empty_database_has_everything_ahead(tool: MigrationTool, database: str) -> None:
    found = tool.inspect()
    assert (found.head_before, found.head_after) == ("", "0003_index")
    assert [script.name for script in found.pending] == ["0001_users", "0002_nick", "0003_index"]
    assert found.is_readable
    assert found.has_down
    assert "ADD COLUMN nick" in found.pending[1].up
    assert "DROP COLUMN nick" in (found.pending[1].down or "")
    assert columns(database) == set(), "looking changed nothing"


def test_migrating_goes_to_the_head_once(tool: MigrationTool, database: str) -> None:
    assert tool.up(silent) == "0003_index"
    assert tool.up(silent) == "0003_index"
    assert columns(database) == {"id", "nick"}
    assert tool.inspect().pending == ()


def test_what_came_after_a_head_is_taken_back_once(tool: MigrationTool, database: str) -> None:
    tool.up(silent)
    assert tool.down("0001_users", silent) == "0001_users"
    assert tool.down("0001_users", silent) == "0001_users"
    assert columns(database) == {"id"}
    assert tool.up(silent) == "0003_index"


def test_a_lock_that_is_not_free_is_told_as_such(tool: MigrationTool, database: str) -> None:
    tool.up(silent)
    tool.down("0001_users", silent)
    with closing(psycopg.connect(database)) as holder:
        holder.execute("LOCK TABLE users")
        began = time.monotonic()
        with pytest.raises(LockedError):
            tool.up(silent)
        assert time.monotonic() - began < 5
    assert tool.up(silent) == "0003_index"


def test_a_failed_script_leaves_what_came_before_it(database: str) -> None:
    files = {
        "0001.up.sql": "CREATE TABLE users (id int);",
        "0002.up.sql": "ALTER TABLE users ADD COLUMN nick text; SELECT 1/0;",
    }
    tool = sql_tool(database, files)
    with pytest.raises(MigrationError, match="0002 failed, nothing of it was kept: division by"):
        tool.up(silent)
    assert columns(database) == {"id"}
    assert tool.inspect().head_before == "0001"


def test_a_script_without_a_way_back_says_so(database: str) -> None:
    tool = sql_tool(database, {"0001.up.sql": "CREATE TABLE users (id int);"})
    assert not tool.inspect().has_down
    tool.up(silent)
    with pytest.raises(MigrationError, match="has no down-migration"):
        tool.down("", silent)
    assert columns(database) == {"id"}


def test_a_script_that_was_changed_afterwards_is_refused(database: str) -> None:
    sql_tool(database, {"0001.up.sql": "CREATE TABLE users (id int);"}).up(silent)
    changed = sql_tool(database, {"0001.up.sql": "CREATE TABLE users (id bigint);"})
    with pytest.raises(MigrationError, match="was changed after it had been applied"):
        changed.up(silent)


def test_a_statement_that_takes_too_long_is_ended(database: str) -> None:
    tool = SqlMigrations(
        "web",
        settings(statement_timeout_s=0.2),
        [Script("0001", "SELECT pg_sleep(30);", None)],
        lambda: psycopg.connect(database, autocommit=True),
    )
    with pytest.raises(MigrationError, match="statement timeout"):
        tool.up(silent)


def test_an_alembic_that_cannot_be_asked_says_what_it_said(tmp_path: Path) -> None:
    tool = AlembicMigrations("web", settings(source="no.ini"), runner(tmp_path, ""))
    with pytest.raises(MigrationError, match=r"could not be asked about no\.ini\n    "):
        tool.inspect()


def command_tool(folder: Path, **changes: object) -> CommandMigrations:
    given = settings(MigrationKind.COMMAND, **{"up": ("echo", "migrated"), **changes})
    run = runner(folder, "")
    return CommandMigrations("web", given, run, head_before="sha256:a", head_after="sha256:b")


def test_another_tool_tells_its_sql_where_it_can(tmp_path: Path) -> None:
    told = command_tool(tmp_path, sql=("echo", "DROP TABLE users;"), down=("true",)).inspect()
    assert [script.up for script in told.pending] == ["DROP TABLE users;"]
    assert (told.is_readable, told.has_down) == (True, True)
    untold = command_tool(tmp_path).inspect()
    assert (untold.is_readable, untold.has_down, len(untold.pending)) == (False, False, 1)
    assert command_tool(tmp_path, sql=("true",)).inspect().pending == ()


def test_another_tool_that_fails_is_shown_with_its_last_words(tmp_path: Path) -> None:
    tool = command_tool(tmp_path, up=("sh", "-c", "echo no such column; exit 4"))
    with pytest.raises(MigrationError, match="exited with 4\n    no such column"):
        tool.up(silent)
    locked = command_tool(tmp_path, up=("sh", "-c", "echo lock timeout; exit 1"))
    with pytest.raises(LockedError):
        locked.up(silent)
