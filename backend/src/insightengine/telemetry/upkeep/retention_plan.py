"""Which records are to be removed, and when. Pure.

Records are kept by whole days (UTC): those of a day go when all of it is older than the days that
they are kept, which is one `DROP PARTITION` a table. A service that is kept shorter or longer than
the rest of its signal is removed from, or left in, the days of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from insightengine.telemetry.port import Signal
from insightengine.telemetry.schema import names

# Tables of each signal. Those with a service can lose the rows of one service; what has none goes
# with the longest of its signal.
TABLES: Final[Mapping[Signal, tuple[str, ...]]] = {
    Signal.LOGS: (
        *(names.LOGS, names.LOG_MINUTES, names.LOG_FACETS, names.LOG_PATTERNS),
        *(names.EDGE_REQUESTS, names.REQUEST_MINUTES, names.SERVICE_MINUTES),
    ),
    Signal.TRACES: (
        *(names.SPANS, names.TRACES, names.TRACE_INDEX, names.OPERATION_MINUTES),
        names.EXCEPTIONS,
    ),
    Signal.METRICS: (names.METRICS, names.SERIES, names.HOSTS),
}
WITH_SERVICE: Final = frozenset(
    {
        *(names.LOGS, names.LOG_MINUTES, names.LOG_FACETS, names.LOG_PATTERNS, names.SPANS),
        *(names.OPERATION_MINUTES, names.EXCEPTIONS, names.METRICS, names.SERIES, names.HOSTS),
    }
)
SIGNAL_OF: Final = {table: signal for signal, tables in TABLES.items() for table in tables}


@dataclass(frozen=True, slots=True)
class Policy:
    """Days that records are kept: of a service of a signal, else of the signal."""

    signals: Mapping[Signal, int]
    services: Mapping[tuple[Signal, str], int]

    def longest(self, signal: Signal) -> int:
        own = (days for (of, _), days in self.services.items() if of is signal)
        return max((self.signals[signal], *own))

    def of_services(self, signal: Signal) -> dict[str, int]:
        return {name: days for (of, name), days in self.services.items() if of is signal}


@dataclass(frozen=True, slots=True)
class StoredDay:
    """What a table holds of one day."""

    table: str
    day: date
    rows: int
    size_bytes: int


class Reason(StrEnum):
    AGE = "age"
    SIZE = "size"


@dataclass(frozen=True, slots=True)
class DropDay:
    """All of a day in one table."""

    table: str
    day: date
    reason: Reason


@dataclass(frozen=True, slots=True)
class DeleteServices:
    """Rows of a day: of `services`, or of all others where `is_all_others`."""

    table: str
    day: date
    services: tuple[str, ...]
    is_all_others: bool


Step = DropDay | DeleteServices


@dataclass(frozen=True, slots=True)
class Cold:
    """The cold tier that tables are on: after so many days, records of a signal move there."""

    policy: str
    days: Mapping[Signal, int]


@dataclass(frozen=True, slots=True)
class Removal:
    """When the records of a signal and day go, as far as age decides it.

    `cold_on` is when they move to the cold tier; None where there is none, or where they are
    removed before.
    """

    signal: Signal
    service: str | None
    day: date
    removed_on: date
    cold_on: date | None = None


def plan(
    policy: Policy, stored: Sequence[StoredDay], today: date, most_bytes: int | None
) -> tuple[Step, ...]:
    """By age first; then, where what is left is still too large, whole days, the oldest first.

    The present day is never dropped for its size: what arrives now is worth most.
    """
    by_age = [step for each in stored if (step := _by_age(policy, each, today)) is not None]
    dropped = {(step.table, step.day) for step in by_age if isinstance(step, DropDay)}
    left = [each for each in stored if (each.table, each.day) not in dropped]
    return (*by_age, *_by_size(left, today, most_bytes))


def _by_age(policy: Policy, stored: StoredDay, today: date) -> Step | None:
    signal = SIGNAL_OF.get(stored.table)
    if signal is None:
        return None
    age = (today - stored.day).days
    if age > policy.longest(signal):
        return DropDay(stored.table, stored.day, Reason.AGE)
    if stored.table not in WITH_SERVICE:
        return None
    own = policy.of_services(signal)
    if age > policy.signals[signal]:
        kept = tuple(sorted(name for name, days in own.items() if age <= days))
        return DeleteServices(stored.table, stored.day, kept, is_all_others=True)
    expired = tuple(sorted(name for name, days in own.items() if age > days))
    if not expired:
        return None
    return DeleteServices(stored.table, stored.day, expired, is_all_others=False)


def _by_size(left: Sequence[StoredDay], today: date, most_bytes: int | None) -> Iterable[DropDay]:
    over = 0 if most_bytes is None else sum(each.size_bytes for each in left) - most_bytes
    for day in sorted({each.day for each in left if each.day < today}):
        if over <= 0:
            return
        for each in left:
            if each.day == day:
                over -= each.size_bytes
                yield DropDay(each.table, each.day, Reason.SIZE)


def removals(
    policy: Policy, stored: Sequence[StoredDay], cold: Cold | None = None
) -> tuple[Removal, ...]:
    """What is stored now, and on which day it goes; services of their own apart."""
    found: list[Removal] = []
    for signal in Signal:
        days = sorted({each.day for each in stored if SIGNAL_OF.get(each.table) is signal})
        limits: dict[str | None, int] = {None: policy.signals[signal]}
        limits.update(policy.of_services(signal))
        found += [
            Removal(
                signal,
                service,
                day,
                day + timedelta(days=kept + 1),
                _cold_on(cold, signal, day, kept),
            )
            for service, kept in limits.items()
            for day in days
        ]
    return tuple(sorted(found, key=lambda r: (r.removed_on, r.signal, r.service or "")))


def _cold_on(cold: Cold | None, signal: Signal, day: date, kept: int) -> date | None:
    after = cold.days.get(signal) if cold else None
    return None if after is None or after > kept else day + timedelta(days=after)
