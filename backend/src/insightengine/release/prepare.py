"""From a request to a closed release: built, inspected, and what its plan has to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from insightengine.application.policy import Approval
from insightengine.core.errors import ConflictError, InvalidInputError
from insightengine.release.means import Means
from insightengine.release.models import Kind, Label, Release, digest_of
from insightengine.release.observed import Goal
from insightengine.release.tools import Schema, inspect
from insightengine.runtimes.port import Artefact, Output, ReleaseRuntime, Source, Unit
from insightengine.stores.journal.port import Json, Operation, StoredRelease

_NOTHING_PENDING = Schema(
    {}, {}, (), Label.INSTANT, has_down=True, unsafe=(), breaking=(), warnings=()
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A release that can be planned; `schema` is what its inspection found."""

    stored: StoredRelease
    goal: Goal
    schema: Schema


def require_switchable(unit: str, source: Source) -> None:
    """Raises InvalidInputError when nothing in it could be switched to; nothing is built before."""
    if not any(service.colours for service in source.started):
        raise InvalidInputError(
            f"{unit} has no service that a release could switch to: none has a port",
            code="nothing_to_release",
            hint="publish a port, or give a service x-insight.colours: true",
        )


def close(
    means: Means, operation: Operation, source: Source, config: Json, artefacts: Mapping[str, str]
) -> Prepared:
    """Makes a release of what was built, and keeps it in the catalogue."""
    previous = means.journal.unit(operation.unit).serving
    before = _heads(means, operation.unit, previous)
    unit = Unit("candidate", source, _artefacts(artefacts))
    means.provision(unit)  # inspecting needs its database
    schema = inspect(means, unit, config, before)
    release = Release(
        operation.unit,
        artefacts,
        digest_of(config),
        means.secrets(source),
        schema.heads_after,
    )
    content = {
        "artefacts": dict(artefacts),
        "secrets": dict(release.secrets),
        "schema": dict(release.schema),
        "label": schema.label.value,
        "migrations": list(schema.pending),
        "breaking": list(schema.breaking),
        "warnings": list(schema.warnings),
        "heads_before": dict(schema.heads_before),
        **_origin(operation),
    }
    stored = StoredRelease(
        operation.unit,
        release.id,
        content,
        config,
        means.now(),
        operation.asked_by,
        operation.message,
    )
    means.journal.keep(stored)
    goal = _deployment(operation, source, schema, release.id, previous)
    return Prepared(stored, goal, schema)


def adopted(runtime: ReleaseRuntime, promoted: Json, service: str, output: Output) -> Artefact:
    """The artefact that was tested in another environment; it is never built a second time."""
    digests = promoted["artefacts"]
    digest = digests.get(service) if isinstance(digests, Mapping) else None
    if digest is None:
        raise ConflictError(
            f"{service} is not in the release that was tested",
            code="not_promotable",
            hint="insight deploy there first",
        )
    artefact = Artefact(service, str(digest))
    if runtime.has(artefact):
        output(f"{service}: {artefact.digest[7:19]} is there already")
    else:
        runtime.adopt(artefact, Path(str(promoted["state"])), output)
    return artefact


def _origin(operation: Operation) -> dict[str, object]:
    """Where it was tested, when it was promoted."""
    promoted = operation.parameters.get("promoted")
    if not isinstance(promoted, Mapping):
        return {}
    return {"promoted": {key: str(promoted[key]) for key in ("environment", "release")}}


def _artefacts(digests: Mapping[str, str]) -> Mapping[str, Artefact]:
    return {service: Artefact(service, digest) for service, digest in digests.items()}


def _heads(means: Means, unit: str, release: str | None) -> Mapping[str, str]:
    if release is None:
        return {}
    heads = means.journal.release(unit, release).content.get("schema", {})
    return heads if isinstance(heads, Mapping) else {}


def _deployment(
    operation: Operation, source: Source, schema: Schema, release: str, previous: str | None
) -> Goal:
    policy = source.application.release
    coloured = [service for service in source.started if service.colours]
    is_quick = bool(operation.parameters.get("skip_checks"))
    return Goal(
        kind=Kind.DEPLOY,
        release=release,
        previous=previous,
        hooks=frozenset(policy.hooks),
        canary=() if is_quick else policy.canary,
        has_migrations=bool(schema.pending),
        has_down=schema.has_down,
        label=schema.label,
        has_smoke=any(service.smoke for service in coloured),
        has_singles=any(not service.colours for service in source.started),
        has_tests=bool(policy.tests),
        checks=not is_quick and policy.watch_limit_s > 0,
        stays_warm=policy.rollback_window_s > 0,
        unchecked=tuple(s.name for s in coloured if s.health is None),
        unsafe=schema.unsafe,
        breaking=schema.breaking,
        approval=Approval.NONE if is_quick else policy.approval,
        asked_by=operation.asked_by,
        accepts_forward_only=bool(operation.parameters.get("forward_only")),
    )


def rollback(means: Means, operation: Operation) -> Prepared:
    """The goal of bringing back a release that is in the catalogue."""
    state = means.journal.unit(operation.unit)
    wanted = str(operation.parameters.get("release") or "") or _served_before(means, operation.unit)
    stored = means.journal.release(operation.unit, wanted)
    blocks, takes_back = _schema_between(means, operation.unit, stored)
    unit = means.open_unit(stored)
    goal = Goal(
        kind=Kind.ROLLBACK,
        release=stored.id,
        previous=state.serving,
        has_smoke=any(service.smoke for service in unit.coloured),
        has_singles=bool(unit.single),
        checks=False,
        stays_warm=False,
        schema_blocks=blocks,
        takes_schema_back=takes_back,
        asked_by=operation.asked_by,
    )
    return Prepared(stored, goal, _NOTHING_PENDING)


def _served_before(means: Means, unit: str) -> str:
    """The release that served before the present one, and can still be started."""
    serving = means.journal.unit(unit).serving
    known = {one.id for one in means.journal.releases(unit)}
    for release, _ in means.journal.served(unit):
        if release != serving and release in known:
            return release
    raise ConflictError(
        f"{unit}: there is no earlier release to go back to",
        code="nothing_to_roll_back_to",
        hint="insight releases",
    )


def _schema_between(means: Means, unit: str, target: StoredRelease) -> tuple[str | None, bool]:
    """Why the schema does not allow it (or None), and whether it has to be taken back.

    Every release that was served after the target's last time may have changed the schema.
    """
    takes_back = False
    for release, _ in means.journal.served(unit):
        if release == target.id:
            break
        content = means.journal.release(unit, release).content
        label = content.get("label")
        if label == Label.FORWARD_ONLY and content.get("migrations"):
            return f"release {release} migrated forward only", False
        takes_back |= label == Label.WITH_DOWN and bool(content.get("migrations"))
    return None, takes_back
