"""Object lock on a real S3 server: who may delete what a repository has written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from insightengine.core.errors import AccessDeniedError, UnavailableError
from insightengine.stores.objects.port import PART_BYTES
from insightengine.stores.objects.s3 import Lock, LockMode, S3Objects
from tests.contracts.object_stores import S3Server, versitygw

WRITES = ("s3:PutObject", "s3:GetObject", "s3:PutObjectRetention")
DELETES = ("s3:DeleteObject", "s3:DeleteObjectVersion")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with versitygw(tmp_path_factory.mktemp("locks")) as running:
        yield running


class Locked:
    """A bucket with lock, what a writer has put there, and the writer's own client."""

    def __init__(self, server: S3Server, mode: LockMode, bucket: str) -> None:
        server.create(bucket, lockable=True)
        self.bucket = bucket
        writer = server.writer(bucket, *WRITES, *DELETES)
        place = replace(server.place(bucket, lock=Lock(mode, 1)), credentials=writer)
        self.store = S3Objects(place)
        self.store.put("small", b"precious")
        self.store.put_stream("large", [b"x" * (PART_BYTES + 1)])
        self.writer, self.owner = server.client(writer), server.client()

    def version(self, key: str) -> dict[str, Any]:
        return {
            "Bucket": self.bucket,
            "Key": key,
            "VersionId": self.owner.head_object(Bucket=self.bucket, Key=key)["VersionId"],
        }

    def kept(self) -> set[str]:
        versions = self.owner.list_object_versions(Bucket=self.bucket)["Versions"]
        return {version["Key"] for version in versions}


@pytest.fixture(params=list(LockMode))
def locked(server: S3Server, request: pytest.FixtureRequest) -> Locked:
    name = request.node.originalname.replace("_", "-")[-30:].strip("-")
    return Locked(server, request.param, f"{request.param}-{name}")


def refusal(attempt: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as raised:
        attempt(**arguments)
    return str(raised.value.response["Error"]["Code"])


def test_a_writer_who_may_delete_cannot_delete_what_is_locked(locked: Locked) -> None:
    for key in ("small", "large"):
        version = locked.version(key)
        assert refusal(locked.writer.delete_object, **version) == "AccessDenied"
        bypassing = {**version, "BypassGovernanceRetention": True}
        assert refusal(locked.writer.delete_object, **bypassing) == "AccessDenied"
    assert locked.kept() == {"small", "large"}


def test_a_writer_cannot_shorten_a_lock(locked: Locked) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=30)
    mode = locked.owner.head_object(Bucket=locked.bucket, Key="small")["ObjectLockMode"]
    shorter = {"Retention": {"Mode": mode, "RetainUntilDate": soon}}
    attempt = locked.writer.put_object_retention
    assert refusal(attempt, **locked.version("small"), **shorter) == "AccessDenied"


def test_what_a_writer_deletes_or_writes_over_is_hidden_and_comes_back(locked: Locked) -> None:
    locked.store.delete(["small"])
    locked.store.put("large", b"nonsense")
    assert locked.store.stat("small") is None
    listed = locked.owner.list_object_versions(Bucket=locked.bucket)
    (marker,) = listed["DeleteMarkers"]
    locked.owner.delete_object(
        Bucket=locked.bucket, Key=marker["Key"], VersionId=marker["VersionId"]
    )
    assert locked.store.get("small") == b"precious"
    (first,) = [v for v in listed["Versions"] if v["Key"] == "large" and not v["IsLatest"]]
    found = locked.owner.get_object(Bucket=locked.bucket, Key="large", VersionId=first["VersionId"])
    assert found["Body"].read() == b"x" * (PART_BYTES + 1)


def test_governance_is_lifted_by_the_owner_and_compliance_by_nobody(server: S3Server) -> None:
    governed = Locked(server, LockMode.GOVERNANCE, "lifted")
    assert refusal(governed.owner.delete_object, **governed.version("small")) == "AccessDenied"
    governed.owner.delete_object(**governed.version("small"), BypassGovernanceRetention=True)
    assert governed.kept() == {"large"}
    complied = Locked(server, LockMode.COMPLIANCE, "never-lifted")
    bypassing = {**complied.version("small"), "BypassGovernanceRetention": True}
    assert refusal(complied.owner.delete_object, **bypassing) == "AccessDenied"
    assert complied.kept() == {"small", "large"}


def test_a_writer_who_may_not_lock_is_refused_at_its_first_object(server: S3Server) -> None:
    server.create("unlockable", lockable=True)
    writer = server.writer("unlockable", "s3:PutObject", "s3:GetObject")
    place = server.place("unlockable", lock=Lock(LockMode.GOVERNANCE, 1))
    with pytest.raises(AccessDeniedError, match="AccessDenied"):
        S3Objects(replace(place, credentials=writer)).put("a", b"x")


def test_a_bucket_without_lock_is_refused_at_the_first_object(server: S3Server) -> None:
    """Better than backups that somebody believes to be locked. What versitygw has refused it has
    stored all the same, without a lock; AWS has not."""
    server.create("plain")
    store = S3Objects(server.place("plain", lock=Lock(LockMode.GOVERNANCE, 1)))
    with pytest.raises(UnavailableError, match=r"Bucket is missing Object ?Lock ?Configuration"):
        store.put("a", b"x")
