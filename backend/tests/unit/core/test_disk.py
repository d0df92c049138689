"""Room on disks."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from insightengine.core.disk import is_full, require_room
from insightengine.core.errors import LimitExceededError


def test_what_does_not_fit_is_refused_with_need_and_free_space(tmp_path: Path) -> None:
    needed_bytes = 10**18
    with pytest.raises(LimitExceededError) as raised:
        require_room(tmp_path / "not/there/yet", needed_bytes, "the cluster", "free some space")
    assert raised.value.code == "disk_full"
    assert f"MB are free in {tmp_path}; the cluster needs 953674316406 MB" in raised.value.message
    assert raised.value.context["needed_bytes"] == needed_bytes


def test_what_fits_is_let_through(tmp_path: Path) -> None:
    require_room(tmp_path, 1, "the cluster", "free some space")
    require_room(Path("/dev/full"), 0, "nothing", "")


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EFBIG, True), (errno.EIO, False)],
)
def test_a_full_disk_is_told_from_a_broken_one(number: int, expected: bool) -> None:
    assert is_full(OSError(number, "")) is expected
