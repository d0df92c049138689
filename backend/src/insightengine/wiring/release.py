"""Builds the release engine, for the platform's runtime, from the platform's context."""

from __future__ import annotations

import base64
import http.client
import json
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import psycopg

from insightengine.application.load import Overlay, load_application
from insightengine.application.model import Service, SuppliedKind
from insightengine.application.policy import MigrationKind
from insightengine.core.colours import Colour
from insightengine.core.errors import ConflictError, UnavailableError
from insightengine.core.settings import PortOffset
from insightengine.core.time import to_ns
from insightengine.edge.control import NginxEdge
from insightengine.edge.models import EdgePaths
from insightengine.release.gates import BUCKETS_PER_E, Traffic
from insightengine.release.means import Means
from insightengine.release.migrations.folder import Connect
from insightengine.release.service import ReleaseService
from insightengine.runtimes.local.artefacts import Artefacts
from insightengine.runtimes.local.colours import LocalRuntime, wanted_colours
from insightengine.runtimes.local.sources import tree_of
from insightengine.runtimes.port import Artefact, Source, Unit
from insightengine.stores.journal.port import Journal, Json, StoredRelease
from insightengine.wiring.application import (
    Placed,
    database_owners,
    placed_of,
    secret_names,
    source_of,
    unit_processes,
)
from insightengine.wiring.console_unit import console_versions
from insightengine.wiring.containers import (
    ToldRuntime,
    compose_runtime,
    file_versions,
    forget_versions,
    is_hosted,
    server_database,
    version_of,
)
from insightengine.wiring.environment import PlatformContext, read_secret
from insightengine.wiring.operations import CONSOLE
from insightengine.wiring.operations import open_journal as open_journal
from insightengine.wiring.platform import ConsoleVersion, edge_configuration
from insightengine.wiring.recovery_points import mark_release
from insightengine.wiring.requests import request_of as request_of
from insightengine.wiring.sites import site_addresses

_QUERY_TIMEOUT_S = 5.0
_CONFIGURED = ("text", "file", "folder", "variables", "profiles", "overlay")
_INSTALLING = threading.Lock()


def release_service(context: PlatformContext, journal: Journal | None = None) -> ReleaseService:
    return ReleaseService(means_of(context, journal))


def means_of(context: PlatformContext, journal: Journal | None = None) -> Means:
    means = Means(
        journal=journal or open_journal(context),
        runtime=LocalRuntime(
            context.state,
            Artefacts(context.state.releases / "artefacts", None),
            lambda unit, colour, folders: unit_processes(context, unit, colour, folders),
        ),
        edge=NginxEdge(EdgePaths.of(context.state)),
        read=read_request,
        open_unit=unit_of,
        secrets=lambda source: secret_versions(context, source),
        install=lambda units: install_edge(
            context, lambda: units, lambda: console_versions(context)
        ),
        sites=lambda unit: tuple(site_addresses(context, placed_of(unit))),
        provision=lambda unit: require_provisioned(context, unit),
        restore_point=lambda name: mark_release(context, name),
        database=lambda unit, service: database_of(context, unit, service),
        measure=lambda sites, release, since, until: measure(context, sites, release, since, until),
        memory=lambda release, since, until: memory(context, release, since, until),
        now=lambda: datetime.now(UTC),
        cares_for=lambda unit: unit != CONSOLE,
    )
    return _in_containers(context, means) if is_hosted(context) else means


def _in_containers(context: PlatformContext, means: Means) -> Means:
    """The application brings its databases along; the platform neither makes nor backs them up."""
    runtime = compose_runtime(context)
    return replace(
        means,
        runtime=runtime,
        secrets=lambda source: file_versions(context, source),
        forget_secrets=lambda unit, kept: forget_versions(context, unit, kept),
        provision=runtime.start_servers,
        restore_point=lambda name: None,
        database=lambda unit, name: server_database(runtime, unit, database_service(unit, name)),
    )


def looking_means(context: PlatformContext, journal: Journal | None = None) -> Means:
    """Enough to plan with, in a process that may not act."""
    means = means_of(context, journal)
    return replace(means, runtime=ToldRuntime(context)) if is_hosted(context) else means


