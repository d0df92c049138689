"""A bucket with object lock, and somebody who has the platform's access key and all its rights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from insightengine.recovery import names
from insightengine.recovery.house import rebuild
from insightengine.recovery.journal import OperationKind, OperationState
from insightengine.stores.objects.s3 import Credentials
from tests.contracts.object_stores import S3Server, versitygw
from tests.scenarios.platform import eventually
from tests.scenarios.recovery.ground import Ground, ground
from tests.scenarios.recovery.outcomes import told

BUCKET = "locked"
RIGHTS = ("PutObject", "GetObject", "PutObjectRetention", "DeleteObject", "DeleteObjectVersion")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Bucket:
    """As its owner sees it, and as whoever has the platform's key does."""

    def __init__(self, server: S3Server, key: Credentials) -> None:
        self.owner, self.thief = server.client(), server.client(key)

    def versions(self, prefix: str = "") -> list[dict[str, Any]]:
        pages = self.owner.get_paginator("list_object_versions").paginate(
            Bucket=BUCKET, Prefix=prefix
        )
        return [version for page in pages for version in page.get("Versions", ())]

    def destroy(self, version: dict[str, Any]) -> bool:
        """For good, and not only hidden; whether it worked."""
        try:
            self.thief.delete_object(
                Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return True

    def bring_back(self) -> None:
        """As docs/guides/backups.md says: what was laid over the locked versions is removed."""
        pages = self.owner.get_paginator("list_object_versions").paginate(Bucket=BUCKET)
        for page in list(pages):
            for marker in page.get("DeleteMarkers", ()):
                self.owner.delete_object(
                    Bucket=BUCKET, Key=marker["Key"], VersionId=marker["VersionId"]
                )


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[tuple[S3Server, Credentials]]:
    with versitygw(tmp_path) as server:
        server.create(BUCKET, lockable=True)
        yield server, server.writer(BUCKET, *(f"s3:{right}" for right in RIGHTS))


def full_key(one: Ground, key: str) -> str:
    return f"shop/{one.house.repositories[0].full_key(key)}"


def test_what_is_locked_comes_back_whoever_had_the_key(
    bucket: tuple[S3Server, Credentials],
) -> None:
    server, key = bucket
    seen = Bucket(server, key)
    lock = "lock: governance, lock_days: 1"
    to = f"{{s3: 's3://{BUCKET}/shop', endpoint: '{server.endpoint}', {lock}}}"
    with ground(to=to, credentials=key, more="retention: {full: 1, days: 0}") as one:
        first = one.house.backups()[0].id
        one.done(OperationKind.BACKUP, kind="full")
        eventually(lambda: first not in [b.id for b in one.house.backups()], 60, "it is pruned")
        one.calm()
        pruned = seen.versions(full_key(one, names.data_folder(first)))
        assert pruned
        assert not any(seen.destroy(version) for version in pruned)

        commits = one.commits()
        with commits.running():
            commits.wait_for(200)
        one.value("SELECT pg_switch_wal()")
        one.shipped()
        one.wipe()
        one.wipe_spool()
        destroyed = [version for version in seen.versions() if seen.destroy(version)]
        slices = full_key(one, "wal/")
        assert all(version["Key"].startswith(slices) for version in destroyed), destroyed
        for version in seen.versions():
            seen.thief.delete_object(Bucket=BUCKET, Key=version["Key"])
        refused = one.run(OperationKind.RESTORE, to="latest")
        assert refused.state is OperationState.FAILED
        seen.bring_back()
        assert rebuild(one.house) == []
        restored = one.restored()
        assert commits.lost() == commits.torn() == 0
        told(
            "bucket with object lock: whoever has the platform's key deletes everything in it, and "
            "data directory and received log are wiped",
            False,
            "locked versions cannot be deleted, also of a backup that was pruned; with the "
            "deletion markers removed, restored",
            commits,
            float(restored.result["seconds"]),
        )
