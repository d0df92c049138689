"""A lost machine, rehearsed: a second platform comes up from the repository, and is removed.

It must not meet the first one: it has other ports, also for what the application publishes, and no
backups, because two servers that wrote one timeline into a repository would spoil it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import yaml

from insightengine.application.backup import FolderTarget, S3Target
from insightengine.application.load import load_application
from insightengine.application.model import Application
from insightengine.core.errors import ConflictError, InvalidInputError, UnavailableError
from insightengine.core.settings import PortOffset, Settings
from insightengine.recovery.house import Configuration, Loss, Outcome
from insightengine.recovery.keys import recovery_key_text
from insightengine.recovery.repository import require_repository
from insightengine.runtimes.local.ports import free_base_port, free_port
from insightengine.runtimes.local.supplied import postgres
from insightengine.runtimes.local.teardown import end_everything
from insightengine.stores.server import PostgresServer, ServerAddress
from insightengine.wiring.disaster import RecoverRequest, bring_home
from insightengine.wiring.environment import (
    PlatformContext,
    given_variables,
    load_project,
    project_variables,
)
from insightengine.wiring.recovery import (
    configuration_of,
    credentials_of,
    keyring_of,
    now,
    store_of,
)
from insightengine.wiring.recovery_verbs import read_key

_HOST = "127.0.0.1"
_SERVES_S = 60.0
Place = FolderTarget | S3Target


def lose_host(context: PlatformContext, loss: Loss) -> Outcome:
    configuration = configuration_of(context.state)
    project = loss.folder / "project"
    project.mkdir(mode=0o755)
    loss.folder.chmod(0o755)
    place = _answering(context, configuration)
    base_port = free_base_port()
    addresses: list[tuple[str, int]] = []
    loss.at_end.callback(_remove, project)
    with _environment({"INSIGHT_BASE_PORT": str(base_port)}):
        with _key_file(context, loss) as key:
            request = RecoverRequest(
                source=str(place),
                key=read_key(key),
                project=project,
                to=loss.to,
                base_port=base_port,
                place=place,
                credentials=credentials_of(context.state),
                rework=lambda file: addresses.extend(keep_apart(file)),
            )
            result = bring_home(request, loss.stage)
        with loss.stage("prove"):
            findings = _prove(project, base_port, addresses, configuration)
    figures: dict[str, float | int | str] = {
        "restored backup": str(result.get("backup")),
        "restored to": f"{loss.to} ({result.get('lsn')})",
        "addresses that answered": len(addresses) + 1 - len(findings),
    }
    return Outcome(figures, tuple(findings), _remarks(loss))


def _remarks(loss: Loss) -> tuple[str, ...]:
    same = (
        "The second platform ran on the same machine; getting one and installing InsightEngine on "
        "it is not in the time."
    )
    if loss.key is not None:
        return (same, "The repository was opened with the recovery key that was given.")
    return (
        same,
        "The repository was opened with the machine's own key. That a recovery key is at hand and "
        "fits was not proven: insight drill lose-host --key FILE does.",
    )


def _answering(context: PlatformContext, configuration: Configuration) -> Place:
    """The first repository off this machine that answers, else the first that does."""
    places = configuration.backup.to or (FolderTarget(str(context.state.root / "backups")),)
    ordered = sorted(places, key=lambda place: isinstance(place, FolderTarget))
    problem: Exception | None = None
    for place in ordered:
        store = store_of(place, Path(configuration.project), credentials_of(context.state))
        try:
            require_repository(store)
        except UnavailableError as error:
            problem = error
            continue
        if isinstance(place, FolderTarget):
            return FolderTarget(str((Path(configuration.project) / place.path).resolve()))
        return place
    raise problem or ConflictError("no repository is configured")


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """The second platform's settings come from its own project, never from the first one's."""
    before = dict(os.environ)
    foreign = [n for n in os.environ if n.startswith("INSIGHT_") and n != "INSIGHT_ENVIRONMENT"]
    for name in foreign:
        del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _key_file(context: PlatformContext, loss: Loss) -> Iterator[Path]:
    """A key that only this process can read, for as long as it is needed."""
    if loss.key is not None and not loss.key.exists():
        raise InvalidInputError(
            "the recovery key is gone: it is kept for one attempt only",
            hint="insight drill lose-host --key FILE",
        )
    text = (
        loss.key.read_text(encoding="utf-8")
        if loss.key is not None
        else recovery_key_text(
            keyring_of(context.state).identities[0], keyring_of(context.state).seal, now(), "drill"
        ).reveal()
    )
    if loss.key is not None:
        loss.key.unlink()
    with tempfile.NamedTemporaryFile("w", dir=loss.folder, suffix=".key") as file:
        file.write(text)
        file.flush()
        yield Path(file.name)


def keep_apart(file: Path) -> list[tuple[str, int]]:
    """Rewrites a Compose file: no backups, and free ports of loopback for what it publishes.

    The path to ask and the port of each service that speaks HTTP.
    """
    text = file.read_text(encoding="utf-8")
    variables = {**given_variables(Settings()), **project_variables(file.parent)}
    application = load_application(text, str(file), variables)
    content = yaml.safe_load(text)
    top = dict(content.get("x-insight") or {})
    content["x-insight"] = {**top, "backup": False}
    asked: list[tuple[str, int]] = []
    for name, ports in _moved_ports(application).items():
        content["services"][name]["ports"] = [f"{_HOST}:{new}:{old}" for new, old in ports]
        service = application.service(name)
        if service is not None and service.supplied is None:
            path = service.health.path if service.health else "/"
            asked += [(path, new) for new, _ in ports[:1]]
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return asked


def _moved_ports(application: Application) -> dict[str, list[tuple[int, int]]]:
    return {
        service.name: [(free_port(), port.container) for port in service.published_ports]
        for service in application.services
        if service.published_ports and service.supplied is None
    }


def _prove(
    project: Path, base_port: int, asked: list[tuple[str, int]], configuration: Configuration
) -> list[str]:
    """What did not answer, in sentences."""
    console = ("/api/health/ready", base_port + PortOffset.CONSOLE)
    problems = [_unanswered(path, port) for path, port in [console, *asked]]
    findings = [problem for problem in problems if problem]
    smoke, database = configuration.backup.verify.smoke, configuration.application_database
    if smoke and database:
        context = load_project(project)
        address = ServerAddress(
            _HOST,
            base_port + PortOffset.POSTGRES,
            postgres.ADMIN,
            context.state.secret("postgres_admin_password"),
        )
        with PostgresServer(address, database) as server:
            rows = server.query(smoke)
        if not rows or not rows[0][0]:
            findings.append(f"the smoke query answered {rows[:1]}")
    return findings


def _unanswered(path: str, port: int) -> str | None:
    """Why an address does not serve within its time; None when it does."""
    address, problem = f"http://{_HOST}:{port}{path}", ""
    deadline = time.monotonic() + _SERVES_S
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(address, timeout=5)
        except httpx.HTTPError as error:
            problem = repr(error)
        else:
            if answer.status_code < 400:
                return None
            problem = f"{answer.status_code}"
        time.sleep(0.1)
    return f"{address} did not serve within {_SERVES_S:g} s: {problem}"


def _remove(project: Path) -> None:
    end_everything(load_project(project).state)
    shutil.rmtree(project, ignore_errors=True)
