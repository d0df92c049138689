"""Secrets and configs of a release outlive the files that they were taken from."""

from __future__ import annotations

from pathlib import Path

from insightengine.runtimes.compose.files import forget_files, keep_file


def test_a_file_is_kept_with_the_rights_of_its_original_in_a_folder_of_ours(tmp_path: Path) -> None:
    original = tmp_path / "token"
    original.write_text("hunter2")
    original.chmod(0o444)
    keep_file(tmp_path / "files", "ab12", original, b"hunter2")
    original.chmod(0o644)
    original.write_text("hunter3")
    kept = tmp_path / "files/ab12"
    assert kept.read_bytes() == b"hunter2"
    assert kept.stat().st_mode & 0o777 == 0o444
    assert kept.parent.stat().st_mode & 0o777 == 0o700


def test_what_is_kept_already_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("1")
    keep_file(tmp_path / "files", "ab12", tmp_path / "token", b"1")
    keep_file(tmp_path / "files", "ab12", tmp_path / "token", b"2")
    assert (tmp_path / "files/ab12").read_bytes() == b"1"


def test_versions_of_no_release_are_forgotten(tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    for version in ("a", "b", "c"):
        keep_file(tmp_path / "files", version, tmp_path / "token", b"")
    forget_files(tmp_path / "files", {"b"})
    assert [path.name for path in (tmp_path / "files").iterdir()] == ["b"]
    forget_files(tmp_path / "missing", set())
