"""The verbs of promotion: from one environment of this machine to the next."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from insightengine.application.load import Overlay, load_application
from insightengine.application.model import Application
from insightengine.core.errors import ConflictError, NotFoundError
from insightengine.release.models import Kind
from insightengine.release.promotion import (
    Difference,
    Standing,
    built_otherwise,
    differences,
    why_not,
)
from insightengine.runtimes.port import InstanceState
from insightengine.stores.journal.port import Asked, Journal, Json, Operation, Phase, StoredRelease
from insightengine.wiring.compose_files import find_overlay
from insightengine.wiring.environment import PlatformContext, given_variables, written_variables
from insightengine.wiring.operations import journal_of, only_unit, open_journal
from insightengine.wiring.release import looking_means, request_of, unit_of

_WELL = (InstanceState.RUNNING, InstanceState.STARTING)


@dataclass(frozen=True, slots=True)
class Promotion:
    """What is to be promoted, and what will be different there. Nothing was changed yet.

    `parameters` are those of the deployment in the other environment; they hold variables of its
    environment: never show them.
    """

    release: str
    operation: int
    unit: str
    source: str
    target: str
    artefacts: Mapping[str, str]
    differences: tuple[Difference, ...]
    own_secrets: tuple[str, ...]
    parameters: Json

    def shown(self) -> dict[str, object]:
        return {
            "release": self.release,
            "operation": self.operation,
            "unit": self.unit,
            "from": self.source,
            "to": self.target,
            "artefacts": dict(self.artefacts),
            "differences": [asdict(one) for one in self.differences],
            "own_secrets": list(self.own_secrets),
        }


def prepare_promotion(
    source: PlatformContext, target: PlatformContext, release: str | None = None
) -> Promotion:
    """Looks at both environments. Raises ConflictError when the release may not go on."""
    if source.state.root == target.state.root:
        raise ConflictError(
            f"{source.settings.environment} cannot be promoted to itself",
            code="not_promotable",
            hint="insight promote --from staging --to production",
        )
    journal = journal_of(source)
    unit = only_unit(journal)
    state = journal.unit(unit)
    wanted = release or state.serving
    if wanted is None:
        raise NotFoundError(
            f"nothing serves in {source.settings.environment}", hint="insight deploy"
        )
    stored = journal.release(unit, wanted)
    operation = _released_by(journal, unit, stored.id)
    _refuse_unfit(source, journal, stored, operation)
    parameters = _parameters(target, stored)
    before = unit_of(stored).source.application
    after = _application(parameters)
    _refuse_another_build(before, after, stored, target)
    digests = _digests(stored)
    return Promotion(
        stored.id,
        operation.id if operation else 0,
        unit,
        source.settings.environment.value,
        target.settings.environment.value,
        digests,
        differences(before, after),
        tuple(sorted(map(str, _mapping(stored.content.get("secrets"))))),
        {
            **parameters,
            "sql": stored.config.get("sql", {}),
            "promoted": {
                "environment": source.settings.environment.value,
                "release": stored.id,
                "state": str(source.state.root),
                "artefacts": digests,
            },
        },
    )


def ask_promotion(
    target: PlatformContext, promotion: Promotion, by: str, message: str = ""
) -> Operation:
    """Queues it for the releaser there. Raises NotFoundError where no platform is up."""
    journal_of(target)
    told = message or f"promoted from {promotion.source}"
    asked = Asked(promotion.unit, Kind.DEPLOY.value, by, told, promotion.parameters)
    return open_journal(target).ask(asked, datetime.now(UTC))


def _released_by(journal: Journal, unit: str, release: str) -> Operation | None:
    """The last deployment of that release that came to its end, whatever that was."""
    for operation in journal.operations(unit, None, 200):
        is_real = operation.kind == Kind.DEPLOY.value and operation.state != "unchanged"
        if operation.release == release and is_real and operation.started_at:
            return operation
    return None


def _refuse_unfit(
    source: PlatformContext, journal: Journal, stored: StoredRelease, operation: Operation | None
) -> None:
    entries = journal.entries(operation.id) if operation else ()
    found = [
        one
        for one in looking_means(source, journal).runtime.instances(stored.unit)
        if one.release == stored.id
    ]
    refused = why_not(
        Standing(
            source.settings.environment.value,
            stored.id,
            journal.unit(stored.unit).serving,
            operation.state if operation else None,
            frozenset(one.step for one in entries if one.phase is Phase.DONE),
            bool(unit_of(stored).source.application.release.tests),
            len(found),
            sum(one.state not in _WELL for one in found),
            bool(journal.active(stored.unit)),
        )
    )
    if refused is not None:
        raise ConflictError(refused.message, code=refused.code, hint=refused.hint)


def _refuse_another_build(
    before: Application, after: Application, stored: StoredRelease, target: PlatformContext
) -> None:
    environment = target.settings.environment
    otherwise = built_otherwise(before, after)
    if otherwise is not None:
        raise ConflictError(
            f"nothing was promoted: {environment} changes {otherwise}, so release {stored.id} "
            "would not be what was tested",
            code="not_promotable",
            hint=f"build once: move the difference from compose.{environment}.yaml into variables "
            "that the service reads when it starts",
        )


def _parameters(target: PlatformContext, stored: StoredRelease) -> dict[str, object]:
    """The file that was tested, with the overlay and the variables of the other environment."""
    config = stored.config
    file = Path(str(config["file"]))
    environment = target.settings.environment
    profiles = config.get("profiles", [])
    variables = {
        **given_variables(target.settings),
        **written_variables(file.parent, environment),
        **written_variables(target.state.root.parent, environment),
        **os.environ,
    }
    return request_of(
        str(config["text"]),
        file,
        variables,
        tuple(map(str, profiles)) if isinstance(profiles, list) else (),
        find_overlay(file, environment),
        target.settings.runtime,
    )


def _application(parameters: Json) -> Application:
    overlay = parameters.get("overlay")
    over = Overlay(**overlay) if isinstance(overlay, dict) else None
    variables = {k: str(v) for k, v in _mapping(parameters["variables"]).items()}
    return load_application(str(parameters["text"]), str(parameters["file"]), variables, over)


def _digests(stored: StoredRelease) -> dict[str, str]:
    return {k: str(v) for k, v in _mapping(stored.content.get("artefacts")).items()}


def _mapping(value: object) -> dict[str, object]:
    return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else {}
