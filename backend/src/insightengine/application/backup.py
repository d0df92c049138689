"""`x-insight.backup` and `x-insight.objectives`: what is kept, where, how long, and how soon it
has to be back. Values only; `backup_reading` makes them out of the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from insightengine.core.schedule import Schedule, parse_schedule


class Extra(StrEnum):
    """What may be kept beside the databases."""

    TELEMETRY = "telemetry"
    CACHE = "cache"


@dataclass(frozen=True, slots=True)
class FolderTarget:
    """`path` as written; relative ones are meant from the project's folder."""

    path: str


@dataclass(frozen=True, slots=True)
class S3Target:
    """`lock` is `governance` or `compliance`; then `lock_days` is set, too."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    addressing: str = "path"
    storage_class: str | None = None
    lock: str | None = None
    lock_days: int | None = None


Target = FolderTarget | S3Target


@dataclass(frozen=True, slots=True)
class Retention:
    """A backup is kept while any of these wants it; what a kept one needs is kept with it.

    `full` counts the newest full backups, `days` their age. `daily` and so on keep the newest
    verified backup of that many past days, weeks, months, years that have one.
    """

    full: int = 2
    days: int = 14
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0


@dataclass(frozen=True, slots=True)
class WalPolicy:
    """`synchronous`: no commit is acknowledged before the receiver has it on its disk.

    The limits keep disks from filling: `slot_limit_bytes` on the server while the receiver is away,
    `spool_limit_bytes` for received WAL that no repository takes.
    """

    synchronous: bool = False
    ship_every_s: float = 1.0
    slot_limit_bytes: int = 4 * 1024**3
    spool_limit_bytes: int = 8 * 1024**3
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """`restore` is when the newest backup is restored into a scratch server and looked at.

    `tables` are `DATABASE.SCHEMA.TABLE` or `SERVICE.SCHEMA.TABLE`; `smoke` is a query of the
    application's database whose first value has to be neither null, false nor 0.
    """

    restore: Schedule = field(default_factory=lambda: parse_schedule("30 4 * * sun"))
    tables: tuple[str, ...] = ()
    smoke: str | None = None
    sample_percent: float = 2.0


@dataclass(frozen=True, slots=True)
class BackupPolicy:
    """`to` is empty for the folder `backups` of the state folder, on the same disk."""

    enabled: bool = True
    to: tuple[Target, ...] = ()
    full: Schedule = field(default_factory=lambda: parse_schedule("30 2 * * sun"))
    incremental: Schedule = field(default_factory=lambda: parse_schedule("30 2 * * *"))
    retention: Retention = Retention()
    wal: WalPolicy = WalPolicy()
    verify: Verification = field(default_factory=Verification)
    rate_bytes_per_s: int | None = None
    compression: int = 1
    include: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True)
class Objectives:
    """What may be lost and how long a restore may take, in seconds; None where nobody said."""

    rpo_s: float | None = None
    rto_s: float | None = None
