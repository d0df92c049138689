"""What only a real S3 server can show: credentials, locks, addressing, cuts and restarts."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from insightengine.application.backup import BackupPolicy, Retention
from insightengine.core.errors import AccessDeniedError, NotFoundError, UnavailableError
from insightengine.core.secrets import Secret
from insightengine.recovery import names
from insightengine.recovery.journal import OperationKind
from insightengine.recovery.names import REPOSITORY
from insightengine.recovery.service import prune
from insightengine.stores.objects.port import PART_BYTES
from insightengine.stores.objects.s3 import (
    Addressing,
    Credentials,
    Lock,
    LockMode,
    S3Objects,
    S3Place,
)
from tests.contracts.object_stores import S3Server, free_port, versitygw
from tests.unit.recovery.backups import backup
from tests.unit.recovery.houses import house, store

_DOMAIN = "s3.test"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with versitygw(tmp_path_factory.mktemp("versitygw"), _DOMAIN) as running:
        yield running


def test_wrong_credentials_are_refused_and_never_shown(server: S3Server) -> None:
    server.create("guarded")
    wrong = Credentials("test-owner", Secret("a-wrong-secret"))
    store = S3Objects(replace(server.place("guarded"), credentials=wrong))
    with pytest.raises(AccessDeniedError) as raised:
        store.put("a", b"x")
    assert "a-wrong-secret" not in str(raised.value)


def test_a_missing_bucket_is_told_as_such(server: S3Server) -> None:
    with pytest.raises(NotFoundError) as raised:
        server.store("never-created").check()
    assert raised.value.code == "store_missing"


def test_a_bucket_is_found_in_the_host_name(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    original = socket.getaddrinfo

    def on_loopback(host: Any, *arguments: Any, **options: Any) -> Any:
        asked.append(host)
        found = "127.0.0.1" if str(host).endswith(_DOMAIN) else host
        return original(found, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", on_loopback)
    server.create("virtual")
    port = server.endpoint.rpartition(":")[2]
    place = server.place("virtual", addressing=Addressing.VIRTUAL)
    store = S3Objects(replace(place, endpoint=f"http://{_DOMAIN}:{port}"))
    store.put("a/b", b"x")
    assert store.get("a/b") == b"x"
    assert f"virtual.{_DOMAIN}" in asked
    assert server.store("virtual").get("a/b") == b"x"


def test_a_locked_object_outlives_its_deletion(server: S3Server) -> None:
    server.create("locked", lockable=True)
    store = S3Objects(server.place("locked", lock=Lock(LockMode.GOVERNANCE, 1)))
    store.put("kept", b"precious")
    store.put_stream("kept-too", [b"x" * (PART_BYTES + 1)])
    client = server.client()
    for key in ("kept", "kept-too"):
        head = client.head_object(Bucket="locked", Key=key)
        assert head["ObjectLockMode"] == "GOVERNANCE"
        with pytest.raises(Exception, match=r"(?i)access ?denied|locked|protected"):
            client.delete_object(Bucket="locked", Key=key, VersionId=head["VersionId"])
    store.delete(["kept"])  # in a versioned bucket this only hides the object
    versions = client.list_object_versions(Bucket="locked", Prefix="kept")["Versions"]
    assert {version["Key"] for version in versions} == {"kept", "kept-too"}


def test_a_temporary_object_is_not_locked(server: S3Server) -> None:
    server.create("half-locked", lockable=True)
    store = S3Objects(server.place("half-locked", lock=Lock(LockMode.GOVERNANCE, 1)))
    store.put("slice", b"x", temporary=True)
    client = server.client()
    head = client.head_object(Bucket="half-locked", Key="slice")
    assert "ObjectLockMode" not in head
    client.delete_object(Bucket="half-locked", Key="slice", VersionId=head["VersionId"])


def test_a_writer_without_the_right_to_delete_is_told_what_was_kept(server: S3Server) -> None:
    server.create("write-only")
    writer = server.writer("write-only", "s3:PutObject", "s3:GetObject")
    store = S3Objects(replace(server.place("write-only"), credentials=writer))
    store.put("a", b"x")
    (kept,) = store.delete(["a"])
    assert kept.key == "a"
    assert "denied" in kept.reason.lower()
    assert store.get("a") == b"x"


def test_pruning_with_the_key_of_the_guide_tells_what_was_kept(
    server: S3Server, tmp_path: Path
) -> None:
    """It may not list unfinished uploads, either, which are none of a backup's objects."""
    server.create("prune-only-told")
    writer = server.writer("prune-only-told", "s3:PutObject", "s3:GetObject")
    place = replace(server.place("prune-only-told"), credentials=writer)
    of = house(tmp_path, repositories=1)
    repository = replace(of.repositories[0], store=S3Objects(place))
    of = replace(of, repositories=[repository])
    repository.store.put(REPOSITORY, b"{}")
    policy = BackupPolicy(retention=Retention(full=1, days=0))
    of = replace(of, configuration=replace(of.configuration, backup=policy))
    old, _ = (store(of, backup(age), repository) for age in (9, 1))
    asked = of.journal.ask(OperationKind.PRUNE, {}, "test", of.now())
    told = prune(of, asked.id, {})
    assert told["removed"] == [old.id]
    kept = " ".join(told["refused_by_store"])
    assert f"{names.backup(old.id)}: AccessDenied" in kept
    assert "unfinished uploads: " in kept


def test_a_server_that_is_away_is_unavailable_and_no_fault_of_ours() -> None:
    credentials = Credentials("a", Secret("b"))
    place = S3Place("b", endpoint=f"http://127.0.0.1:{free_port()}", credentials=credentials)
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="does not answer"):
        S3Objects(place).put("a", b"x")
    assert time.monotonic() - began < 60


def test_an_upload_that_was_killed_is_cleaned_away(server: S3Server) -> None:
    server.create("unfinished")
    client = server.client()
    client.create_multipart_upload(Bucket="unfinished", Key="left/behind")
    store = server.store("unfinished")
    assert store.clean(older_than_s=3600) == 0
    assert store.clean(older_than_s=-5) == 1
    assert store.clean(older_than_s=-5) == 0


def test_what_was_put_is_there_after_a_kill_of_the_server(tmp_path: Path) -> None:
    with versitygw(tmp_path) as first:
        first.create("durable")
        first.store("durable").put("a", b"x")
        assert first.process is not None
        first.process.kill()
        first.process.wait()
    with versitygw(tmp_path) as second:
        assert second.store("durable").get("a") == b"x"
