"""S3 servers for tests, on loopback.

`versitygw` is a real one, used in production (Apache-2.0): it keeps buckets as folders. It comes
from PATH, or is built once from Go's module proxy into `.tools/`. `moto` is a faithful imitation
in Python that runs everywhere; it knows neither refused credentials nor a kill.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from insightengine.core.secrets import Secret
from insightengine.stores.objects.s3 import Addressing, Credentials, Lock, S3Objects, S3Place
from tests.ports import free_port

REPOSITORY = Path(__file__).parents[3]
VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
_BUILD_LIMIT_S = 540
_START_LIMIT_S = 15


@dataclass(frozen=True)
class S3Server:
    """A server that answers, and the credentials of its owner."""

    endpoint: str
    credentials: Credentials = field(
        default_factory=lambda: Credentials("test-owner", Secret("only-for-this-test"))
    )
    process: subprocess.Popen[bytes] | None = None

    def place(
        self,
        bucket: str,
        prefix: str = "",
        addressing: Addressing = Addressing.PATH,
        lock: Lock | None = None,
    ) -> S3Place:
        return S3Place(
            bucket,
            prefix,
            self.endpoint,
            "us-east-1",
            addressing,
            lock=lock,
            credentials=self.credentials,
        )

    def create(self, bucket: str, *, lockable: bool = False) -> None:
        self.client().create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=lockable)

    def client(self, credentials: Credentials | None = None) -> Any:
        """Of boto3, for what no repository does; the owner's where nobody else is named."""
        used = credentials or self.credentials
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=used.access_key_id,
            aws_secret_access_key=used.secret_access_key.reveal(),
        )

    def writer(self, bucket: str, *actions: str) -> Credentials:
        """A new user who may do this with the objects of a bucket, and list them: by a policy as
        docs/guides/backups.md recommends it. Of versitygw."""
        assert self.process is not None
        made = Credentials(f"writer-of-{bucket}", Secret("writer-secret"))
        owner = self.credentials
        command = [self.process.args[0], "admin", "--access", owner.access_key_id]  # type: ignore[index]
        command += ["--secret", owner.secret_access_key.reveal(), "--endpoint-url", self.endpoint]
        command += ["create-user", "--access", made.access_key_id, "--role", "user"]
        command += ["--secret", made.secret_access_key.reveal()]
        subprocess.run(command, check=True, capture_output=True, timeout=30)
        who = {"Effect": "Allow", "Principal": [made.access_key_id]}
        arn = f"arn:aws:s3:::{bucket}"
        objects = {**who, "Action": list(actions), "Resource": [f"{arn}/*"]}
        listing = ["s3:ListBucket", "s3:ListBucketVersions"]
        policy = {"Statement": [objects, {**who, "Action": listing, "Resource": [arn]}]}
        self.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        return made

    def store(self, bucket: str, prefix: str = "") -> S3Objects:
        return S3Objects(self.place(bucket, prefix))


@contextmanager
def versitygw(folder: Path, domain: str | None = None) -> Iterator[S3Server]:
    """Skips, saying why, where the server can neither be found nor be built."""
    program = _versitygw_program()
    port = free_port()
    server = S3Server(f"http://127.0.0.1:{port}")
    for name in ("buckets", "versions", "accounts"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    command = [program, "--port", f"127.0.0.1:{port}", "--quiet", "--iam-dir", folder / "accounts"]
    command += ["--virtual-domain", f"{domain}:{port}"] if domain else []
    command += ["posix", "--versioning-dir", folder / "versions", folder / "buckets"]
    environment = {
        "PATH": os.defpath,
        "ROOT_ACCESS_KEY": server.credentials.access_key_id,
        "ROOT_SECRET_KEY": server.credentials.secret_access_key.reveal(),
    }
    with (folder / "versitygw.log").open("wb") as log:
        process = subprocess.Popen(
            list(map(str, command)), env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait_for(port, process, folder / "versitygw.log")
        yield S3Server(server.endpoint, server.credentials, process)
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"versitygw does not answer: {log.read_text(encoding='utf-8')}")


def _versitygw_program() -> str:
    built = REPOSITORY / ".tools/bin/versitygw"
    found = shutil.which("versitygw") or (str(built) if built.exists() else None)
    if found:
        return found
    go = shutil.which("go")
    if go is None:
        pytest.skip("the S3 server versitygw is not on PATH, and there is no Go to build it")
    build = subprocess.run(
        [go, "install", VERSITYGW],
        env={**os.environ, "GOBIN": str(built.parent), "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=_BUILD_LIMIT_S,
        check=False,
    )
    if build.returncode != 0:
        pytest.skip(f"versitygw cannot be built here: {build.stderr.strip()[-300:]}")
    return str(built)


@contextmanager
def moto() -> Iterator[S3Server]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield S3Server(f"http://{host}:{port}")
    finally:
        server.stop()
