"""A Compose file plus `x-insight`, read into one model. Pure: text and variables in, model out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from insightengine.application.backup import BackupPolicy, Objectives
from insightengine.application.backup_reading import read_backup, read_objectives
from insightengine.application.document import parse_document
from insightengine.application.graph import report_dependencies
from insightengine.application.keys import INSIGHT_TOP, TOP, names
from insightengine.application.model import Application, Location, Service, SuppliedKind
from insightengine.application.overlay import merged
from insightengine.application.placeholders import report_placeholders
from insightengine.application.plain import as_json
from insightengine.application.policy import ReleasePolicy
from insightengine.application.ports import report_clashes
from insightengine.application.problems import Place, Problems, nearest, shown
from insightengine.application.reading import Cursor, with_variables
from insightengine.application.release_keys import release_policy
from insightengine.application.service import read_service

MOST_SERVICES = 200
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_DECLARED = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]{0,127}")  # with a - in front it is an option
_DECLARING = ("volumes", "networks", "secrets", "configs")


@dataclass(frozen=True, slots=True)
class Overlay:
    """What an environment changes of the Compose file: the text of `compose.staging.yaml`."""

    text: str
    file: str


def load_application(
    text: str, file: str, variables: Mapping[str, str], overlay: Overlay | None = None
) -> Application:
    """The application that the text describes, with the overlay laid over it.

    `file` is its path as a person would type it; messages show it, and the name of its folder is
    the application's when the file has no `name`. `variables` are what `$NAME` stands for: `.env`
    overlaid by the environment. Raises InvalidInputError that holds every problem of the file.
    """
    problems = Problems()
    unset: dict[str, None] = {}
    top = parse_document(text, file, problems)
    if overlay is not None:
        over = parse_document(overlay.text, overlay.file, problems, overlay=True)
        top = merged(top, over, problems)
    filled = with_variables(top, variables, problems, lambda name: unset.update({name: None}))
    cursor = Cursor(filled, "", problems)
    keys = cursor.keys(TOP)
    cursors = _service_cursors(cursor, keys)
    services = _services(cursors, variables)

    def place(service: str, *path: str) -> Location:
        return cursors[service].place(*path)

    _report_declared(keys)
    _report_references(services, keys, place, problems)
    report_dependencies(services, place, problems)
    report_clashes(services.values(), place, problems)
    _report_placeholders(cursors, services)
    _report_databases(services, place, problems)
    own = keys["x-insight"].keys(names(INSIGHT_TOP)) if "x-insight" in keys else {}
    policy = release_policy(own["release"]) if "release" in own else ReleasePolicy()
    backup = read_backup(own["backup"]) if "backup" in own else BackupPolicy()
    objectives = read_objectives(own["objectives"]) if "objectives" in own else Objectives()
    name = _name(keys.get("name"), file)
    problems.raise_if_any(file)
    warnings = tuple(f"{file}: the variable {one} is not set; '' is used" for one in unset)
    return Application(
        name,
        file,
        tuple(services.values()),
        warnings,
        as_json(filled),
        release=policy,
        backup=backup,
        objectives=objectives,
    )


def _name(cursor: Cursor | None, file: str) -> str:
    if cursor is None:
        folder = re.sub(r"[^a-z0-9_-]", "", PurePath(file).parent.name.lower()).lstrip("_-")
        return folder[:63] or "application"
    text = cursor.text("a name") or ""
    if text and not _NAME.fullmatch(text):
        cursor.wrong("lower-case letters, digits, _ and -, at most 63 characters")
    return text


def _service_cursors(top: Cursor, keys: Mapping[str, Cursor]) -> dict[str, Cursor]:
    if "services" not in keys:
        top.fail("`services` is missing", "name at least one service: services:")
        return {}
    found = keys["services"].entries()
    if not found and keys["services"].is_table:
        keys["services"].fail("has no service", "name at least one")
    if len(found) > MOST_SERVICES:
        keys["services"].fail(f"found {len(found)} services, allowed are {MOST_SERVICES}")
        return {}
    return {name: one for name, one in found.items() if not name.startswith("x-")}


def _services(cursors: Mapping[str, Cursor], variables: Mapping[str, str]) -> dict[str, Service]:
    read = {name: read_service(name, cursor, variables) for name, cursor in cursors.items()}
    return {name: service for name, service in read.items() if service is not None}


def _report_placeholders(cursors: Mapping[str, Cursor], services: Mapping[str, Service]) -> None:
    for name, service in services.items():
        if service.local is not None:
            own = cursors[name].entries()["x-insight"].entries()
            report_placeholders(own["local"], services)


def _report_databases(services: Mapping[str, Service], place: Place, problems: Problems) -> None:
    """A database that migrations name must be a service; without a name there must be one only."""
    postgres = [one.name for one in services.values() if one.supplied is SuppliedKind.POSTGRES]
    for service in services.values():
        if service.migrations is None:
            continue
        at = place(service.name, "x-insight", "migrations")
        key = f"services.{service.name}.x-insight.migrations.database"
        named = service.migrations.database
        if named is not None and named not in services:
            meant = nearest(named, services)
            hint = f"did you mean `{meant}`?" if meant else "name a service of this file"
            problems.add(at, key, f"{shown(named)} names no service", hint)
        elif named is None and len(postgres) > 1:
            message = f"is missing: there are {len(postgres)} databases"
            problems.add(at, key, message, f"name one of {', '.join(postgres)}")


def _report_declared(keys: Mapping[str, Cursor]) -> None:
    """Names that stand on command lines: the keys, and what `name` calls them instead."""
    allowed = "letters, digits and ._-, at most 128 characters, and no - in front"
    for kind in _DECLARING:
        for name, entry in keys[kind].entries().items() if kind in keys else ():
            if not _DECLARED.fullmatch(name):
                message = f"found the name {shown(name)}, allowed are {allowed}"
                entry.problems.add(entry.key_at, entry.path, message)
            given = entry.entries().get("name") if entry.is_table else None
            text = given.text("a name") if given and not given.is_nothing else None
            if given and text is not None and not _DECLARED.fullmatch(text):
                given.wrong(allowed)


def _report_references(
    services: Mapping[str, Service], keys: Mapping[str, Cursor], place: Place, problems: Problems
) -> None:
    """Named volumes, networks, secrets and configs must be declared at the top of the file."""
    declared = {
        kind: set(keys[kind].entries()) if kind in keys else set[str]() for kind in _DECLARING
    }
    declared["networks"].add("default")
    for service in services.values():
        volumes = tuple(m.source for m in service.mounts if m.kind == "volume" and m.source)
        used = {
            "volumes": volumes,
            "networks": service.networks,
            "secrets": service.secrets,
            "configs": service.configs,
        }
        for kind, wanted in used.items():
            for name in dict.fromkeys(wanted):
                if name not in declared[kind]:
                    at = place(service.name, kind, name)
                    _report_undeclared(at, service, kind, name, declared[kind], problems)


def _report_undeclared(
    at: Location, service: Service, kind: str, name: str, declared: set[str], problems: Problems
) -> None:
    meant = nearest(name, declared)
    hint = f"did you mean `{meant}`?" if meant else f"declare it at the top of the file: {kind}:"
    key = f"services.{service.name}.{kind}"
    problems.add(at, key, f"{name[:60]!r} is not declared", hint)