def read_request(parameters: Json) -> tuple[Source, Json]:
    """The source that was asked for, and the configuration that its release will keep."""
    placed = _placed(parameters)
    source = source_of(placed)
    config = {
        **{key: parameters[key] for key in _CONFIGURED if key in parameters},
        "env_files": {name: dict(values) for name, values in source.env_files.items() if values},
        "sql": parameters.get("sql")
        or {one.name: _sql_files(one, placed.folder) for one in placed.started if _has_sql(one)},
    }
    return source, config


def _placed(values: Json) -> Placed:
    variables, profiles = values["variables"], values["profiles"]
    given = {str(k): str(v) for k, v in variables.items()} if isinstance(variables, Mapping) else {}
    overlay = values.get("overlay")
    over = Overlay(**overlay) if isinstance(overlay, dict) else None
    application = load_application(str(values["text"]), str(values["file"]), given, over)
    names = tuple(map(str, profiles)) if isinstance(profiles, list | tuple) else ()
    return Placed(application, Path(str(values["folder"])), "", names)


def _has_sql(service: Service) -> bool:
    return service.migrations is not None and service.migrations.kind is MigrationKind.SQL


def _sql_files(service: Service, folder: Path) -> dict[str, str]:
    root = tree_of(service, folder).root / (service.migrations.source if service.migrations else "")
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(root.glob("*.sql"))}


def unit_of(stored: StoredRelease) -> Unit:
    """A stored release as something that can be started; nothing of it is read from the project."""
    placed = _placed(stored.config)
    env_files = stored.config.get("env_files", {})
    source = Source(
        placed.application,
        placed.folder,
        placed.profiles,
        {k: dict(v) for k, v in env_files.items()} if isinstance(env_files, Mapping) else {},
    )
    digests = stored.content["artefacts"]
    found = digests.items() if isinstance(digests, Mapping) else ()
    secrets = stored.content.get("secrets", {})
    return Unit(
        stored.id,
        source,
        {name: Artefact(name, digest) for name, digest in found},
        {str(k): str(v) for k, v in secrets.items()} if isinstance(secrets, Mapping) else {},
    )


def secret_versions(context: PlatformContext, source: Source) -> dict[str, str]:
    """A name for the present value of each secret."""
    placed = Placed(source.application, source.folder, "", source.profiles)
    return {
        name: version_of(context, read_secret(context.state, name).reveal().encode())
        for name in secret_names(placed)
    }


def running_units(context: PlatformContext, journal: Journal) -> dict[str, dict[Colour, Unit]]:
    """What is in each colour of each application, by what the supervisor is to keep running."""
    found: dict[str, dict[Colour, Unit]] = {}
    for spec in wanted_colours(context.state.run):
        name, colour = spec.labels["unit"], spec.labels.get("colour")
        if name == CONSOLE:
            continue
        if colour and Colour(colour) not in found.get(name, {}):
            unit = unit_of(journal.release(name, spec.labels["release"]))
            found.setdefault(name, {})[Colour(colour)] = unit
    return found


def install_edge(
    context: PlatformContext,
    units: Callable[[], Mapping[Colour, Unit]],
    console: Callable[[], Mapping[Colour, ConsoleVersion]],
) -> None:
    """One at a time, each looking first: the application and the console are released side by side,
    and neither may install what it knew of the other before that changed."""
    with _INSTALLING:
        placed = {colour: placed_of(unit) for colour, unit in units().items()}
        configuration = edge_configuration(context, placed, console())
        NginxEdge(EdgePaths.of(context.state)).install(configuration)


def require_provisioned(context: PlatformContext, unit: Unit) -> None:
    """Databases and caches that the platform supplies are made by `insight up`.

    Raises ConflictError for one that was added to the file since.
    """
    missing = [n for n in secret_names(placed_of(unit)) if not context.state.secret(n).exists()]
    if missing:
        name = missing[0].removeprefix("application_").removesuffix("_password")
        raise ConflictError(
            f"the service {name} is new in the Compose file and is not supplied yet",
            code="not_provisioned",
            hint="insight up --detach supplies it; then deploy again",
        )


