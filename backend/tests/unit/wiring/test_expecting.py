"""The hint that somebody is about to ask for an operation of recovery."""

from __future__ import annotations

from pathlib import Path

from insightengine.core.places import EXPECTED
from insightengine.wiring.expecting import expect_operation


def test_it_leaves_its_mark_in_the_folder_of_recovery(tmp_path: Path) -> None:
    recovery = tmp_path / ".insight/recovery"
    recovery.mkdir(parents=True)
    expect_operation(tmp_path)
    expect_operation(tmp_path)
    assert [path.name for path in recovery.iterdir()] == [EXPECTED]


def test_where_no_platform_was_brought_up_nothing_is_created(tmp_path: Path) -> None:
    expect_operation(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_it_does_not_follow_a_link_that_the_services_user_may_have_put_there(
    tmp_path: Path,
) -> None:
    recovery = tmp_path / ".insight/recovery"
    recovery.mkdir(parents=True)
    (recovery / EXPECTED).symlink_to(tmp_path / "elsewhere")
    expect_operation(tmp_path)
    assert not (tmp_path / "elsewhere").exists()
