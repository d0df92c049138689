"""An older state to look at: in a folder of its own, or in place of the present one for a while."""

from __future__ import annotations

import json
import os
import pwd
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from insightengine.recovery.scratch import SUPERUSER
from insightengine.wiring.environment import read_secret
from tests.ports import free_port
from tests.scenarios.platform import eventually
from tests.scenarios.recovery.ground import Ground, ground

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def one() -> Iterator[Ground]:
    with ground() as found:
        found.value("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        found.insight("backup", "mark", "before")
        found.value("TRUNCATE kept")
        yield found


@pytest.fixture
def place(one: Ground) -> Iterator[Path]:
    """A folder of whoever runs the tests, as /mnt is."""
    folder = one.folder.with_name(f"{one.folder.name}-place")
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


def rows_served(serve: str, serve_as: str, password: str) -> int:
    """Of the table in a server that is started as the result says, but for its port."""
    port = free_port()
    command = [str(port) if word == "5433" else word for word in shlex.split(serve)]
    other = pwd.getpwnam(serve_as)
    is_other = other.pw_uid != os.getuid()
    server = subprocess.Popen(
        [*command, "-k", ""],
        user=other.pw_uid if is_other else None,
        group=other.pw_gid if is_other else None,
        extra_groups=[] if is_other else None,
        env={"PATH": os.defpath},
        stderr=subprocess.DEVNULL,
    )
    conninfo = f"host=127.0.0.1 port={port} user={SUPERUSER} password={password} dbname=postgres"

    def count() -> tuple[int] | None:
        try:
            with psycopg.connect(conninfo) as connection:
                return connection.execute("SELECT count(*) FROM kept").fetchone()
        except psycopg.OperationalError:
            return None

    try:
        return eventually(count, 30, "it answers")[0]
    finally:
        server.terminate()
        server.wait()


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "empty"])
def test_a_cluster_comes_into_a_folder_and_the_platform_goes_on(
    one: Ground, place: Path, is_there: bool
) -> None:
    into = place / "copy"
    if is_there:
        (into / "lost+found").mkdir(parents=True)  # as of a disk that is new
    password = read_secret(one.context.state, "postgres_admin_password").reveal()
    done = one.insight("restore", "--to", "before", "--into", str(into), "--yes", "--json")
    result = json.loads(done.stdout)
    assert result["into"] == str(into)
    assert rows_served(result["serve"], result["serve_as"], password) == 1000
    assert one.value("SELECT count(*) FROM kept") == 0
    assert not list(into.glob(".restoring*"))
    assert not list(one.house.folders.work.glob("*-restore-*"))


def test_a_folder_that_holds_something_is_refused_before_anything_is_done(
    one: Ground, place: Path
) -> None:
    (place / "thesis.txt").write_text("mine", encoding="utf-8")
    done = one.insight("restore", "--into", str(place), "--yes", check=False)
    assert done.returncode == 4
    assert "is not empty" in done.stderr
    assert [path.name for path in place.iterdir()] == ["thesis.txt"]
    missing = one.insight("restore", "--into", str(place / "a/b"), "--yes", check=False)
    assert missing.returncode == 2
    assert "does not exist" in missing.stderr
    a_file = one.insight("restore", "--into", str(place / "thesis.txt"), "--yes", check=False)
    assert a_file.returncode == 4


def lived(one: Ground) -> Any:
    return one.value("SELECT array_agg(n ORDER BY n) FROM lived")


def test_after_undo_the_log_goes_on_and_a_restore_follows_it(one: Ground) -> None:
    """What was put aside had a newer timeline, in the repository, too, and a backup was begun."""
    one.value("CREATE TABLE lived (n int)")
    one.value("INSERT INTO lived VALUES (1)")
    one.insight("backup", "mark", "fork")
    one.value("INSERT INTO lived VALUES (2)")
    one.insight("restore", "--to", "fork", "--yes")
    one.value("INSERT INTO lived VALUES (30)")
    one.shipped()
    one.insight("restore", "undo")
    assert lived(one) == [1, 2]
    one.value("INSERT INTO lived VALUES (4)")
    one.shipped()
    one.restored()
    assert lived(one) == [1, 2, 4]


def test_undo_puts_back_what_was_replaced_last(one: Ground) -> None:
    """Also what an undo has replaced."""
    one.insight("restore", "confirm")
    one.value("CREATE TABLE IF NOT EXISTS lived (n int)")
    one.value("TRUNCATE lived")
    one.insight("backup", "mark", "none")
    one.value("INSERT INTO lived VALUES (1)")
    one.insight("restore", "--to", "none", "--yes")
    assert lived(one) is None
    one.insight("restore", "undo")
    assert lived(one) == [1]
    one.insight("restore", "undo")
    assert lived(one) is None
    one.value("INSERT INTO lived VALUES (5)")
    one.insight("restore", "undo")
    one.insight("restore", "undo")
    assert lived(one) == [5]
