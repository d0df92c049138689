"""Carries out retention: observes what is stored, plans, removes, and looks whether it is gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol

import structlog

from insightengine.core.errors import InvalidInputError
from insightengine.telemetry.port import Signal
from insightengine.telemetry.schema.layout import Layout
from insightengine.telemetry.upkeep import statements
from insightengine.telemetry.upkeep.retention_plan import (
    SIGNAL_OF,
    Cold,
    DeleteServices,
    DropDay,
    Policy,
    Removal,
    StoredDay,
    plan,
    removals,
)

_log = structlog.get_logger("telemetry.retention")
_MOST_DAYS = 3650


class Executor(Protocol):
    """One server or the engine in this process. Blocking; raises StoreQueryError."""

    def execute(self, statement: str) -> None: ...
    def lines(self, sql: str) -> list[str]:
        """Rows as lines of tab-separated text."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """`days` None takes a service's own retention back; `service` None means the whole signal."""

    signal: Signal
    service: str | None
    days: int | None


class Retention:
    """`default_days` holds for signals without a decision of their own."""

    def __init__(
        self,
        executor: Executor,
        *,
        default_days: int,
        most_bytes: int | None = None,
        layout: Layout | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._executor = executor
        self._default_days = default_days
        self._most_bytes = most_bytes
        self._layout = layout or Layout()
        self._now = now
        self._done: set[tuple[date, DeleteServices]] = set()

    def sweep(self) -> int:
        """Removes what is due; returns how many steps were taken. Repeatable after a kill."""
        today = self._now().date()
        taken = 0
        for step in plan(self.policy(), self.stored(), today, self._most_bytes):
            if isinstance(step, DeleteServices) and not self._is_due(today, step):
                continue
            self._executor.execute(statements.step_statement(step, self._layout))
            taken += 1
            _log.info(
                "records removed",
                table=step.table,
                day=step.day.isoformat(),
                reason=step.reason.value if isinstance(step, DropDay) else "age of services",
            )
        return taken

    def _is_due(self, today: date, step: DeleteServices) -> bool:
        """A day's services are looked at once a day: their rows come in order, mostly."""
        if (today, step) in self._done:
            return False
        condition = statements.step_condition(step)
        (rows,) = self._executor.lines(statements.count_statement(step.table, condition))
        if int(rows) == 0:
            self._done.add((today, step))
        return int(rows) > 0

    def policy(self) -> Policy:
        decided = [line.split("\t") for line in self._executor.lines(statements.POLICY_SQL)]
        signals = dict.fromkeys(Signal, self._default_days)
        signals |= {Signal(signal): int(days) for signal, service, days in decided if not service}
        services = {
            (Signal(signal), service): int(days) for signal, service, days in decided if service
        }
        return Policy(signals, services)

    def stored(self) -> list[StoredDay]:
        sql = statements.stored_statement(self._layout)
        found = [line.split("\t") for line in self._executor.lines(sql)]
        return [
            StoredDay(table, date.fromisoformat(day), int(rows), int(size))
            for table, day, rows, size in found
            if table in SIGNAL_OF
        ]

    def cold(self) -> Cold | None:
        """The tier that the tables are on, whatever the settings wish for now; None for none."""
        found = [
            line.split("\t")
            for line in self._executor.lines(statements.cooling_statement(self._layout))
        ]
        if not found:
            return None
        return Cold(found[0][1], {SIGNAL_OF[table]: int(days) for table, _, days in found})

    def _shown_cold(self, cold: Cold | None) -> Mapping[str, object] | None:
        if cold is None:
            return None
        sql = statements.cold_bytes_statement(cold.policy, self._layout)
        (size,) = self._executor.lines(sql)
        days = {signal.value: after for signal, after in cold.days.items()}
        return {"policy": cold.policy, "days": days, "stored_bytes": int(size)}

    def change(self, changes: Sequence[Change], by: str, *, dry_run: bool) -> Mapping[str, object]:
        """Decides, unless `dry_run`, and reports what then holds. The next sweep removes."""
        policy = changed(self.policy(), changes)
        if not dry_run:
            for one in changes:
                self._executor.execute(
                    statements.policy_statement(
                        one.signal.value, one.service or "", one.days or 0, by
                    )
                )
        return self.report(policy)

    def report(self, policy: Policy | None = None) -> Mapping[str, object]:
        """The decisions, what is stored, what goes when, and what the next sweep takes."""
        policy, cold = policy or self.policy(), self.cold()
        stored, today = self.stored(), self._now().date()
        steps = plan(policy, stored, today, self._most_bytes)
        sizes = {(each.table, each.day): each for each in stored}
        dropped = [sizes[step.table, step.day] for step in steps if isinstance(step, DropDay)]
        return {
            "default_days": self._default_days,
            "signals": {signal.value: days for signal, days in policy.signals.items()},
            "services": [
                {"signal": signal.value, "service": service, "days": days}
                for (signal, service), days in sorted(policy.services.items())
            ],
            "stored_bytes": sum(each.size_bytes for each in stored),
            "most_bytes": self._most_bytes,
            "cold": self._shown_cold(cold),
            "removals": [_removal(one) for one in removals(policy, stored, cold)],
            "next": [_shown(step) for step in steps],
            "next_bytes": sum(each.size_bytes for each in dropped),
            "next_rows": sum(each.rows for each in dropped),
        }


def changed(policy: Policy, changes: Sequence[Change]) -> Policy:
    """Raises InvalidInputError for days that make no sense."""
    signals, services = dict(policy.signals), dict(policy.services)
    for one in changes:
        if one.days is not None and not 1 <= one.days <= _MOST_DAYS:
            raise InvalidInputError(
                f"{one.signal} cannot be kept for {one.days} days; 1 to {_MOST_DAYS} are allowed"
            )
        if one.service is None:
            if one.days is None:
                raise InvalidInputError(f"how many days {one.signal} are kept is missing")
            signals[one.signal] = one.days
        elif one.days is None:
            services.pop((one.signal, one.service), None)
        else:
            services[one.signal, one.service] = one.days
    return Policy(signals, services)


def _removal(one: Removal) -> Mapping[str, object]:
    return {
        "signal": one.signal.value,
        "service": one.service,
        "day": str(one.day),
        "removed_on": str(one.removed_on),
        "cold_on": str(one.cold_on) if one.cold_on else None,
    }


def _shown(step: DropDay | DeleteServices) -> Mapping[str, object]:
    if isinstance(step, DropDay):
        return {"table": step.table, "day": str(step.day), "reason": step.reason.value}
    listed = list(step.services)
    return {
        "table": step.table,
        "day": str(step.day),
        "reason": "age",
        "services": None if step.is_all_others else listed,
        "except_services": listed if step.is_all_others else None,
    }
