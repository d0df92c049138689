"""The verbs of the local runtime: bring a platform up, ask about it, take it down."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from insightengine.application.load import load_application
from insightengine.application.local import local_problems
from insightengine.application.model import Application
from insightengine.application.problems import error_of
from insightengine.core.errors import NotFoundError, UnavailableError
from insightengine.core.settings import Runtime, Settings, StateFolder
from insightengine.edge.control import NginxEdge
from insightengine.edge.models import EdgeConfiguration, EdgePaths
from insightengine.runtimes.local import warden
from insightengine.runtimes.local.colours import wanted_colours
from insightengine.runtimes.local.control import ask
from insightengine.runtimes.local.identity import (
    prepare_state,
    refuse_unreachable,
    service_user,
)
from insightengine.runtimes.local.ports import refuse_occupied
from insightengine.runtimes.local.records import alive_records
from insightengine.runtimes.local.specs import (
    WANTED,
    ServiceUser,
    Wanted,
    read_wanted,
    write_wanted,
)
from insightengine.runtimes.local.status import read_status
from insightengine.runtimes.local.supervisor import OVERSEERS
from insightengine.runtimes.local.supplied import postgres, valkey
from insightengine.runtimes.local.teardown import end_everything
from insightengine.runtimes.port import ProcessSpec
from insightengine.telemetry.ingest_keys import IngestKeys
from insightengine.wiring.application import (
    NEVER_RELEASED,
    Placed,
    cache_passwords,
    database_owners,
    secret_names,
)
from insightengine.wiring.checkout import REPOSITORY as REPOSITORY
from insightengine.wiring.compose_files import (
    env_file_variables,
    find_compose_file,
    find_overlay,
    read_compose,
)
from insightengine.wiring.console_start import prepare_console
from insightengine.wiring.console_unit import console_specs, installed_api
from insightengine.wiring.containers import (
    end_application,
    is_hosted,
    require_engine,
    restart_containers,
)
from insightengine.wiring.environment import (
    PlatformContext,
    given_variables,
    load_project,
    project_variables,
    read_secret,
    running_context,
    state_of,
)
from insightengine.wiring.hosting import edge_now, prepare_releases
from insightengine.wiring.platform import (
    owners_file,
    platform_processes,
    valkey_file,
)
from insightengine.wiring.recovery import prepare_recovery
from insightengine.wiring.requests import refuse_reserved
from insightengine.wiring.secrets import PLATFORM_SECRETS, ensure_secrets
from insightengine.wiring.serving import status_of
from insightengine.wiring.sites import refuse_taken_sites


@dataclass(frozen=True, slots=True)
class UpRequest:
    """What a person asked for. `file` is None for the Compose file of the project, if any."""

    project: Path
    file: Path | None = None
    base_port: int | None = None
    profiles: tuple[str, ...] = ()
    runtime: Runtime | None = None

    @property
    def overrides(self) -> dict[str, str]:
        """Settings that flags gave."""
        given = {"INSIGHT_BASE_PORT": self.base_port, "INSIGHT_RUNTIME": self.runtime}
        return {name: str(value) for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A platform that was asked to come up, and what a person should be told."""

    context: PlatformContext
    placed: Placed | None
    names: frozenset[str]
    notices: tuple[str, ...]
    asked_at: float  # Unix seconds
    is_first: bool  # nothing was here before


def bring_up(request: UpRequest) -> Upcoming:
    """Checks everything, writes what is wanted, and starts or informs the supervisor.

    Idempotent; a running platform takes over what changed. Raises InvalidInputError or
    ConflictError before anything was started or stopped.
    """
    context = load_project(request.project, request.overrides)
    require_engine(context)
    placed = place_application(request, context.settings)
    supplied = None if is_hosted(context) else placed
    user = service_user(context.settings.service_user, request.project)
    if user is not None:
        refuse_unreachable(user, request.project)
    is_first = not context.state.secret("session_key").exists()
    prepare_state(context.state, user)
    names = (*PLATFORM_SECRETS, *(secret_names(supplied) if supplied else ()))
    ensure_secrets(context.state, names, user)
    prepare_recovery(context, supplied, request.project, user)
    notices = list(prepare_console(context, user))
    specs = platform_processes(context, placed)
    if not console_specs(context.state.run):
        specs = (*specs, installed_api(context))
    _refuse_foreign_ports(context, (*specs, *wanted_colours(context.state.run)))
    if placed is not None and "edge" not in alive_records(context.state.run):
        refuse_taken_sites(context, placed)
    notices += [*_notices(request, placed, user), *prepare_releases(context, placed, user)]
    write_configuration(context, supplied, user, edge_now(context, user))
    asked_at = time.time()
    _hand_over(context, specs, placed, user)
    return Upcoming(
        context,
        placed,
        frozenset(spec.name for spec in (*specs, *wanted_colours(context.state.run))),
        tuple(notices),
        asked_at,
        is_first,
    )


