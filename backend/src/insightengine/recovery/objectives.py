"""How much would be lost now (RPO) and how long a restore would take (RTO), against the targets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from insightengine.core.lsn import Lsn
from insightengine.recovery.house import House
from insightengine.recovery.models import Backup, Standing
from insightengine.recovery.moments import Moment
from insightengine.recovery.plan import Target, TargetKind, restore_plan
from insightengine.recovery.restore import MEASURED_RESTORE, RATE

_UNMEASURED = "estimated, no restore was measured yet: insight drill restore"
_PROVEN = frozenset({Standing.VERIFIED, Standing.RESTORED})


@dataclass(frozen=True, slots=True)
class ObjectivesNow:
    """None means that it is not known, which is never good.

    `rto_s` is what the last verification, drill or restore took, `rto_estimate_s` what one would
    take for today's size; without any measurement both are the estimate. The worse one is held
    against the target: a drill of the past says nothing about what was added since.
    """

    rpo_s: float | None
    rpo_target_s: float | None
    rto_s: float | None
    rto_target_s: float | None
    is_rto_measured: bool
    newest_proven: str | None
    detail: str
    rto_estimate_s: float | None = None
    measured_at: str | None = None

    @property
    def expected_rto_s(self) -> float | None:
        known = [value for value in (self.rto_s, self.rto_estimate_s) if value is not None]
        return max(known, default=None)

    @property
    def breached(self) -> tuple[str, ...]:
        found = []
        if self.rpo_s is None or (self.rpo_target_s is not None and self.rpo_s > self.rpo_target_s):
            found.append("rpo")
        expected = self.expected_rto_s
        if self.rto_target_s is not None and (expected is None or expected > self.rto_target_s):
            found.append("rto")
        return tuple(found)

    def as_json(self) -> dict[str, Any]:
        return {
            "rpo_s": self.rpo_s,
            "rpo_target_s": self.rpo_target_s,
            "rto_s": self.rto_s,
            "rto_estimate_s": self.rto_estimate_s,
            "rto_target_s": self.rto_target_s,
            "is_rto_measured": self.is_rto_measured,
            "rto_measured_at": self.measured_at,
            "newest_proven": self.newest_proven,
            "breached": list(self.breached),
            "detail": self.detail,
        }


def rpo_s(
    server: Lsn | None, stored: Lsn | None, moments: list[Moment], now: datetime
) -> float | None:
    """Age of the oldest write that no repository has. 0 when they have everything.

    `moments` say when the server's WAL was where; None when nothing is stored.
    """
    if stored is None or server is None:
        return None
    if stored >= server:
        return 0.0
    # The earliest: where the clock was set back, the first one lies ahead and has no age.
    since = min((m.at for m in moments if m.lsn > stored), default=now)
    return max(0.0, round((now - since).total_seconds(), 3))


def objectives_now(house: House) -> ObjectivesNow:
    standings, backups = house.standings(), house.backups()
    proven = [b for b in backups if standings.get(b.id) in _PROVEN]
    targets = house.configuration.objectives
    measured = house.catalogue.fact(MEASURED_RESTORE)
    estimate = _rto(house, proven, standings)
    if not proven:
        detail = "no proven backup: everything would be lost"
        return ObjectivesNow(None, targets.rpo_s, None, targets.rto_s, False, None, detail)
    server = house.catalogue.fact("server")
    stored = [
        Lsn.parse(fact["lsn"])
        for repository in house.repositories
        if (fact := house.catalogue.fact(f"shipped {repository.name}")) and fact["timeline"]
    ]
    rpo = rpo_s(
        Lsn.parse(server["lsn"]) if server else None,
        max(stored, default=None),
        house.catalogue.moments(house.now() - timedelta(hours=1)),
        house.now(),
    )
    return ObjectivesNow(
        rpo,
        targets.rpo_s,
        measured["rto_s"] if measured else estimate,
        targets.rto_s,
        bool(measured),
        proven[-1].id,
        f"measured by {measured['operation']}" if measured else _UNMEASURED,
        estimate,
        measured["at"] if measured else None,
    )


def _rto(house: House, proven: list[Backup], standings: dict[str, Standing]) -> float | None:
    if not proven:
        return None
    latest = Target(TargetKind.LATEST, "latest")
    rate = house.catalogue.fact(RATE)
    return restore_plan(latest, house.backups(), standings, None, rate).estimated_s
