"""Objects in any store that speaks S3, by AWS's own client.

Credentials come with the place or, where it has none, from the client's usual chain (environment,
`~/.aws`, the machine's role). They never stand in an address.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from insightengine.core.errors import (
    AccessDeniedError,
    InsightError,
    LimitExceededError,
    NotFoundError,
    UnavailableError,
)
from insightengine.core.secrets import Secret
from insightengine.stores.objects.folder import already_there
from insightengine.stores.objects.port import (
    PART_BYTES,
    Kept,
    StoredObject,
    checked_key,
    missing,
)

_CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 30
_ATTEMPTS = 5
_LISTED_AT_ONCE = 1000
_DELETED_AT_ONCE = 1000
_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
_EXISTS = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
_FULL = frozenset({"QuotaExceeded", "EntityTooLarge", "StorageFull", "XMinioStorageFull", "507"})
_DENIED = frozenset(
    {"AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
)


class Addressing(StrEnum):
    """Whether the bucket's name stands in the path or in the host name."""

    PATH = "path"
    VIRTUAL = "virtual"


class LockMode(StrEnum):
    """Governance can be lifted by who has the right to; compliance by nobody before its time."""

    GOVERNANCE = "governance"
    COMPLIANCE = "compliance"


@dataclass(frozen=True, slots=True)
class Lock:
    """Objects cannot be deleted for `days` after they were written. Needs a bucket with lock."""

    mode: LockMode
    days: int


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key_id: str
    secret_access_key: Secret


