"""A bucket in which objects were damaged, removed or added; and the wrong key. A real S3 server."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from insightengine.core.lsn import Lsn
from insightengine.recovery import names
from insightengine.recovery.house import rebuild
from insightengine.recovery.journal import OperationKind, OperationState
from insightengine.recovery.keys import new_identity, new_seal, recovery_key_text
from insightengine.recovery.models import Standing
from insightengine.stores.objects.s3 import S3Objects
from tests.contracts.object_stores import S3Server, versitygw
from tests.ports import free_base_port
from tests.scenarios.platform import eventually
from tests.scenarios.recovery.ground import Ground, ground
from tests.scenarios.recovery.outcomes import told

BUCKET = "backups"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with versitygw(tmp_path_factory.mktemp("s3")) as found:
        found.create(BUCKET)
        yield found


@pytest.fixture(scope="module")
def one(server: S3Server) -> Iterator[Ground]:
    to = f"{{s3: 's3://{BUCKET}/shop', endpoint: '{server.endpoint}'}}"
    with ground(to=to, credentials=server.credentials) as made:
        yield made


@pytest.fixture
def store(server: S3Server) -> S3Objects:
    return server.store(BUCKET, "shop")


def key_in(one: Ground, key: str) -> str:
    return one.house.repositories[0].full_key(key)


def flipped(store: S3Objects, key: str) -> None:
    content = bytearray(store.get(key))
    content[len(content) // 2] ^= 1
    store.put(key, bytes(content))


def removed(store: S3Objects, key: str) -> None:
    store.delete([key])


Change = Callable[[S3Objects, str], None]
CHANGES = [pytest.param(flipped, id="damaged"), pytest.param(removed, id="missing")]


@pytest.mark.parametrize("change", CHANGES)
def test_a_backup_with_such_an_object_is_found_out_and_another_is_restored(
    one: Ground, store: S3Objects, change: Change
) -> None:
    commits = one.commits()
    with commits.running():
        commits.wait_for(100)
        bad = str(one.done(OperationKind.BACKUP, kind="full").result["backup"])
        commits.wait_for(100)
    one.shipped()
    change(store, key_in(one, names.data(bad, 0)))
    checked = one.done(OperationKind.VERIFY, backup=bad)
    assert checked.result["passed"] is False
    assert one.house.standings()[bad] is Standing.DAMAGED
    one.wipe()
    began_at = time.monotonic()
    restored = one.restored()
    seconds = time.monotonic() - began_at
    assert restored.result["backup"] != bad
    assert commits.lost() == commits.torn() == 0
    one.done(OperationKind.BACKUP, kind="full")
    word = "damaged" if change is flipped else "missing"
    told(
        f"bucket with a {word} object of the newest backup; then the data directory is wiped",
        False,
        "found by the next check, stands as damaged, counts for nothing; restored from the one "
        "before it and the log since",
        commits,
        seconds,
    )


@pytest.mark.parametrize("change", CHANGES)
def test_log_with_such_an_object_is_never_taken_for_its_end(
    one: Ground, store: S3Objects, change: Change
) -> None:
    """The worst of all restores is one that succeeds and stops in the middle."""
    one.calm()
    commits = one.commits()
    with commits.running():
        for _ in range(3):
            commits.wait_for(50)
            one.value("SELECT pg_switch_wal()")
        commits.wait_for(50)
        middle = Lsn.parse(str(one.value("SELECT pg_current_wal_flush_lsn()::text")))
        for _ in range(2):
            one.value("SELECT pg_switch_wal()")
            commits.wait_for(50)
    one.shipped()
    timeline = int(one.value("SELECT timeline_id FROM pg_control_checkpoint()"))
    found = sorted(o.key for o in store.objects(key_in(one, names.wal_folder(timeline))))
    name = f"{middle.segment:08X}"
    (key,) = [key for key in found if key.endswith(f"{name}{names.SUFFIX}")]
    kept = store.get(key)
    one.wipe()
    one.wipe_spool()
    change(store, key)
    refused = one.run(OperationKind.RESTORE, to="latest")
    assert refused.state is OperationState.FAILED, refused
    assert not (one.cluster / "PG_VERSION").exists()
    store.put(key, kept)
    restored = one.restored()
    assert commits.lost() == commits.torn() == 0
    one.done(OperationKind.BACKUP, kind="full")
    word = "damaged" if change is flipped else "missing"
    told(
        f"bucket with a {word} object of the log, everything else is wiped",
        False,
        f"refused: “{str(refused.error)[:60]}…”; with the object back, restored",
        commits,
        float(restored.result["seconds"]),
    )


def test_objects_that_were_added_change_nothing(one: Ground, store: S3Objects) -> None:
    commits = one.commits()
    with commits.running():
        commits.wait_for(100)
        newest = str(one.done(OperationKind.BACKUP, kind="incremental").result["backup"])
        commits.wait_for(100)
    one.shipped()
    describes = store.get(key_in(one, names.backup(newest)))
    added = {
        names.backup("20990101T000000Z-full"): b"added",
        names.backup("20990102T000000Z-full"): describes,  # a true one under another name
        names.data(newest, 99): b"added",
        "wal/README": b"added",
        "points/added.json.zst.age": b"added",
    }
    for key, content in added.items():
        store.put(key_in(one, key), content)
    one.wipe()
    one.wipe_spool()
    problems = rebuild(one.house)  # as a machine does that knows nothing but the bucket
    assert len(problems) >= 3, problems
    assert not any(backup.id.startswith("2099") for backup in one.house.backups())
    restored = one.restored()
    assert commits.lost() == commits.torn() == 0
    checked = one.done(OperationKind.VERIFY, backup=newest)
    assert checked.result["passed"] is False  # told, as somebody else writes there
    store.delete([key_in(one, key) for key in added])
    told(
        "bucket with added objects: backups of the future, one that is another's copy, log, data",
        False,
        "none of them opens, so none counts; a check tells of those in a backup's folder; restored",
        commits,
        float(restored.result["seconds"]),
    )


def test_a_wrong_key_opens_nothing_and_leaves_nothing(
    one: Ground, server: S3Server, tmp_path: Path
) -> None:
    right, wrong = one.folder / "right.key", tmp_path / "wrong.key"
    one.insight("recover", "key", "create", "--out", str(right))
    text = recovery_key_text(new_identity(), new_seal(), one.house.now(), "somebody else")
    wrong.write_text(text.reveal(), encoding="utf-8")
    one.kill("backups")  # it reads the keys anew
    before = one.count_proven()
    eventually(lambda: one.count_proven() > before, 90, "a backup that the key opens is proven")
    one.calm()
    empty = Path("/var/tmp") / f"{one.folder.name}-empty"
    empty.mkdir(mode=0o755)
    key = server.credentials
    environment = {
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key.reveal(),
        "INSIGHT_BASE_PORT": str(free_base_port()),
    }
    command = ("recover", "--from", f"s3://{BUCKET}/shop", "--endpoint", server.endpoint, "--yes")
    try:
        began_at = time.monotonic()
        refused = one.insight(
            *command, "--key", str(wrong), check=False, into=empty, more=environment
        )
        seconds = time.monotonic() - began_at
        assert refused.returncode != 0
        assert "is encrypted to age1" in refused.stderr
        assert list(empty.iterdir()) == []
        opened = one.insight(
            *command, "--key", str(right), "--no-start", into=empty, more=environment
        )
        assert (empty / ".insight/postgres/PG_VERSION").exists(), opened.stderr
    finally:
        shutil.rmtree(empty)
    told(
        "the wrong recovery key on an empty machine",
        None,
        "refused, names both keys, writes nothing; the right one brings the cluster back",
        seconds=f"{seconds:.1f} s to the refusal",
    )
