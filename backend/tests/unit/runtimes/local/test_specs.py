import os
from dataclasses import replace
from pathlib import Path

import pytest

from insightengine.core.errors import AccessDeniedError
from insightengine.runtimes.local.specs import (
    ServiceUser,
    Wanted,
    fingerprint,
    read_own_wanted,
    read_wanted,
    write_wanted,
)
from insightengine.runtimes.port import (
    CommandReady,
    HttpReady,
    PostgresReady,
    ProcessSpec,
    Readiness,
    RedisReady,
    RunningReady,
)

SPEC = ProcessSpec(
    name="web.blue",
    argv=("python", "app.py"),
    cwd=Path("/srv/shop"),
    env={"TOKEN": "a b=c\n"},
    readiness=RunningReady(),
    depends_on=("postgres",),
    prepare=(("alembic", "upgrade", "head"),),
    initialise=(("true",),),
    ports=(4340,),
    labels={"colour": "blue"},
)


@pytest.mark.parametrize(
    "readiness",
    [
        HttpReady("http://127.0.0.1:1/up", 204),
        PostgresReady("127.0.0.1", 1, "u", "d", Path("/secret")),
        RedisReady("127.0.0.1", 1, Path("/secret")),
        RedisReady("127.0.0.1", 1),
        CommandReady(("true", "-x")),
        RunningReady(0.1),
    ],
)
def test_what_is_wanted_survives_the_way_through_the_file(
    tmp_path: Path, readiness: Readiness
) -> None:
    wanted = Wanted(
        (replace(SPEC, readiness=readiness),),
        ServiceUser("nobody", 65534, 65534),
        60.0,
        30.0,
        {"name": "shop", "services": ["web"]},
    )
    write_wanted(tmp_path / "wanted.json", wanted)
    assert read_wanted(tmp_path / "wanted.json") == wanted


def test_the_file_with_environments_is_readable_for_its_owner_only(tmp_path: Path) -> None:
    write_wanted(tmp_path / "wanted.json", Wanted((SPEC,), None, 60.0, 30.0, None))
    assert (tmp_path / "wanted.json").stat().st_mode & 0o777 == 0o600


def test_root_does_not_obey_a_file_that_somebody_else_has_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "wanted.json"
    write_wanted(path, Wanted((SPEC,), None, 60.0, 30.0, None))
    assert read_own_wanted(path).user is None
    found = path.stat()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fstat", lambda _: os.stat_result((*found[:4], 1000, *found[5:])))
    with pytest.raises(AccessDeniedError, match="was written by user 1000, not by root"):
        read_own_wanted(path)


def test_a_link_in_place_of_the_file_is_followed_by_neither_side(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("{}")
    (tmp_path / "wanted.json").symlink_to(elsewhere)
    (tmp_path / f"other.json.{os.getpid()}").symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic links"):
        read_own_wanted(tmp_path / "wanted.json")
    write_wanted(tmp_path / "other.json", Wanted((SPEC,), None, 60.0, 30.0, None))
    assert elsewhere.read_text() == "{}"


@pytest.mark.parametrize(
    "other",
    [
        replace(SPEC, argv=("python", "other.py")),
        replace(SPEC, env={"TOKEN": "another"}),
        replace(SPEC, cwd=Path("/elsewhere")),
        replace(SPEC, prepare=()),
    ],
)
def test_a_change_of_what_runs_changes_the_fingerprint(other: ProcessSpec) -> None:
    assert fingerprint(other) != fingerprint(SPEC)


def test_a_change_of_how_it_is_checked_does_not_need_a_restart() -> None:
    assert fingerprint(replace(SPEC, readiness=HttpReady("http://x/"))) == fingerprint(SPEC)
