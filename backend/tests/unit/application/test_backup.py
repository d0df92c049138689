"""`x-insight.backup` and `objectives`: read, defaulted, and refused with what is allowed."""

from __future__ import annotations

import pytest

from insightengine.application.backup import (
    BackupPolicy,
    Extra,
    FolderTarget,
    Objectives,
    Retention,
    S3Target,
)
from insightengine.application.load import load_application
from insightengine.application.model import Application
from insightengine.core.errors import InvalidInputError

SERVICES = "services:\n  web:\n    image: nginx\n"


def application(insight: str = "") -> Application:
    return load_application(f"{SERVICES}{insight}", "shop/compose.yaml", {"BUCKET": "kept"})


def backup(keys: str) -> BackupPolicy:
    return application(f"x-insight:\n  backup:\n{keys}").backup


def test_without_a_word_backups_are_taken() -> None:
    found = application()
    assert found.backup == BackupPolicy()
    assert found.backup.enabled
    assert found.objectives == Objectives()


def test_everything_that_can_be_said_is_read() -> None:
    found = backup(
        """
    to:
      - folder: /mnt/backup
      - s3: s3://${BUCKET}/shop/production
        endpoint: https://s3.example.org/
        region: eu-1
        addressing: virtual
        storage_class: STANDARD_IA
        lock: compliance
        lock_days: 30
    full: 0 2 * * sun
    incremental: "@hourly"
    retention: {full: 4, days: 30, daily: 7, weekly: 4, monthly: 12, yearly: 3}
    wal: {synchronous: true, ship_every: 500ms, slot_limit: 2GiB, spool_limit: 10GB, folder: ../wal}
    verify: {restore: "@daily", tables: [shop.public.orders], smoke: SELECT true, sample: 0.5}
    rate: 50MB
    compression: 3
    include: [telemetry, cache]
"""
    )
    assert found.to == (
        FolderTarget("/mnt/backup"),
        S3Target(
            bucket="kept",
            prefix="shop/production",
            endpoint="https://s3.example.org",
            region="eu-1",
            addressing="virtual",
            storage_class="STANDARD_IA",
            lock="compliance",
            lock_days=30,
        ),
    )
    assert found.incremental.text == "@hourly"
    assert found.retention == Retention(4, 30, 7, 4, 12, 3)
    assert found.wal.synchronous
    assert (found.wal.ship_every_s, found.wal.slot_limit_bytes) == (0.5, 2 * 1024**3)
    assert (found.wal.spool_limit_bytes, found.wal.folder) == (10 * 10**9, "../wal")
    assert found.verify.tables == ("shop.public.orders",)
    assert (found.verify.smoke, found.verify.sample_percent) == ("SELECT true", 0.5)
    assert (found.rate_bytes_per_s, found.compression) == (50 * 10**6, 3)
    assert found.include == (Extra.TELEMETRY, Extra.CACHE)


def test_backups_can_be_switched_off() -> None:
    assert not application("x-insight:\n  backup: false\n").backup.enabled
    assert not backup("    enabled: false\n").enabled


def test_objectives_are_durations() -> None:
    found = application("x-insight:\n  objectives: {rpo: 5s, rto: 15m}\n").objectives
    assert found == Objectives(rpo_s=5.0, rto_s=900.0)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("    too: []\n", "did you mean `to`"),
        ("    to: [{}]\n", "one of `folder` and `s3`"),
        ("    to: [{folder: /a, s3: s3://bucket}]\n", "one of `folder` and `s3`"),
        ("    to: [{folder: /a, region: x}]\n", "with `s3` only"),
        ("    to: [{s3: https://bucket}]\n", "s3://BUCKET/PREFIX"),
        ("    to: [{s3: 's3://key:secret@bucket'}]\n", "without credentials"),
        ("    to: [{s3: s3://bucket, endpoint: s3.example.org}]\n", "https://s3.example.org"),
        ("    to: [{s3: s3://bucket, endpoint: 'https://a:b@c'}]\n", "without credentials"),
        ("    to: [{s3: s3://bucket, lock: forever, lock_days: 1}]\n", "governance or compliance"),
        ("    to: [{s3: s3://bucket, lock: governance}]\n", "lock_days: 30"),
        ("    full: tomorrow\n", "five"),
        ("    retention: {full: 0}\n", "1 to 1000"),
        ("    wal: {slot_limit: 1}\n", "at least 67108864"),
        ("    wal: {ship_every: 1ms}\n", "at least 0.2s"),
        ("    rate: fast\n", "50MB"),
        ("    compression: 20\n", "1 to 19"),
        ("    include: [everything]\n", "telemetry, cache"),
        ("    verify: {tables: [orders]}\n", "DATABASE.SCHEMA.TABLE"),
        ("    verify: {sample: 101}\n", "0 to 100"),
    ],
)
def test_what_is_wrong_is_told_with_what_is_allowed(keys: str, expected: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        backup(keys)
    assert expected in f"{raised.value.message} {raised.value.hint}"
    assert "x-insight.backup" in raised.value.message
