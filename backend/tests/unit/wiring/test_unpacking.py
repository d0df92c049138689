"""What of a lost machine comes back into an empty folder, also when it was tried before."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import pytest

from insightengine.application.backup import FolderTarget, S3Target, Target
from insightengine.core.errors import InvalidInputError
from insightengine.core.settings import Settings, StateFolder
from insightengine.recovery.house import Configuration
from insightengine.recovery.keys import new_identity, public_half
from insightengine.runtimes.local.identity import prepare_state
from insightengine.wiring.environment import PlatformContext
from insightengine.wiring.recovery import (
    ACCESS_KEY,
    CONFIGURATION,
    SECRET_KEY,
    configuration_of,
    recovery_recipients,
)
from insightengine.wiring.unpacking import place_files, place_state, unpacked

BUCKET = S3Target("backups", "shop")


@pytest.fixture
def context(tmp_path: Path) -> PlatformContext:
    state = StateFolder(tmp_path / "project/.insight")
    prepare_state(state, None)
    return PlatformContext(Settings(), state)


class Bundle:
    """The unpacked state of a platform that kept its backups in a bucket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.identity = new_identity()
        (folder / "secrets").mkdir(parents=True)
        for name, value in (
            ("backup_key", self.identity.reveal()),
            (ACCESS_KEY, "of the platform"),
            (SECRET_KEY, "its secret"),
        ):
            (folder / "secrets" / name).write_text(value)
        lost = Configuration("shop", "/srv/lost", application_folder="/srv/lost")
        (folder / "configuration.json").write_bytes(CONFIGURATION.dump_json(lost))

    def place(self, context: PlatformContext, *recipients: str, target: Target = BUCKET) -> None:
        place_state(
            context,
            None,
            self.folder,
            project=context.state.root.parent,
            target=target,
            recipients=(public_half(self.identity), *recipients),
        )


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle(tmp_path / "unpacked")


def test_every_recovery_key_opens_the_next_backup_too(
    context: PlatformContext, bundle: Bundle
) -> None:
    keys = tuple(public_half(new_identity()) for _ in range(2))
    bundle.place(context, *keys)
    assert recovery_recipients(context.state) == keys


def test_the_repository_at_hand_is_the_one_that_is_used(
    context: PlatformContext, bundle: Bundle
) -> None:
    bundle.place(context)
    found = configuration_of(context.state)
    assert found.backup.to == (BUCKET,)
    assert found.project == str(context.state.root.parent)
    assert found.application_folder is None


@pytest.mark.parametrize(
    ("target", "token", "kept"),
    [
        pytest.param(BUCKET, None, "by hand", id="a bucket"),
        pytest.param(BUCKET, "of a session", "of the platform", id="a session that ends"),
        pytest.param(FolderTarget("/mnt/backup"), None, "of the platform", id="a folder"),
    ],
)
def test_an_access_key_given_by_hand_is_kept_where_it_opens_the_repository_tomorrow(
    context: PlatformContext,
    bundle: Bundle,
    monkeypatch: pytest.MonkeyPatch,
    target: Target,
    token: str | None,
    kept: str,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "by hand")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    if token is not None:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    bundle.place(context, target=target)
    assert context.state.secret(ACCESS_KEY).read_text() == kept


def archive_of(folder: Path, name: str | None = None) -> io.BytesIO:
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w") as archive:
        archive.add(folder, name or ".")
    found.seek(0)
    return found


def test_secrets_do_not_stay_unpacked_when_something_goes_wrong(
    tmp_path: Path, bundle: Bundle
) -> None:
    place, seen = tmp_path / "there", list[int]()

    def fail_in_between() -> None:
        with unpacked(archive_of(bundle.folder), place) as folder:
            assert (folder / "secrets/backup_key").exists()
            seen.append(folder.stat().st_mode & 0o777)
            raise RuntimeError("in between")

    with pytest.raises(RuntimeError, match="in between"):
        fail_in_between()
    assert seen == [0o700]
    assert not place.exists()


def test_a_bundle_that_names_a_file_outside_is_refused(tmp_path: Path, bundle: Bundle) -> None:
    with (
        pytest.raises(InvalidInputError, match="outside"),
        unpacked(archive_of(bundle.folder, "../elsewhere"), tmp_path / "there"),
    ):
        raise AssertionError("it was unpacked")
    assert not (tmp_path / "elsewhere").exists()


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """What was kept of the application, in the folder of a bundle."""
    folder = tmp_path / "bundle"
    for name in ("app/main.py", ".env", "compose.yaml", "zebra.txt"):
        (folder / "application" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "application" / name).write_text(f"{name} of the lost machine")
    return folder


def files(project: Path) -> set[str]:
    return {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}


def test_the_application_comes_back_and_what_is_there_stays(
    tmp_path: Path, application: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / ".env").write_text("INSIGHT_BASE_PORT=5300")
    assert place_files(application, project) == project / "compose.yaml"
    assert files(project) == {"app/main.py", ".env", "compose.yaml", "zebra.txt"}
    assert (project / ".env").read_text() == "INSIGHT_BASE_PORT=5300"


def test_a_project_with_a_compose_file_of_its_own_is_left_alone(
    tmp_path: Path, application: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "compose.yml").write_text("services: {}")
    assert place_files(application, project) == project / "compose.yml"
    assert files(project) == {"compose.yml"}


@pytest.mark.parametrize("copied", range(4))
def test_an_application_of_which_only_some_files_had_come_is_whole_after_the_next_attempt(
    tmp_path: Path, application: Path, monkeypatch: pytest.MonkeyPatch, copied: int
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    copy, done = shutil.copy2, list[Path]()

    def dying(source: Path, target: Path) -> None:
        if len(done) == copied:
            target.write_text("half")
            raise KeyboardInterrupt
        done.append(target)
        copy(source, target)

    monkeypatch.setattr(shutil, "copy2", dying)
    with pytest.raises(KeyboardInterrupt):
        place_files(application, project)
    monkeypatch.setattr(shutil, "copy2", copy)
    assert place_files(application, project) == project / "compose.yaml"
    assert files(project) == {"app/main.py", ".env", "compose.yaml", "zebra.txt"}
    for name in files(project):
        assert (project / name).read_text() == f"{name} of the lost machine"
