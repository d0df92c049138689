"""Times that repeat, in the five fields of cron, always in UTC. Pure: nobody here asks a clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMES = {
    **{name: number for number, name in enumerate(_WEEKDAYS)},
    **{name: number for number, name in enumerate(_MONTHS, start=1)},
}
_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 7),
)
_LONGEST_SEARCH = timedelta(days=366 * 8)  # 29 February comes at least this often
_TOLERATED = timedelta(hours=1)  # less is made good by waiting
_SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * sun",
    "@monthly": "0 0 1 * *",
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """`30 2 * * sun` and the like. As in cron, a day matches when either of the two day fields
    does, if both are restricted."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def next_after(self, moment: datetime) -> datetime:
        """The first time that matches after the moment."""
        at = moment.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        last = at + _LONGEST_SEARCH
        while at < last:
            if at.month not in self.months or not self._is_day(at):
                at = at.replace(hour=0, minute=0) + timedelta(days=1)
            elif at.hour not in self.hours:
                at = at.replace(minute=0) + timedelta(hours=1)
            elif at.minute not in self.minutes:
                at += timedelta(minutes=1)
            else:
                return at
        raise ValueError(f"the schedule {self.text!r} never comes")

    def is_due(self, last: datetime | None, now: datetime) -> bool:
        """Whether a time has passed since the last run; a run that was missed is made up once.

        A last run that is far ahead was noted by a clock that was set back since: it counts for
        nothing, or nothing would run until that time has come again.
        """
        if last is None or last > now + _TOLERATED:
            return True
        return self.next_after(last) <= now

    def _is_day(self, at: datetime) -> bool:
        of_month, of_week = at.day in self.days, at.isoweekday() % 7 in self.weekdays
        any_month_day, any_weekday = len(self.days) == 31, len(self.weekdays) == 7
        if any_month_day or any_weekday:
            return of_month and of_week
        return of_month or of_week


def parse_schedule(text: str) -> Schedule:
    """Raises ValueError that says which field is wrong and what it may be."""
    fields = _SHORT.get(text.strip().lower(), text).lower().split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"{len(fields)} fields, allowed are five: minute, hour, day, month, day of the week"
        )
    minutes, hours, days, months, weekdays = (
        _field(field, *bounds) for field, bounds in zip(fields, _FIELDS, strict=True)
    )
    schedule = Schedule(
        text.strip(), minutes, hours, days, months, frozenset(day % 7 for day in weekdays)
    )
    schedule.next_after(datetime(2024, 1, 1, tzinfo=UTC))
    return schedule


def _field(text: str, what: str, least: int, most: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        try:
            first, last = _span(span, least, most, open_ended=bool(step))
            every = int(step) if step else 1
        except ValueError:
            raise ValueError(f"{what}: {part!r} is neither a number nor a range") from None
        if not (least <= first <= last <= most and every >= 1):
            raise ValueError(f"{what}: {part!r} is not within {least} to {most}")
        found |= set(range(first, last + 1, every))
    return frozenset(found)


def _span(text: str, least: int, most: int, *, open_ended: bool) -> tuple[int, int]:
    if text == "*":
        return least, most
    first, dash, last = text.partition("-")
    begin = _value(first)
    if dash:
        return begin, _value(last)
    return begin, most if open_ended else begin


def _value(text: str) -> int:
    return _NAMES[text] if text in _NAMES else int(text)
