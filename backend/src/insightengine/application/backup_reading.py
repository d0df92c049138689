"""Reads `x-insight.backup` and `x-insight.objectives` of the whole file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from insightengine.application.backup import (
    BackupPolicy,
    Extra,
    FolderTarget,
    Objectives,
    Retention,
    S3Target,
    Target,
    Verification,
    WalPolicy,
)
from insightengine.application.keys import Described, names
from insightengine.application.reading import Cursor, Given
from insightengine.core.schedule import Schedule, parse_schedule

_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([kKMGT]i?)?B?")
_UNITS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS |= {"Ki": 2**10, "ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*|")
_TABLE = re.compile(r"[^.\s]+\.[^.\s]+\.[^.\s]+")
_CLASS = re.compile(r"[A-Z][A-Z0-9_]{1,40}")
_MIB = 1024**2
_LEAST_RATE = 32 * 1024  # pg_basebackup takes no less
_MOST_RATE = 1024**3

BACKUP: Mapping[str, Described] = {
    "enabled": Described(
        "`true` or `false`", "`true`", "Whether the platform takes backups at all."
    ),
    "to": Described(
        "list of mappings",
        "the folder `backups` in the state folder, on the same disk",
        "Where backups and WAL are kept; each is written to all of them.",
    ),
    "full": Described("cron, UTC", "`30 2 * * sun`", "When a full base backup is taken."),
    "incremental": Described(
        "cron, UTC", "`30 2 * * *`", "When an incremental one is taken, of what changed since."
    ),
    "retention": Described("mapping", "see below", "What is kept; the rest is pruned."),
    "wal": Described("mapping", "see below", "How the write-ahead log is received and kept."),
    "verify": Described("mapping", "see below", "How backups are proven."),
    "rate": Described(
        "size", "as fast as it goes", "Most bytes a second that a backup reads and sends."
    ),
    "compression": Described("1 to 19", "`1`", "Level of zstd; higher is smaller and slower."),
    "include": Described(
        "list of `telemetry`, `cache`", "none", "What else is kept; days of telemetry only once."
    ),
}
TO: Mapping[str, Described] = {
    "folder": Described(
        "path", "", "A folder that exists, best on another disk; relative to the project."
    ),
    "s3": Described("`s3://BUCKET/PREFIX`", "", "A bucket of any store that speaks S3."),
    "endpoint": Described("URL", "AWS", "Address of that store."),
    "region": Described("text", "`us-east-1`", "Region of the bucket."),
    "addressing": Described(
        "`path` or `virtual`", "`path`", "Whether the bucket stands in the path or the host name."
    ),
    "storage_class": Described("text", "the bucket's", "Such as `STANDARD_IA`."),
    "lock": Described(
        "`governance` or `compliance`", "none", "Object lock; the bucket must be made for it."
    ),
    "lock_days": Described(
        "1 to 36500", "required with `lock`", "Days for which nobody can delete what was written."
    ),
}
RETENTION: Mapping[str, Described] = {
    "full": Described("1 to 1000", "`2`", "The newest full backups, with their incremental ones."),
    "days": Described("0 to 36500", "`14`", "Every backup that is not older."),
    "daily": Described("0 to 1000", "`0`", "The newest of each of that many days."),
    "weekly": Described("0 to 1000", "`0`", "The newest of each of that many weeks."),
    "monthly": Described("0 to 1000", "`0`", "The newest of each of that many months."),
    "yearly": Described("0 to 100", "`0`", "The newest of each of that many years."),
}
WAL: Mapping[str, Described] = {
    "synchronous": Described(
        "`true` or `false`",
        "`false`",
        "No commit is acknowledged before the receiver has it: nothing is lost, commits wait.",
    ),
    "ship_every": Described("duration", "`1s`", "Longest time that received WAL waits here."),
    "slot_limit": Described(
        "size", "`4GiB`", "Most WAL that the server holds for a receiver that went away."
    ),
    "spool_limit": Described(
        "size", "`8GiB`", "Most received WAL that waits for repositories that do not answer."
    ),
    "folder": Described("path", "the state folder", "Where WAL is received, best on another disk."),
}
VERIFY: Mapping[str, Described] = {
    "restore": Described(
        "cron, UTC", "`30 4 * * sun`", "When the newest backup is restored and looked at."
    ),
    "tables": Described(
        "list of `DATABASE.SCHEMA.TABLE`",
        "none",
        "Tables whose rows and checksum are compared after the restore, exactly.",
    ),
    "smoke": Described(
        "SQL", "none", "A query of the application's database that has to yield a true value."
    ),
    "sample": Described(
        "0 to 100", "`2`", "Percent of a backup's objects that are read back after it was taken."
    ),
}
OBJECTIVES: Mapping[str, Described] = {
    "rpo": Described("duration", "none", "The most that may be lost."),
    "rto": Described("duration", "none", "The longest that a restore may take."),
}


def read_backup(cursor: Cursor) -> BackupPolicy:
    if cursor.plain is False:
        return BackupPolicy(enabled=False)
    keys = _given(cursor, BACKUP)
    default = BackupPolicy()
    return BackupPolicy(
        enabled=keys.read("enabled", Cursor.boolean, default.enabled),
        to=keys.read("to", _targets, ()),
        full=keys.read("full", _schedule, default.full),
        incremental=keys.read("incremental", _schedule, default.incremental),
        retention=keys.read("retention", _retention, default.retention),
        wal=keys.read("wal", _wal, default.wal),
        verify=keys.read("verify", _verification, default.verify),
        rate_bytes_per_s=keys.read("rate", lambda c: _size(c, _LEAST_RATE, _MOST_RATE), None),
        compression=keys.read("compression", lambda c: c.integer(1, 19, "a level"), 1),
        include=keys.read("include", _extras, ()),
    )


def is_bucket(name: str) -> bool:
    return _BUCKET.fullmatch(name) is not None


def read_objectives(cursor: Cursor) -> Objectives:
    keys = _given(cursor, OBJECTIVES)
    return Objectives(
        rpo_s=keys.read("rpo", lambda c: c.seconds(), None),
        rto_s=keys.read("rto", lambda c: c.seconds(1.0), None),
    )


def _given(cursor: Cursor, table: Mapping[str, Described]) -> Given:
    return Given(cursor.keys(names(table)))


def _targets(cursor: Cursor) -> tuple[Target, ...]:
    found = [_target(item) for item in cursor.items("a list of folders and buckets")]
    return tuple(target for target in found if target is not None)


def _target(cursor: Cursor) -> Target | None:
    keys = _given(cursor, TO)
    if ("folder" in keys.keys) == ("s3" in keys.keys):
        if cursor.is_table:
            cursor.fail("names one of `folder` and `s3`", "folder: /mnt/backup")
        return None
    if "folder" in keys.keys:
        for name in keys.keys.keys() - {"folder"}:
            keys.keys[name].fail("goes with `s3` only")
        path = keys.keys["folder"].text("a path")
        return FolderTarget(path) if path else None
    return _bucket(keys)


def _bucket(keys: Given) -> S3Target | None:
    url = urlsplit(keys.read("s3", Cursor.text, ""))
    prefix = url.path.strip("/")
    if url.scheme != "s3" or not _BUCKET.fullmatch(url.netloc) or not _PREFIX.fullmatch(prefix):
        keys.keys["s3"].wrong("a bucket such as s3://BUCKET/PREFIX, without credentials")
        return None
    lock = keys.read("lock", lambda c: _word(c, ("governance", "compliance")), None)
    days = keys.read("lock_days", lambda c: c.integer(1, 36500, "a number of days"), None)
    if (lock is None) != (days is None):
        keys.keys["s3"].fail("has only one of `lock` and `lock_days`", "lock_days: 30")
    return S3Target(
        bucket=url.netloc,
        prefix=prefix,
        endpoint=keys.read("endpoint", _endpoint, None),
        region=keys.read("region", Cursor.text, None),
        addressing=keys.read("addressing", lambda c: _word(c, ("path", "virtual")), "path"),
        storage_class=keys.read("storage_class", _storage_class, None),
        lock=lock,
        lock_days=days,
    )


def _endpoint(cursor: Cursor) -> str | None:
    text = cursor.text("an address such as https://s3.example.org")
    if text is None:
        return None
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname or url.username or url.query:
        cursor.wrong("an address such as https://s3.example.org, without credentials")
        return None
    return text.rstrip("/")


def _storage_class(cursor: Cursor) -> str | None:
    text = cursor.text("a storage class")
    if text is not None and not _CLASS.fullmatch(text):
        cursor.wrong("a storage class such as STANDARD_IA")
        return None
    return text


def _retention(cursor: Cursor) -> Retention:
    keys = _given(cursor, RETENTION)
    default = Retention()

    def count(name: str, least: int, most: int, otherwise: int) -> int:
        return keys.read(name, lambda c: c.integer(least, most, "a number"), otherwise)

    return Retention(
        full=count("full", 1, 1000, default.full),
        days=count("days", 0, 36500, default.days),
        daily=count("daily", 0, 1000, default.daily),
        weekly=count("weekly", 0, 1000, default.weekly),
        monthly=count("monthly", 0, 1000, default.monthly),
        yearly=count("yearly", 0, 100, default.yearly),
    )


def _wal(cursor: Cursor) -> WalPolicy:
    keys = _given(cursor, WAL)
    default = WalPolicy()
    return WalPolicy(
        synchronous=keys.read("synchronous", Cursor.boolean, default.synchronous),
        ship_every_s=keys.read("ship_every", lambda c: c.seconds(0.2), default.ship_every_s),
        slot_limit_bytes=keys.read(
            "slot_limit", lambda c: _size(c, 64 * _MIB), default.slot_limit_bytes
        ),
        spool_limit_bytes=keys.read(
            "spool_limit", lambda c: _size(c, 64 * _MIB), default.spool_limit_bytes
        ),
        folder=keys.read("folder", Cursor.text, None),
    )


def _verification(cursor: Cursor) -> Verification:
    keys = _given(cursor, VERIFY)
    default = Verification()
    return Verification(
        restore=keys.read("restore", _schedule, default.restore),
        tables=keys.read("tables", _tables, ()),
        smoke=keys.read("smoke", Cursor.text, None),
        sample_percent=keys.read("sample", _percent, default.sample_percent),
    )


def _tables(cursor: Cursor) -> tuple[str, ...]:
    for item in cursor.items("a list of tables"):
        if not _TABLE.fullmatch(item.text("a table") or "a.b.c"):
            item.wrong("a table as DATABASE.SCHEMA.TABLE")
    return cursor.texts()


def _extras(cursor: Cursor) -> tuple[Extra, ...]:
    found = [item.choice(Extra) for item in cursor.items("a list of telemetry, cache")]
    return tuple(dict.fromkeys(extra for extra in found if extra is not None))


def _schedule(cursor: Cursor) -> Schedule | None:
    text = cursor.text("a schedule such as 30 2 * * *")
    if text is None:
        return None
    try:
        return parse_schedule(text)
    except ValueError as error:
        cursor.fail(str(error), "minute hour day month weekday, in UTC: 30 2 * * sun")
        return None


def _percent(cursor: Cursor) -> float | None:
    value = cursor.plain
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        cursor.wrong("a number from 0 to 100")
        return None
    return float(value)


def _size(cursor: Cursor, least: int, most: int = 2**60) -> int | None:
    allowed = "a size such as 50MB or 4GiB"
    text = cursor.text(allowed)
    if text is None:
        return None
    found = _SIZE.fullmatch(text)
    if found is None:
        cursor.wrong(allowed)
        return None
    size = int(float(found.group(1)) * _UNITS[found.group(2) or ""])
    if not least <= size <= most:
        cursor.wrong(f"{allowed}, at least {least} and at most {most} bytes")
        return None
    return size


def _word(cursor: Cursor, allowed: tuple[str, ...]) -> str | None:
    text = cursor.text(" or ".join(allowed))
    if text is not None and text not in allowed:
        cursor.wrong(" or ".join(allowed))
        return None
    return text
