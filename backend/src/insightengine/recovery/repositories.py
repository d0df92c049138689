"""The repositories of a platform, as its worker finds them when it starts."""

from __future__ import annotations

import os
from datetime import timedelta

import structlog

from insightengine.core.errors import InsightError
from insightengine.recovery.house import House
from insightengine.recovery.moments import thinned
from insightengine.recovery.repository import ClusterNote, note_cluster, require_repository
from insightengine.stores.objects.port import ObjectStore

_log = structlog.get_logger("backups")


def initialise(house: House) -> None:
    """Creates repositories that were never there; one that was and is gone is left alone."""
    old = house.now() - timedelta(days=1)
    moments = [moment for moment in house.catalogue.moments() if moment.at < old]
    house.catalogue.thin_moments(thinned(moments, timedelta(minutes=1)), old)
    for repository in house.repositories:
        known = f"initialised {repository.name}"
        note = ClusterNote(
            repository.cluster,
            house.configuration.application,
            os.uname().nodename,
            house.keyring.recipients,
            house.now(),
        )
        try:
            if house.catalogue.fact(known):
                require_repository(repository.store)
            _note(repository.store, note)
            house.catalogue.set_fact(known, True)
        except InsightError as error:
            _log.warning(error.message, hint=error.hint)


def _note(store: ObjectStore, note: ClusterNote) -> None:
    store.check()
    note_cluster(store, note)
