"""Asks for a deployment: the files as they are now. Nothing of the engine is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from insightengine.application.load import Overlay, load_application
from insightengine.application.local import local_problems
from insightengine.application.model import Application
from insightengine.application.problems import error_of
from insightengine.core.errors import ConflictError, InvalidInputError, NotFoundError
from insightengine.core.places import Runtime
from insightengine.release.models import Kind
from insightengine.stores.journal.port import Asked, Operation
from insightengine.wiring.checkout import REPOSITORY, read_checkout, require_built
from insightengine.wiring.compose_files import (
    env_file_variables,
    find_compose_file,
    find_overlay,
    read_compose,
)
from insightengine.wiring.environment import (
    PlatformContext,
    given_variables,
    project_variables,
    written_variables,
)
from insightengine.wiring.operations import CONSOLE, journal_of, only_unit, open_journal


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a person asks for. `file` is None for the Compose file of the project."""

    project: Path
    by: str
    file: Path | None = None
    profiles: tuple[str, ...] = ()
    message: str = ""
    skip_checks: bool = False
    forward_only: bool = False
    plan_only: bool = False
    saved: bool = False  # while it is developed: many releases, of which few are kept


def ask_deployment(context: PlatformContext, wanted: Deployment) -> Operation:
    """Queues it for the releaser. Raises ConflictError while another one is under way."""
    file = wanted.file or find_compose_file(wanted.project)
    if file is None:
        raise NotFoundError(
            f"there is no Compose file in {wanted.project}", hint="name it: --file FILE"
        )
    variables = {
        **given_variables(context.settings),
        **project_variables(file.parent),
        **project_variables(wanted.project),
    }
    overlay = find_overlay(file.resolve(), context.settings.environment)
    parameters = request_of(
        read_compose(file),
        file.resolve(),
        variables,
        wanted.profiles,
        overlay,
        context.settings.runtime,
    )
    parameters |= {
        "skip_checks": wanted.skip_checks,
        "forward_only": wanted.forward_only,
        "plan_only": wanted.plan_only,
        "saved": wanted.saved,
    }
    journal = open_journal(context)
    asked = Asked(str(parameters["name"]), Kind.DEPLOY.value, wanted.by, wanted.message, parameters)
    return journal.ask(asked, datetime.now(UTC))


def ask_redeployment(
    context: PlatformContext, by: str, message: str, *, forward_only: bool = False
) -> Operation:
    """The same file as the release that serves, as it is now. Raises NotFoundError before any."""
    journal = journal_of(context)
    unit = only_unit(journal)
    serving = journal.unit(unit).serving
    if serving is None:
        raise NotFoundError("nothing was released yet", hint="insight deploy")
    before = journal.release(unit, serving).config
    file = Path(str(before["file"]))
    kept, profiles = before["variables"], before["profiles"]
    known = {str(k): str(v) for k, v in kept.items()} if isinstance(kept, Mapping) else {}
    named = tuple(map(str, profiles)) if isinstance(profiles, list) else ()
    environment = context.settings.environment
    written = {
        **written_variables(file.parent, environment),
        **written_variables(context.state.root.parent, environment),
    }
    overlay = find_overlay(file, environment)
    parameters = request_of(
        read_compose(file),
        file,
        {**known, **given_variables(context.settings), **written},
        named,
        overlay,
        context.settings.runtime,
    )
    parameters["forward_only"] = forward_only
    asked = Asked(unit, Kind.DEPLOY.value, by, message, parameters)
    return journal.ask(asked, datetime.now(UTC))


def ask_console_deployment(
    context: PlatformContext,
    by: str,
    *,
    source: Path | None = None,
    message: str = "",
    forward_only: bool = False,
    plan_only: bool = False,
) -> Operation:
    """Queues the console of a checkout, else of the one that this process runs from.

    Raises NotFoundError for a folder that holds none, or none that was built; ConflictError where
    the console runs as it was installed.
    """
    journal = journal_of(context)
    if journal.unit(CONSOLE).serving is None:
        raise ConflictError(
            "the console of this platform is not released: it runs as it was installed",
            code="not_released",
            hint="insight up, from a checkout of InsightEngine",
        )
    folder = (source or REPOSITORY).resolve()
    read_checkout(folder)
    require_built(folder)
    parameters = {"folder": str(folder), "forward_only": forward_only, "plan_only": plan_only}
    asked = Asked(CONSOLE, Kind.DEPLOY.value, by, message, parameters)
    return journal.ask(asked, datetime.now(UTC))


def refuse_reserved(application: Application) -> None:
    """Raises InvalidInputError for a name that a unit of the platform has."""
    if application.name == CONSOLE:
        raise InvalidInputError(
            f"{application.file}: the name {CONSOLE} is that of the platform's own console",
            code="reserved_name",
            hint="write another one: name: my-application",
        )


class Recorded(dict[str, str]):
    """Variables that remember which of them were asked for: only those belong to a release."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(variables)
        self.used: dict[str, str] = {}

    def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
        if name in self:
            self.used[name] = dict.__getitem__(self, name)
        return dict.get(self, name, default)

    def __getitem__(self, name: str) -> str:
        self.used[name] = dict.__getitem__(self, name)
        return self.used[name]


def request_of(
    text: str,
    file: Path,
    variables: Mapping[str, str],
    profiles: tuple[str, ...],
    overlay: Overlay | None = None,
    runtime: Runtime = Runtime.LOCAL,
) -> dict[str, object]:
    """The parameters of a deployment: the files as they are now, with the variables they use.

    Raises InvalidInputError for a file that cannot be released.
    """
    recorded = Recorded(variables)
    application = load_application(text, str(file), recorded, overlay)
    refuse_reserved(application)
    problems = local_problems(application, profiles) if runtime is Runtime.LOCAL else ()
    if problems:
        raise error_of(application.file, problems)
    for service in application.active(profiles):
        env_file_variables(file.parent, service)  # one that is missing is told now
    return {
        "name": application.name,
        "text": text,
        "file": str(file),
        "folder": str(file.parent.resolve()),
        "variables": recorded.used,
        "profiles": list(profiles),
        **({"overlay": asdict(overlay)} if overlay else {}),
    }
