"""Takes away what `retention` names: catalogue first, then what is on disk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from insightengine.application.policy import ReleasePolicy
from insightengine.core.errors import ConflictError
from insightengine.release.means import Means
from insightengine.release.retention import Kept, Needed, Surplus, surplus
from insightengine.runtimes.port import Artefact
from insightengine.stores.journal.port import Journal, StoredRelease

_SERVED_BEFORE = 1  # so many releases back `insight rollback` goes without being told where


def find_surplus(
    means: Means, unit: str, now: datetime, younger_than_s: float | None = None
) -> Surplus:
    """By the policy of the release that serves; nothing before there is one.

    `younger_than_s` wins over the policy's age.
    """
    journal = means.journal
    state = journal.unit(unit)
    if state.serving is None:
        return Surplus()
    policy = _policy(means, journal.release(unit, state.serving))
    served: dict[str, datetime] = {}
    for release, since in journal.served(unit):
        served.setdefault(release, since)
    releases = [_kept(one, served.get(one.id)) for one in journal.releases(unit)]
    others = {
        artefact for one in journal.releases() if one.unit != unit for artefact in _artefacts(one)
    }
    needed = Needed(_needed_releases(journal, unit, list(served)), frozenset(others))
    return surplus(
        releases,
        means.runtime.artefacts(),
        needed,
        least=policy.keep,
        younger_than_s=policy.keep_s if younger_than_s is None else younger_than_s,
        now=now,
    )


def remove(means: Means, unit: str, found: Surplus) -> Surplus:
    """What really went: an artefact that still runs stays until the next time.

    The catalogue goes first: an artefact without a release is found again, but a release without
    its artefact would be offered for a rollback that cannot be.
    """
    for release in found.releases:
        means.journal.forget(unit, release)
    gone: list[Artefact] = []
    for artefact in found.artefacts:
        try:
            means.runtime.discard(artefact)
        except ConflictError:
            continue
        gone.append(artefact)
    kept = {v for one in means.journal.releases(unit) for v in _secrets(one)}
    means.forget_secrets(unit, kept)
    return Surplus(found.releases, tuple(gone))


def _secrets(stored: StoredRelease) -> list[str]:
    found = stored.content.get("secrets", {})
    return [str(version) for version in found.values()] if isinstance(found, Mapping) else []


def _policy(means: Means, serving: StoredRelease) -> ReleasePolicy:
    return means.open_unit(serving).source.application.release


def _needed_releases(journal: Journal, unit: str, served: list[str]) -> frozenset[str]:
    state = journal.unit(unit)
    before = [one for one in served if one != state.serving][:_SERVED_BEFORE]
    under_way = [one for o in journal.active(unit) for one in (o.release, o.previous)]
    wanted = (state.serving, state.warm, *before, *under_way)
    return frozenset(one for one in wanted if one)


def _kept(stored: StoredRelease, served: datetime | None) -> Kept:
    return Kept(stored.id, max(served or stored.created_at, stored.created_at), _artefacts(stored))


def _artefacts(stored: StoredRelease) -> frozenset[Artefact]:
    found = stored.content.get("artefacts", {})
    pairs = found.items() if isinstance(found, Mapping) else ()
    return frozenset(Artefact(str(service), str(digest)) for service, digest in pairs)
