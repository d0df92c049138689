"""Where everything lies in a repository. Pure; the layout is described in docs/reference.

repository.json                         plain: version, clusters' recipients
clusters/ID/backups/BACKUP.json.zst.age what a backup is; written last, so its presence counts
clusters/ID/data/BACKUP/000000.tar.zst.age …
clusters/ID/data/BACKUP/manifest.zst.age
clusters/ID/state/BACKUP/000000.tar.zst.age …
clusters/ID/state/BACKUP/telemetry.json.zst.age   which bundles of records belong to it
clusters/ID/telemetry/BUNDLE/000000.tar.zst.age … 000007-end.tar.zst.age   named by their content
clusters/ID/checks/BACKUP/TIME.json.zst.age
clusters/ID/points/NAME.json.zst.age
clusters/ID/wal/TIMELINE/SEGMENT.zst.age
clusters/ID/wal/TIMELINE/SEGMENT.part/OFFSET.zst.age
clusters/ID/wal/TIMELINE/TIMELINE.history.zst.age
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from insightengine.core.lsn import Segment
from insightengine.recovery.models import BackupKind

BUNDLES = "telemetry/"
REPOSITORY = "repository.json"
KNOWN = "known/"
SUFFIX = ".zst.age"
_ID = re.compile(r"(\d{8}T\d{6}Z)-(full|incr)(-\d+)?")
_SLICE = re.compile(r"wal/[0-9A-F]{8}/([0-9A-F]{24})\.part/([0-9A-F]{8})\.zst\.age")
_WHOLE = re.compile(r"wal/[0-9A-F]{8}/([0-9A-F]{24})\.zst\.age")
_HISTORY = re.compile(r"wal/[0-9A-F]{8}/([0-9A-F]{8})\.history\.zst\.age")
_PIECE = re.compile(r"telemetry/([0-9a-f]{40})/([0-9]{6})(-end)?\.tar\.zst\.age")
_POINT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,62}")


def cluster_prefix(cluster: str) -> str:
    return f"clusters/{cluster}/"


def cluster_note(cluster: str) -> str:
    return f"{KNOWN}{cluster}.json"


def new_backup_id(kind: BackupKind, at: datetime, taken: frozenset[str] = frozenset()) -> str:
    """Sorts by time; readable; unique among `taken`."""
    short = "full" if kind is BackupKind.FULL else "incr"
    name = f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{short}"
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name}-{number}"
    return unique


def is_backup_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def is_point_name(text: str) -> bool:
    """PostgreSQL allows 63 bytes; ours also have to stand in an object's key."""
    return _POINT.fullmatch(text) is not None


def backup(backup_id: str) -> str:
    return f"backups/{backup_id}.json{SUFFIX}"


def backup_of(key: str) -> str | None:
    """The id of the backup that a key of `backups/` describes."""
    name = key.removeprefix("backups/").removesuffix(f".json{SUFFIX}")
    return name if is_backup_id(name) and key == backup(name) else None


def data_folder(backup_id: str) -> str:
    return f"data/{backup_id}/"


def data(backup_id: str, number: int) -> str:
    return f"data/{backup_id}/{number:06d}.tar{SUFFIX}"


def manifest(backup_id: str) -> str:
    return f"data/{backup_id}/manifest{SUFFIX}"


def state_folder(backup_id: str) -> str:
    return f"state/{backup_id}/"


def state(backup_id: str, number: int) -> str:
    return f"state/{backup_id}/{number:06d}.tar{SUFFIX}"


def records(backup_id: str) -> str:
    """Lists the bundles of telemetry that were stored at the time of a backup."""
    return f"{state_folder(backup_id)}telemetry.json{SUFFIX}"


def piece(bundle: str, number: int, *, is_last: bool) -> str:
    """That the last one is called so tells from a listing alone whether a bundle is whole."""
    return f"{BUNDLES}{bundle}/{number:06d}{'-end' if is_last else ''}.tar{SUFFIX}"


def piece_of(key: str) -> tuple[str, int, bool] | None:
    """Bundle, number, and whether it is the last piece."""
    found = _PIECE.fullmatch(key)
    return (found.group(1), int(found.group(2)), found.group(3) is not None) if found else None


def checks_folder(backup_id: str) -> str:
    return f"checks/{backup_id}/"


def check(backup_id: str, at: datetime) -> str:
    return f"checks/{backup_id}/{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}.json{SUFFIX}"


def point(name: str) -> str:
    return f"points/{name.replace(':', '=')}.json{SUFFIX}"


def wal_folder(timeline: int) -> str:
    return f"wal/{timeline:08X}/"


def wal(segment: Segment) -> str:
    return f"{wal_folder(segment.timeline)}{segment.name}{SUFFIX}"


def wal_slices(segment: Segment) -> str:
    return f"{wal_folder(segment.timeline)}{segment.name}.part/"


def wal_slice(segment: Segment, offset: int) -> str:
    return f"{wal_slices(segment)}{offset:08X}{SUFFIX}"


def history(timeline: int) -> str:
    return f"{wal_folder(timeline)}{timeline:08X}.history{SUFFIX}"


def segment_of(key: str) -> Segment | None:
    """The segment that a key holds whole."""
    found = _WHOLE.fullmatch(key)
    return Segment.parse(found.group(1)) if found else None


def slice_of(key: str) -> tuple[Segment, int] | None:
    """Segment and offset of a key that holds a part of it."""
    found = _SLICE.fullmatch(key)
    segment = Segment.parse(found.group(1)) if found else None
    return (segment, int(found.group(2), 16)) if found and segment else None


def history_of(key: str) -> int | None:
    found = _HISTORY.fullmatch(key)
    return int(found.group(1), 16) if found else None