@dataclass(frozen=True, slots=True)
class S3Place:
    """A bucket and what its server needs to know. `endpoint` is None for AWS itself."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    addressing: Addressing = Addressing.PATH
    storage_class: str | None = None
    lock: Lock | None = None
    credentials: Credentials | None = None

    @property
    def address(self) -> str:
        path = f"{self.bucket}/{self.prefix}".rstrip("/")
        return f"s3://{path}" + (f" at {self.endpoint}" if self.endpoint else "")


class S3Objects:
    """`stores.objects.port.ObjectStore`. One instance may be used by several threads."""

    def __init__(self, place: S3Place) -> None:
        self._place = place
        self._prefix = f"{place.prefix.strip('/')}/" if place.prefix.strip("/") else ""
        self._client = _client(place)

    @property
    def address(self) -> str:
        return self._place.address

    def check(self) -> None:
        with self._answering():
            self._client.list_objects_v2(Bucket=self._place.bucket, Prefix=self._prefix, MaxKeys=1)

    def put(
        self, key: str, content: bytes, *, only_new: bool = False, temporary: bool = False
    ) -> None:
        try:
            with self._answering(key):
                self._client.put_object(
                    **self._target(key),
                    **({} if temporary else self._protection()),
                    **({"IfNoneMatch": "*"} if only_new else {}),
                    Body=content,
                    ContentMD5=_md5(content),
                )
        except _ExistsError:
            # Perhaps it is ours, and only the first answer was lost.
            if self.get(key) != content:
                raise already_there(self.address, key) from None

    def put_stream(self, key: str, parts: Iterable[bytes], *, only_new: bool = False) -> int:
        with self._answering(key):
            upload = self._client.create_multipart_upload(
                **self._target(key), **self._protection()
            )["UploadId"]
        try:
            return self._upload(key, upload, parts, only_new=only_new)
        except _ExistsError:
            raise already_there(self.address, key) from None
        finally:
            with contextlib.suppress(InsightError, _ExistsError), self._answering(key):
                self._client.abort_multipart_upload(**self._target(key), UploadId=upload)

    def _upload(self, key: str, upload: str, parts: Iterable[bytes], *, only_new: bool) -> int:
        done: list[dict[str, object]] = []
        size = 0
        for number, part in enumerate(_of_even_size(parts), start=1):
            with self._answering(key):
                answer = self._client.upload_part(
                    **self._target(key),
                    UploadId=upload,
                    PartNumber=number,
                    Body=part,
                    ContentMD5=_md5(part),
                )
            done.append({"PartNumber": number, "ETag": answer["ETag"]})
            size += len(part)
        with self._answering(key):
            self._client.complete_multipart_upload(
                **self._target(key),
                UploadId=upload,
                MultipartUpload={"Parts": done},
                **({"IfNoneMatch": "*"} if only_new else {}),
            )
        return size

    def get(self, key: str) -> bytes:
        with self._answering(key):
            content: bytes = self._client.get_object(**self._target(key))["Body"].read()
        return content

    def read(self, key: str) -> Iterator[bytes]:
        with self._answering(key):
            body = self._client.get_object(**self._target(key))["Body"]
        with contextlib.closing(body):
            while True:
                with self._answering(key):
                    piece: bytes = body.read(PART_BYTES)
                if not piece:
                    return
                yield piece

    def stat(self, key: str) -> StoredObject | None:
        try:
            with self._answering(key):
                found = self._client.head_object(**self._target(key))
        except NotFoundError as error:
            if error.code == "store_missing":
                raise
            return None
        return StoredObject(key, found["ContentLength"], found["LastModified"])

    def objects(self, prefix: str = "") -> Iterator[StoredObject]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._place.bucket,
            Prefix=self._prefix + prefix,
            PaginationConfig={"PageSize": _LISTED_AT_ONCE},
        )
        with self._answering():
            for page in pages:
                for found in page.get("Contents", ()):
                    key = found["Key"].removeprefix(self._prefix)
                    yield StoredObject(key, found["Size"], found["LastModified"])

    def delete(self, keys: Iterable[str]) -> tuple[Kept, ...]:
        waiting = [self._prefix + checked_key(key) for key in keys]
        kept: list[Kept] = []
        for start in range(0, len(waiting), _DELETED_AT_ONCE):
            kept += self._delete_some(waiting[start : start + _DELETED_AT_ONCE])
        return tuple(kept)

    def _delete_some(self, keys: list[str]) -> Iterator[Kept]:
        try:
            with self._answering():
                answer = self._client.delete_objects(
                    Bucket=self._place.bucket,
                    Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True},
                )
        except AccessDeniedError as error:
            refused = [
                {"Key": key, "Code": "AccessDenied", "Message": error.message} for key in keys
            ]
            answer = {"Errors": refused}
        for failed in answer.get("Errors", ()):
            if failed.get("Code") not in _MISSING:
                key = failed["Key"].removeprefix(self._prefix)
                yield Kept(key, f"{failed.get('Code')}: {failed.get('Message', '')}".rstrip(": "))

    def clean(self, older_than_s: float) -> int:
        oldest = datetime.now(UTC) - timedelta(seconds=older_than_s)
        aborted = 0
        with self._answering():
            answer = self._client.list_multipart_uploads(
                Bucket=self._place.bucket, Prefix=self._prefix
            )
            for upload in answer.get("Uploads", ()):
                if upload["Initiated"] < oldest:
                    self._client.abort_multipart_upload(
                        Bucket=self._place.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                    )
                    aborted += 1
        return aborted

    def _target(self, key: str) -> dict[str, str]:
        return {"Bucket": self._place.bucket, "Key": self._prefix + checked_key(key)}

    def _protection(self) -> dict[str, object]:
        place = self._place
        given: dict[str, object] = {}
        if place.storage_class:
            given["StorageClass"] = place.storage_class
        if place.lock:
            given["ObjectLockMode"] = place.lock.mode.value.upper()
            given["ObjectLockRetainUntilDate"] = datetime.now(UTC) + timedelta(days=place.lock.days)
        return given

    @contextmanager
    def _answering(self, key: str | None = None) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._refused(error, key) from error
        except (BotoCoreError, HTTPClientError, OSError) as error:
            raise UnavailableError(
                f"{self.address} does not answer: {str(error)[:300]}",
                code="store_unavailable",
                hint="look at the network and the endpoint; what waits is sent when it answers",
            ) from error

    def _refused(self, error: ClientError, key: str | None) -> Exception:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
        what = f"{self.address}: {error.operation_name} of {key or 'the bucket'}: {error}"
        if code == "NoSuchBucket":
            return NotFoundError(
                f"the bucket of {self.address} does not exist",
                code="store_missing",
                hint="create it, or correct the address under x-insight.backup.to",
            )
        if code in _MISSING and key is not None:
            return missing(self.address, key)
        if code in _EXISTS or status == "412":
            return _ExistsError()
        if code in _DENIED or status == "403":
            hint = "insight backup credentials: sets the access key; look at its policy, too"
            return AccessDeniedError(what, hint=hint)
        if code in _FULL or status == "507":
            return LimitExceededError(what, code="store_full", hint="raise the bucket's quota")
        return UnavailableError(what, code="store_unavailable")


class _ExistsError(Exception):
    """A conditional write met an object under its key."""


def _client(place: S3Place) -> Any:
    given: Mapping[str, str] = (
        {
            "aws_access_key_id": place.credentials.access_key_id,
            "aws_secret_access_key": place.credentials.secret_access_key.reveal(),
        }
        if place.credentials
        else {}
    )
    config = Config(
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        s3={"addressing_style": place.addressing.value},
        tcp_keepalive=True,
        # Newer kinds of checksums are unknown to many servers; Content-MD5 is known to all.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent_extra="insightengine",
    )
    return boto3.session.Session().client(
        "s3",
        endpoint_url=place.endpoint,
        region_name=place.region or "us-east-1",
        config=config,
        **given,
    )


def _md5(content: bytes) -> str:
    """In transit only; what is at rest is guarded by the seal of `recovery.envelope`."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _of_even_size(parts: Iterable[bytes]) -> Iterator[bytes]:
    """S3 wants every part but the last to have at least 5 MiB; some stores want equal sizes."""
    waiting = bytearray()
    for part in parts:
        waiting += part
        while len(waiting) >= PART_BYTES:
            yield bytes(waiting[:PART_BYTES])
            del waiting[:PART_BYTES]
    yield bytes(waiting)