def place_application(request: UpRequest, settings: Settings) -> Placed | None:
    """The application of the request, read and checked; None where there is no Compose file."""
    file = request.file or find_compose_file(request.project)
    if file is None:
        return None
    text = read_compose(file)
    variables = {
        **given_variables(settings),
        **project_variables(file.parent),
        **project_variables(request.project),
    }
    overlay = find_overlay(file, settings.environment)
    application = load_application(text, str(file), {**variables, **request.overrides}, overlay)
    refuse_reserved(application)
    if settings.runtime is Runtime.LOCAL:
        _refuse_what_cannot_run(application, request.profiles)
    for service in application.active(request.profiles):
        env_file_variables(file.parent, service)  # one that is missing is told before a start
    return Placed(application, file.parent.resolve(), NEVER_RELEASED, request.profiles)


def _refuse_what_cannot_run(application: Application, profiles: tuple[str, ...]) -> None:
    problems = local_problems(application, profiles)
    if problems:
        raise error_of(application.file, problems)


def _refuse_foreign_ports(context: PlatformContext, specs: tuple[ProcessSpec, ...]) -> None:
    alive = alive_records(context.state.run)
    needed = [port for spec in specs if spec.name not in alive for port in spec.ports]
    refuse_occupied(needed, context.settings.bind_host)


def write_configuration(
    context: PlatformContext,
    placed: Placed | None,
    user: ServiceUser | None,
    configuration: EdgeConfiguration,
) -> None:
    """The files that PostgreSQL, Valkey and the edge start with."""
    owners = [
        postgres.DatabaseOwner(
            "insight", "insight", str(context.state.secret("postgres_insight_password"))
        ),
        *(database_owners(context, placed) if placed else ()),
    ]
    postgres.write_owners(owners_file(context), owners)
    passwords = {
        "default": read_secret(context.state, "valkey_password").reveal(),
        **(cache_passwords(context, placed) if placed else {}),
    }
    port = context.settings.port(79)
    text = valkey.render(context.settings.listen_host, port, context.state.valkey, passwords)
    owner = (user.uid, user.gid) if user else None
    valkey.write_configuration(valkey_file(context), text, owner)
    home = context.state.run / "home"
    home.mkdir(exist_ok=True)
    if user is not None:
        os.chown(home, user.uid, user.gid)
    NginxEdge(EdgePaths.of(context.state)).install(configuration)


def _hand_over(
    context: PlatformContext,
    specs: tuple[ProcessSpec, ...],
    placed: Placed | None,
    user: ServiceUser | None,
) -> None:
    wanted = Wanted(
        specs,
        user,
        context.settings.start_timeout_s,
        context.settings.restart_backoff_max_s,
        _application_status(placed),
    )
    write_wanted(context.state.run / WANTED, wanted)
    if "supervisor" in alive_records(context.state.run):
        ask(context.state.run, {"verb": "apply"})
    if "warden" not in alive_records(context.state.run):
        warden.start(context.state)


def _application_status(placed: Placed | None) -> dict[str, Any] | None:
    if placed is None:
        return None
    return {
        "name": placed.application.name,
        "file": placed.application.file,
        "services": [service.name for service in placed.started],
    }


def _notices(request: UpRequest, placed: Placed | None, user: ServiceUser | None) -> Iterator[str]:
    if user is not None:
        yield f"started by root: services run as {user.name}"
    if placed is None:
        yield f"no Compose file in {request.project}: only the platform itself comes up"
    else:
        yield from placed.application.warnings