def database_of(context: PlatformContext, unit: Unit, service: str) -> Connect:
    """Connects as the application itself: what it migrates belongs to it."""
    placed = placed_of(unit)
    supplied = placed.supplied(SuppliedKind.POSTGRES)
    owner = database_owners(context, placed)[supplied.index(database_service(unit, service))]

    def connect() -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=context.settings.postgres_host,
            port=context.settings.port(PortOffset.POSTGRES),
            user=owner.role,
            dbname=owner.database,
            password=Path(owner.password_file).read_text(encoding="utf-8").strip(),
            autocommit=True,
            connect_timeout=5,
        )

    return connect


def database_service(unit: Unit, service: str) -> Service:
    """The PostgreSQL that a service migrates: the named one, else the first of the file.

    Raises ConflictError when there is none.
    """
    own = unit.source.application.service(service)
    named = own.migrations.database if own and own.migrations else None
    for one in placed_of(unit).supplied(SuppliedKind.POSTGRES):
        if named in (None, one.name):
            return one
    raise ConflictError(f"{service}: {named or 'its database'} is not supplied here")


_TRAFFIC_SQL = """
SELECT toInt32(floor(log(greatest(DurationMs, 0.01)) * {per_e:UInt32})) AS bucket,
    count() AS requests, countIf(Status >= 500) AS errors
FROM insight.edge_requests
WHERE has({sites:Array(String)}, Site) AND Release = {release:String}
    AND Timestamp >= fromUnixTimestamp64Nano({since:Int64}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({until:Int64}, 'UTC')
GROUP BY bucket
FORMAT JSONEachRow"""
_MEMORY_SQL = """
SELECT avg(Value) AS mean FROM insight.metrics
WHERE MetricName = 'process.memory.usage'
    AND ResourceAttributes['insight.release'] = {release:String}
    AND Timestamp >= fromUnixTimestamp64Nano({since:Int64}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({until:Int64}, 'UTC')
FORMAT JSONEachRow"""


def measure(
    context: PlatformContext, sites: tuple[str, ...], release: str, since: datetime, until: datetime
) -> Traffic:
    """What the edge saw. Raises UnavailableError when the store does not answer."""
    shown = "[" + ",".join(f"'{site}'" for site in sites) + "]"
    rows = _query(
        context,
        _TRAFFIC_SQL,
        {
            "per_e": str(BUCKETS_PER_E),
            "sites": shown,
            "release": release,
            "since": str(to_ns(since)),
            "until": str(to_ns(until)),
        },
    )
    return traffic_of(rows)


def traffic_of(rows: Iterable[Mapping[str, object]]) -> Traffic:
    """One row a bucket; 64-bit numbers come as texts."""
    errors, latency = 0, {}
    for row in rows:
        latency[int(str(row["bucket"]))] = int(str(row["requests"]))
        errors += int(str(row["errors"]))
    return Traffic(sum(latency.values()), errors, latency)


def memory(
    context: PlatformContext, release: str, since: datetime, until: datetime
) -> float | None:
    """Mean of the processes of the release; None when none was measured."""
    values = {"release": release, "since": str(to_ns(since)), "until": str(to_ns(until))}
    for row in _query(context, _MEMORY_SQL, values):
        mean = row["mean"]
        if isinstance(mean, int | float) and math.isfinite(mean) and mean > 0:
            return float(mean)
    return None


def _query(
    context: PlatformContext, sql: str, parameters: Mapping[str, str]
) -> Iterator[dict[str, object]]:
    """Rows of the telemetry store, by plain HTTP: the releaser is small and stays so."""
    settings = context.settings
    password = read_secret(context.state, "store_password").reveal()
    login = base64.b64encode(f"insight:{password}".encode()).decode()
    query = urlencode({f"param_{name}": value for name, value in parameters.items()})
    connection = http.client.HTTPConnection(
        "127.0.0.1", settings.port(PortOffset.STORE), timeout=_QUERY_TIMEOUT_S
    )
    try:
        connection.request("POST", f"/?{query}", sql, {"Authorization": f"Basic {login}"})
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise UnavailableError(f"the telemetry store does not answer: {error!r}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise UnavailableError(f"the telemetry store answered {answer.status}: {text[:300]}")
    return (json.loads(line) for line in text.splitlines())
