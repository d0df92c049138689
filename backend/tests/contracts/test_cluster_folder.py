"""The folder of a cluster: created once, never anew by mistake, swapped as a whole."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from insightengine.runtimes.local.supplied import cluster
from insightengine.runtimes.local.supplied.cluster import Swap
from tests.contracts.postgres_server import PROGRAMS, private_folder, unprivileged

CREATE = (PROGRAMS.path("initdb"), "--username=insight_admin", "--auth=trust", "--no-sync")


@pytest.fixture
def state() -> Iterator[Path]:
    with unprivileged(), private_folder() as folder:
        yield folder


def made(folder: Path) -> str:
    cluster.prepare(folder, CREATE)
    return cluster.system_identifier(folder)


def other(state: Path, name: str) -> Path:
    """Another cluster, as a restore leaves it beside."""
    folder = state / "elsewhere" / name
    folder.parent.mkdir(exist_ok=True)
    subprocess.run([*CREATE, f"--pgdata={folder}"], check=True, capture_output=True)
    return folder


def test_the_identifier_is_the_one_postgresql_prints(state: Path) -> None:
    identifier = made(state / "postgres")
    printed = subprocess.run(
        [PROGRAMS.path("pg_controldata"), state / "postgres"],
        check=True,
        capture_output=True,
        text=True,
        env={"LC_ALL": "C"},
    ).stdout
    assert f"Database system identifier:           {identifier}\n" in printed


def test_a_cluster_is_created_once(state: Path) -> None:
    first = made(state / "postgres")
    assert made(state / "postgres") == first
    assert cluster.identity_file(state / "postgres").read_text().strip() == first


def test_an_empty_cluster_never_takes_the_place_of_one_that_is_gone(state: Path) -> None:
    first = made(state / "postgres")
    subprocess.run(["rm", "-r", state / "postgres"], check=True)
    with pytest.raises(SystemExit) as raised:
        made(state / "postgres")
    assert first in str(raised.value)
    assert "insight restore" in str(raised.value)
    assert not (state / "postgres").exists()


def test_a_swap_puts_the_new_cluster_in_place_and_keeps_the_old_one(state: Path) -> None:
    old = made(state / "postgres")
    prepared = other(state, "new")
    new = cluster.system_identifier(prepared)
    swap = Swap(str(prepared), str(state / "replaced/1"))
    cluster.request_swap(state / "postgres", swap)
    assert made(state / "postgres") == new
    assert cluster.system_identifier(state / "replaced/1") == old
    assert cluster.pending_swap(state / "postgres") is None
    assert made(state / "postgres") == new


@pytest.mark.parametrize("done", ["nothing", "old moved", "both moved"])
def test_a_swap_that_was_killed_anywhere_is_completed(state: Path, done: str) -> None:
    old = made(state / "postgres")
    prepared = other(state, "new")
    new = cluster.system_identifier(prepared)
    cluster.request_swap(state / "postgres", Swap(str(prepared), str(state / "replaced")))
    if done != "nothing":
        (state / "postgres").rename(state / "replaced")
    if done == "both moved":
        prepared.rename(state / "postgres")
    assert made(state / "postgres") == new
    assert cluster.system_identifier(state / "replaced") == old
    assert not prepared.exists()


def test_a_swap_fills_the_place_of_a_cluster_that_is_gone(state: Path) -> None:
    made(state / "postgres")
    subprocess.run(["rm", "-r", state / "postgres"], check=True)
    prepared = other(state, "new")
    new = cluster.system_identifier(prepared)
    cluster.request_swap(state / "postgres", Swap(str(prepared), str(state / "replaced")))
    assert made(state / "postgres") == new
    assert not (state / "replaced").exists()
