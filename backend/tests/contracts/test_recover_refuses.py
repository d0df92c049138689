"""`insight recover` where it cannot: says what is wrong, and leaves the folder as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from insightengine.recovery.keys import Keyring, new_identity, new_seal, public_half
from insightengine.recovery.keys import recovery_key_text as key_text
from insightengine.recovery.repository import ClusterNote, note_cluster
from insightengine.stores.objects.s3 import S3Objects
from tests.contracts.object_stores import S3Server, versitygw
from tests.ports import free_port

INSIGHT = Path(sys.executable).with_name("insight")
BUCKET = "backups"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """With the repository of a cluster that was lost before its first backup was whole."""
    with versitygw(tmp_path_factory.mktemp("s3")) as found:
        found.create(BUCKET)
        note_cluster(S3Objects(found.place(BUCKET, "shop")), lost_cluster())
        yield found


def lost_cluster() -> ClusterNote:
    key = new_identity()
    keyring = Keyring((public_half(key),), (key,), new_seal())
    return ClusterNote("17", "shop", "lost", keyring.recipients, datetime.now(UTC))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "some.key"
    text = key_text(new_identity(), new_seal(), datetime.now(UTC), "somebody else")
    file.write_text(text.reveal(), encoding="utf-8")
    return file


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def recover(
    server: S3Server, empty: Path, *arguments: str, secret: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Refused, without a trace in the folder, and without a traceback."""
    known = server.credentials
    done = subprocess.run(
        [str(INSIGHT), "recover", *arguments, "--project", str(empty), "--yes"],
        env={
            **os.environ,
            "AWS_ACCESS_KEY_ID": known.access_key_id,
            "AWS_SECRET_ACCESS_KEY": secret or known.secret_access_key.reveal(),
        },
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.startswith("error: "), done.stderr
    assert "hint: " in done.stderr
    assert list(empty.iterdir()) == []
    return done


def test_a_key_of_another_platform_names_both_keys(
    server: S3Server, empty: Path, key: Path
) -> None:
    place = (f"s3://{BUCKET}/shop", "--endpoint", server.endpoint)
    refused = recover(server, empty, "--from", *place, "--key", str(key))
    assert "is the key age1" in refused.stderr
    assert "is encrypted to age1" in refused.stderr


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("s3://no-such-bucket/shop", "no-such-bucket"),
        (f"s3://{BUCKET}/other", f"s3://{BUCKET}/other at"),
        ("s3:/backups", "allowed are s3://BUCKET/PREFIX and the path of a folder"),
        ("https://backups.example.org/shop", "allowed are s3://BUCKET/PREFIX"),
        ("/no/such/folder", "/no/such/folder does not exist"),
    ],
)
def test_a_place_without_a_repository_is_named(
    server: S3Server, empty: Path, key: Path, source: str, told: str
) -> None:
    refused = recover(
        server, empty, "--from", source, "--endpoint", server.endpoint, "--key", str(key)
    )
    assert told in refused.stderr


def test_an_access_key_that_the_store_refuses_is_not_taken_for_an_empty_bucket(
    server: S3Server, empty: Path, key: Path
) -> None:
    place = (f"s3://{BUCKET}/shop", "--endpoint", server.endpoint)
    refused = recover(
        server, empty, "--from", *place, "--key", str(key), secret="not-the-secret-of-this-key"
    )
    assert "SignatureDoesNotMatch" in refused.stderr
    assert "hint: the access key is that of AWS_ACCESS_KEY_ID" in refused.stderr


def test_without_a_network_it_says_so_and_to_try_again(
    server: S3Server, empty: Path, key: Path
) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    refused = recover(
        server, empty, "--from", f"s3://{BUCKET}/shop", "--endpoint", endpoint, "--key", str(key)
    )
    assert f"at {endpoint} does not answer" in refused.stderr
    assert "run the same command again" in refused.stderr


def test_a_key_that_is_not_there_is_told_before_the_network_is_asked(
    server: S3Server, empty: Path, key: Path
) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    missing = str(key.with_name("missing.key"))
    refused = recover(
        server, empty, "--from", f"s3://{BUCKET}/shop", "--endpoint", endpoint, "--key", missing
    )
    assert f"the key {missing} cannot be read" in refused.stderr
