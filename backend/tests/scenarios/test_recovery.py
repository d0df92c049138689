"""The data directory is lost under load, and the machine: what was acknowledged comes back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from benchmarks.commits import Commits
from tests.contracts.object_stores import S3Server, versitygw
from tests.scenarios.platform import INSIGHT, REPOSITORY, Platform, eventually, throwaway_platform

BUCKET = "backups"
BACKUP = """
x-insight:
  backup:
    to:
      - s3: s3://{bucket}/shop
        endpoint: {endpoint}
    wal: {{synchronous: true}}
    include: [telemetry]
"""


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[S3Server]:
    with versitygw(tmp_path) as server:
        server.create(BUCKET)
        yield server


def conninfo(platform: Platform, database: str) -> str:
    secret = platform.state / "secrets/postgres_admin_password"
    password = secret.read_text(encoding="utf-8").strip()
    return (
        f"host=127.0.0.1 port={platform.base_port + 32} user=insight_admin dbname={database} "
        f"password={password} connect_timeout=2"
    )


def value(platform: Platform, statement: str, database: str = "app_shop") -> Any:
    with psycopg.connect(conninfo(platform, database), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def with_keys(server: S3Server, platform: Platform) -> None:
    """The access key goes in through standard input, never as an argument."""
    key = server.credentials
    subprocess.run(
        [str(INSIGHT), "backup", "credentials", "--project", str(platform.folder)],
        input=f"{key.access_key_id}\n{key.secret_access_key.reveal()}\n",
        env=platform.environment(),
        text=True,
        check=True,
        capture_output=True,
    )


def shop_with_backups(platform: Platform, server: S3Server) -> None:
    shutil.copytree(
        REPOSITORY / "examples/shop",
        platform.folder,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__", ".venv", "tests"),
    )
    compose = platform.folder / "compose.yaml"
    added = BACKUP.format(bucket=BUCKET, endpoint=server.endpoint)
    compose.write_text(compose.read_text(encoding="utf-8") + added, encoding="utf-8")
    platform.insight("up", "--detach")
    with_keys(server, platform)
    platform.insight("recover", "key", "create", "--out", str(platform.folder / "recovery.key"))
    platform.insight("restart", "backups")


def is_proven(platform: Platform) -> bool:
    listed = json.loads(platform.insight("backup", "list", "--json").stdout)["backups"]
    return any(one["standing"] == "verified" for one in listed)


def destroy(platform: Platform) -> None:
    """kill -9 of PostgreSQL, and its data directory is gone."""
    cluster = platform.state / "postgres"
    pid = int((cluster / "postmaster.pid").read_text(encoding="utf-8").split()[0])
    os.kill(pid, signal.SIGKILL)
    doomed = cluster.with_name("doomed")
    cluster.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


@pytest.mark.timeout(280)
def test_a_lost_cluster_and_a_lost_machine_come_back_with_every_acknowledged_commit(
    bucket: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with throwaway_platform() as platform:
        shop_with_backups(platform, bucket)
        eventually(lambda: is_proven(platform), 60, "a first backup is proven")
        commits = Commits(conninfo(platform, "app_shop"))
        commits.create()
        with commits.running():
            commits.wait_for(300)
            destroy(platform)
        platform.insight("restore", "--yes")
        assert commits.lost() == 0
        eventually(platform.is_whole, 60, "the shop serves again")

        products = value(platform, "SELECT count(*) FROM products")
        key = platform.folder / "recovery.key"
        eventually(lambda: not behind(platform), 30, "the bucket has everything")
        visits = lost_and_brought_back(platform)
        platform.insight("down")

        monkeypatch.setenv("AWS_ACCESS_KEY_ID", bucket.credentials.access_key_id)
        secret = bucket.credentials.secret_access_key.reveal()
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        with throwaway_platform() as other:
            other.insight(
                *("recover", "--from", f"s3://{BUCKET}/shop", "--endpoint", bucket.endpoint),
                *("--key", str(key), "--yes", "--telemetry"),
            )
            eventually(other.is_whole, 60, "the recovered platform serves")
            assert httpx.get(f"{other.shop}/api/products", timeout=10).status_code == 200
            assert value(other, "SELECT count(*) FROM products") == products > 0
            moved = Commits(conninfo(other, "app_shop"))
            assert commits.acknowledged.keys() <= moved.present()
            assert moved.torn() == 0
            assert marked(other) == visits


def marked(platform: Platform) -> dict[str, Any]:
    """The edge's records of visits that `lost_and_brought_back` made, and a checksum over them."""
    (found,) = platform.sql(
        "SELECT toUInt32(count()) AS n, groupBitXor(cityHash64(*)) AS sum FROM logs "
        "WHERE ServiceName = 'edge' AND LogAttributes['path'] LIKE '/marked-%'"
    )
    return found


def lost_and_brought_back(platform: Platform) -> dict[str, Any]:
    """A backup with telemetry of visits. Asked for at once, it brings nothing: all is there."""
    for number in range(7):
        httpx.get(f"{platform.shop}/marked-{number}", timeout=10)
    eventually(lambda: marked(platform)["n"] == 7, 30, "the visits are stored")
    made = json.loads(platform.insight("backup", "create", "--json").stdout)
    assert made["telemetry_operation"], made
    kept = eventually(lambda: kept_of(platform, made["backup"]), 60, "the telemetry is stored")
    assert kept["telemetry_rows"] >= 7, kept
    again = json.loads(platform.insight("restore", "--telemetry", "--json").stdout)
    assert (again["backup"], again["rows"]) == (made["backup"], 0)
    return marked(platform)


def kept_of(platform: Platform, backup: str) -> dict[str, Any] | None:
    """What is told of a backup's telemetry once it is stored."""
    told = json.loads(platform.insight("backup", "show", backup).stdout)["telemetry"]
    return None if "telemetry_operation" in told else told


def behind(platform: Platform) -> bool:
    found = json.loads(platform.insight("backup", "status", "--json").stdout)
    return bool(found["objectives"]["rpo_s"])
