"""Which files are a version."""

from __future__ import annotations

from pathlib import Path

import pytest

from insightengine.runtimes.local.sources import Selected, copy_tree, digest_of


@pytest.fixture
def tree(tmp_path: Path) -> Selected:
    for name in ("code/a.py", "code/__pycache__/a.pyc", "other/b.py", "lock"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return Selected(tmp_path, (), (), ("code", "lock", "absent"))


def test_only_the_named_parts_are_a_version(tree: Selected, tmp_path: Path) -> None:
    assert [name for name, _ in tree.files()] == ["code/a.py", "lock"]
    copy_tree(tree, tmp_path / "copy")
    assert (tmp_path / "copy/code/a.py").read_text() == "code/a.py"
    assert not (tmp_path / "copy/other").exists()


@pytest.mark.parametrize(
    ("changed", "differs"), [("code/a.py", True), ("lock", True), ("other/b.py", False)]
)
def test_a_version_is_another_when_one_of_its_parts_changed(
    tree: Selected, changed: str, differs: bool
) -> None:
    before = digest_of(tree, ())
    (tree.root / changed).write_text("2")
    assert (digest_of(tree, ()) != before) is differs
