"""Points in time and ranges. Values only: nobody here asks a clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Half-open range [start, end), both in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a time range needs time zones")
        if self.end <= self.start:
            raise ValueError("a time range ends after it starts")

    @property
    def duration(self) -> timedelta:
        return self.end - self.start

    @property
    def start_ns(self) -> int:
        return to_ns(self.start)

    @property
    def end_ns(self) -> int:
        return to_ns(self.end)


def to_ns(moment: datetime) -> int:
    """Nanoseconds since the Unix epoch, without the rounding of a float."""
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def from_ns(nanoseconds: int) -> datetime:
    """The moment in UTC, cut to microseconds."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanoseconds // 1000)