def follow_start(upcoming: Upcoming) -> Iterator[dict[str, Any]]:
    """Yields each new status until every process is ready.

    Raises UnavailableError when one is in a crash loop, or the time for a start is over.
    """
    limit_s = upcoming.context.settings.start_timeout_s * 2
    deadline = time.monotonic() + limit_s
    shown: object = None
    while True:
        status = read_status(upcoming.context.state.run / "status.json")
        if status is not None and _belongs_to(status, upcoming):
            if status["processes"] != shown:
                shown = status["processes"]
                yield status
            states = {process["state"] for process in status["processes"]}
            if states == {"ready"}:
                return
            _refuse_failed(status, upcoming.context.state)
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"the platform was not ready after {limit_s:g} s",
                hint="insight status, insight logs",
            )
        time.sleep(0.05)


def _belongs_to(status: dict[str, Any], upcoming: Upcoming) -> bool:
    written = datetime.fromisoformat(status["written_at"]).timestamp()
    own = (one for one in status["processes"] if not one["labels"].get("container"))
    names = {process["name"] for process in own}
    return written >= upcoming.asked_at and names == upcoming.names


def _refuse_failed(status: dict[str, Any], state: StateFolder) -> None:
    for process in status["processes"]:
        if process["state"] == "crash_loop":
            lines = last_lines(state.logs / f"{process['name']}.log", 8)
            tail = "".join(f"\n    {line}" for line in lines)
            raise UnavailableError(
                f"{process['name']} does not stay up: {process['detail']}{tail}",
                code="crash_loop",
                hint=f"insight logs {process['name']}; the rest of the platform runs",
            )


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of a log; none when it does not exist. Reads at most 256 KiB."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 256 * 1024))
            return file.read().decode("utf-8", "replace").splitlines()[-count:]
    except OSError:
        return []


def take_down(project: Path) -> int:
    """Stops everything of the project's platform, however it was left; how many processes ran."""
    context = running_context(project)
    alive = set(alive_records(context.state.run)) - set(OVERSEERS)
    end_everything(context.state)
    return len(alive) + end_application(context)


def current_status(project: Path) -> dict[str, Any]:
    """What the supervisor last wrote, with `stale`, `running` and the release that serves.

    Raises NotFoundError where no platform was ever started.
    """
    state = state_of(project)
    status = status_of(state)
    if status is None:
        raise NotFoundError(
            f"no platform was started in {project.resolve()}",
            code="not_running",
            hint="insight up",
        )
    is_supervised = (state.run / WANTED).exists()  # in containers it is only watched
    runs = "supervisor" in alive_records(state.run) if is_supervised else not status["stale"]
    return {**status, "running": runs}


def processes_of(status: dict[str, Any], wanted: str) -> list[str]:
    """Names of the processes that a person means: a process's own name, or a service's.

    Raises NotFoundError that lists what there is.
    """
    found = [
        process["name"]
        for process in status["processes"]
        if wanted in (process["name"], process["labels"].get("service"))
    ]
    if not found:
        known = ", ".join(sorted({process["name"] for process in status["processes"]}))
        raise NotFoundError(f"there is no service {wanted}", hint=f"known are {known}")
    return found


def log_files(project: Path, wanted: list[str]) -> dict[str, Path]:
    """The log of each named service or process, or all that exist. Raises NotFoundError."""
    logs = state_of(project).logs
    existing = {path.name.removesuffix(".log"): path for path in sorted(logs.glob("*.log"))}
    if not wanted:
        return existing
    status = read_status(logs.parent / "run/status.json") or {"processes": []}
    found: dict[str, Path] = {}
    for name in wanted:
        names = [name] if name in existing else processes_of(status, name)
        found |= {one: logs / f"{one}.log" for one in names}
    return found


def restart(project: Path, names: list[str]) -> None:
    context = running_context(project)
    if not restart_containers(context, current_status(project), names):
        ask(context.state.run, {"verb": "restart", "names": names})


def wanted_spec(project: Path, name: str) -> tuple[ProcessSpec, ServiceUser | None]:
    """The spec that a running process was started from. Raises NotFoundError."""
    path = state_of(project).run / WANTED
    if not path.exists():
        raise NotFoundError(f"no platform runs in {project.resolve()}", hint="insight up")
    wanted = read_wanted(path)
    for spec in (*wanted.specs, *wanted_colours(path.parent)):
        if name in (spec.name, spec.labels.get("service")):
            return spec, wanted.user
    known = ", ".join(spec.name for spec in wanted.specs)
    raise NotFoundError(f"there is no service {name}", hint=f"known are {known}")


def project_ingest_keys(project: Path) -> IngestKeys:
    """The ingest keys of the project's platform, which need not run."""
    return IngestKeys(running_context(project).state.collector)
