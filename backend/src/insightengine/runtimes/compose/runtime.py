"""Carries out what `port.ReleaseRuntime` promises, with Docker Compose."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network
from pathlib import Path

from insightengine.application.model import Service
from insightengine.core.colours import Colour
from insightengine.core.errors import ConflictError, NotFoundError, UnavailableError
from insightengine.runtimes.compose import commands
from insightengine.runtimes.compose.addresses import colour_addresses
from insightengine.runtimes.compose.document import (
    Surroundings,
    Task,
    colour_file,
    definition,
    servers_file,
    single_file,
    task_file,
)
from insightengine.runtimes.compose.files import KEPT, write_json
from insightengine.runtimes.compose.images import Images
from insightengine.runtimes.compose.names import Names
from insightengine.runtimes.compose.networks import Networks
from insightengine.runtimes.compose.observe import Container, containers_from
from insightengine.runtimes.compose.runner import Runner
from insightengine.runtimes.compose.values import Json
from insightengine.runtimes.port import Artefact, Instance, Output, Source, Unit

_UP_LIMIT_S = 300.0
_SERVERS_WAIT_S = 120
_KEPT_LINES = 2000
_LOGS_LIMIT_S = 30.0


class ComposeRuntime:
    """`folder` holds the files given to Compose and the last output of what ended.

    `telemetry_port` is where the edge takes OTLP from containers; None tells them nothing of it.
    """

    def __init__(
        self,
        platform: Names,
        folder: Path,
        *,
        telemetry_port: int | None = None,
        subnet: str | None = None,
        runner: Runner | None = None,
    ) -> None:
        self._names = platform
        self._folder = folder
        self._telemetry_port = telemetry_port
        self._runner = runner or Runner()
        self._images = Images(platform, self._runner, folder)
        self._networks = Networks(platform, self._runner, subnet)

    def obtain(self, source: Source, service: str, output: Output) -> Artefact:
        return self._images.obtain(source, service, output)

    def has(self, artefact: Artefact) -> bool:
        return self._images.has(artefact)

    def adopt(self, artefact: Artefact, state: Path, output: Output) -> None:
        """Platforms of one machine share the engine's images; it gets a name of ours, too."""
        self._images.adopt(artefact, output)

    def artefacts(self) -> tuple[Artefact, ...]:
        return self._images.kept()

    def discard(self, artefact: Artefact) -> None:
        self._images.discard(artefact)

    def run(
        self,
        unit: Unit,
        service: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        timeout_s: float,
        output: Output,
    ) -> int:
        own = next((one for one in unit.source.started if one.name == service), None)
        if own is None:
            raise NotFoundError(f"{unit.release} has no service {service}")
        self._remove({"unit": unit.name, "kind": "task"})  # of a caller that was killed
        self.start_servers(unit)
        words = [word.replace("{python}", "python3") for word in command]
        task = Task(secrets.token_hex(6), words, environment)
        around = self._around(unit, [own])
        file = self._write(unit, f"task-{task.id}", task_file(unit, own, around, task))
        argv = commands.run_task(
            self._names.task_project(unit.name), file, unit.source.folder, "task"
        )
        try:
            return self._runner.stream(argv, output, timeout_s).code
        finally:
            file.unlink(missing_ok=True)
            self._remove({"unit": unit.name, "task": task.id})

    def start(self, colour: Colour, unit: Unit) -> None:
        if not unit.coloured:
            return
        project = self._names.colour_project(unit.name, colour)
        self._refuse_foreign(project)
        others = {
            one.release
            for one in self.instances(unit.name)
            if one.colour is colour and one.release != unit.release
        }
        if others:
            raise ConflictError(
                f"{unit.name} {colour} runs release {min(others)}, not {unit.release}",
                code="colour_in_use",
                hint="stop it first",
            )
        self.start_servers(unit)
        subnet = self._networks.ensure_edge()
        around = self._around(unit, unit.coloured, subnet, colour)
        file = self._write(unit, colour.value, colour_file(unit, colour, around))
        self._runner.carry_out(commands.up(project, file, unit.source.folder), _UP_LIMIT_S)

    def start_servers(self, unit: Unit) -> None:
        """Databases and other servers that the application brings along; those that run stay."""
        self._networks.ensure_edge()
        self._networks.ensure_unit(unit)
        content = servers_file(unit, self._names)
        if not content["services"]:
            return
        project = self._names.project(unit.name)
        self._refuse_foreign(project)
        file = self._write(unit, "servers", content)
        argv = commands.up_servers(project, file, unit.source.folder, _SERVERS_WAIT_S)
        self._runner.carry_out(argv, _SERVERS_WAIT_S + _UP_LIMIT_S)

    def stop(self, unit: str, colour: Colour) -> None:
        self._end(self._names.colour_project(unit, colour))

    def _end(self, project: str) -> None:
        found = self._containers(commands.project_containers(project))
        ours = [one for one in found if one.labels.get("platform") == self._names.platform]
        if not ours:
            return
        for one in ours:
            self._keep_output(one)
        self._runner.carry_out(commands.down(project), _UP_LIMIT_S)

    def replace(self, unit: Unit, colour: Colour) -> None:
        project = self._names.single_project(unit.name)
        self._refuse_foreign(project)
        if not unit.single:
            self._end(project)
        else:
            self.start_servers(unit)
            self._replace(unit, colour, project)
        self._join(unit.name, colour, self._names.project(unit.name))

    def _replace(self, unit: Unit, colour: Colour, project: str) -> None:
        around = self._around(unit, unit.single)
        releases = self._unchanged(unit, around)
        file = self._write(unit, "single", single_file(unit, around, releases))
        kept = {
            one.id
            for one in self._containers(commands.project_containers(project))
            if one.labels.get("release") == releases.get(one.labels.get("service", ""))
        }
        for one in self._containers(commands.project_containers(project)):
            if one.id not in kept:
                self._keep_output(one)
        self._runner.carry_out(commands.create(project, file, unit.source.folder), _UP_LIMIT_S)
        self._join(unit.name, colour, project)
        self._runner.carry_out(commands.start(project, file, unit.source.folder), _UP_LIMIT_S)

    def _unchanged(self, unit: Unit, around: Surroundings) -> dict[str, str]:
        """The release under which each single service runs on, by service."""
        running = {
            one.labels.get("service", ""): one.labels
            for one in self._containers(self._of_unit(unit.name))
            if one.labels.get("kind") == "application" and not one.labels.get("colour")
        }
        return {
            service.name: running[service.name]["release"]
            for service in unit.single
            if running.get(service.name, {}).get("definition") == definition(unit, service, around)
        }

    def _join(self, unit: str, colour: Colour, project: str) -> None:
        """Lets the project's containers find the coloured services of the serving colour."""
        wanted, left = (
            self._names.colour_project(unit, colour),
            self._names.colour_project(unit, colour.other),
        )
        for one in self._containers(commands.project_containers(project)):
            if wanted not in one.networks:
                alias = one.labels.get("service", one.name)
                self._runner.demand(commands.connect(wanted, one.id, alias))
            if left in one.networks:
                self._runner.ask(commands.disconnect(left, one.id))

    def instances(self, unit: str) -> tuple[Instance, ...]:
        found = (
            one.instance
            for one in self._containers(self._of_unit(unit))
            if one.labels.get("kind") == "application"
        )
        return tuple(sorted((one for one in found if one is not None), key=lambda one: one.name))

    def logs(self, unit: str, colour: Colour | None, service: str, lines: int) -> tuple[str, ...]:
        labels = {"platform": self._names.platform, "unit": unit, "service": service}
        labels |= {"kind": "application", **({"colour": colour.value} if colour else {})}
        found = [
            one
            for one in self._containers(commands.containers(labels))
            if bool(one.labels.get("colour")) is bool(colour)
        ]
        if not found:
            return tuple(self._kept_output(unit, colour, service)[-lines:])
        written = (line for one in found for line in self._output_of(one, lines))
        return tuple(written)[-lines:]

    def remove_all(self, unit: str) -> int:
        """Ends every container of the unit, databases too, and counts them; volumes stay."""
        found = self._containers(self._of_unit(unit))
        for project in (
            *(self._names.colour_project(unit, colour) for colour in Colour),
            self._names.single_project(unit),
            self._names.project(unit),
        ):
            self._end(project)
        self._remove({"unit": unit})
        self.remove_networks()
        return len(found)

    def remove_networks(self) -> None:
        """Those on which nothing runs any more."""
        self._networks.remove_edge()

    def containers(self, unit: str) -> tuple[Container, ...]:
        """Everything of the unit that Docker knows, servers included."""
        return self._containers(self._of_unit(unit))

    def all_containers(self) -> tuple[Container, ...]:
        """Those of every application of the platform; short commands are left out."""
        found = self._containers(commands.containers({"platform": self._names.platform}))
        return tuple(one for one in found if one.instance is not None)

    def edge_subnet(self) -> IPv4Network:
        """Of the network that the edge reaches containers in; made when it is missing."""
        return self._networks.ensure_edge()

    def restart(self, containers: Iterable[str]) -> None:
        """Docker's own restart: stop signal, grace period, start; at the same address."""
        self._runner.carry_out(commands.restart(containers), _UP_LIMIT_S)

    def _around(
        self,
        unit: Unit,
        services: Iterable[Service],
        subnet: IPv4Network | None = None,
        colour: Colour | None = None,
    ) -> Surroundings:
        images = {one.name: self._images.image(unit.artefacts[one.name]) for one in services}
        addresses = colour_addresses(subnet, colour, unit.coloured) if subnet and colour else {}
        written = {name: [str(one) for one in found] for name, found in addresses.items()}
        return Surroundings(self._names, images, written, self._telemetry(), self._files(unit))

    def _files(self, unit: Unit) -> dict[str, str]:
        """A release from before they were kept gets what the file says today."""
        folder = self._folder / unit.name / KEPT
        found = {name: folder / version for name, version in unit.secrets.items()}
        return {name: str(path.resolve()) for name, path in found.items() if path.exists()}

    def _telemetry(self) -> str | None:
        """This machine has the first address of the network that the edge reaches containers in."""
        if self._telemetry_port is None:
            return None
        return f"http://{self.edge_subnet()[1]}:{self._telemetry_port}"

    def _of_unit(self, unit: str) -> commands.Argv:
        return commands.containers({"platform": self._names.platform, "unit": unit})

    def _containers(self, listed: commands.Argv) -> tuple[Container, ...]:
        ids = self._runner.demand(listed).output.split()
        if not ids:
            return ()
        # One that ended since it was listed makes `inspect` fail, yet the others are told.
        return containers_from(
            self._runner.ask(commands.inspect(ids)).output, self._names.edge_network
        )

    def _refuse_foreign(self, project: str) -> None:
        for one in self._containers(commands.project_containers(project)):
            if one.labels.get("platform") != self._names.platform:
                raise ConflictError(
                    f"the Compose project {project} exists already and is not of this platform: "
                    f"container {one.name}",
                    code="project_in_use",
                    hint=f"docker compose --project-name {project} down (volumes are kept), "
                    "or another `name:` in this application's file",
                )

    def _write(self, unit: Unit, name: str, content: Json) -> Path:
        path = self._folder / unit.name / f"{name}.json"
        write_json(path, content)
        return path

    def _remove(self, labels: Mapping[str, str]) -> None:
        argv = commands.containers({"platform": self._names.platform, **labels})
        ids = self._runner.demand(argv).output.split()
        if ids:
            self._runner.ask(commands.remove(ids))

    def _keep_output(self, container: Container) -> None:
        """The last lines outlive the container: of a failed colour they are all that is left."""
        labels = container.labels
        if labels.get("kind") != "application":
            return
        colour = Colour(labels["colour"]) if labels.get("colour") else None
        said = self._output_of(container, _KEPT_LINES)
        path = self._output_file(labels["unit"], colour, labels["service"])
        with contextlib.suppress(OSError):  # a full disk must not keep a container from ending
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_text("".join(f"{line}\n" for line in said), encoding="utf-8")

    def _output_of(self, container: Container, lines: int) -> list[str]:
        """Both of its streams, in the order they were written."""
        said: list[str] = []
        with contextlib.suppress(TimeoutError):  # what was said until then is worth showing
            self._runner.stream(commands.logs(container.id, lines), said.append, _LOGS_LIMIT_S)
        return said

    def _kept_output(self, unit: str, colour: Colour | None, service: str) -> list[str]:
        with contextlib.suppress(OSError):
            path = self._output_file(unit, colour, service)
            return path.read_text(encoding="utf-8").splitlines()
        return []

    def _output_file(self, unit: str, colour: Colour | None, service: str) -> Path:
        return self._folder / unit / "output" / f"{service}.{colour or 'single'}.log"


def require_docker(runner: Runner) -> str:
    """The Engine's version. Raises UnavailableError when it or Compose is missing."""
    version = runner.demand(commands.version()).output.strip().strip('"')
    plugin = runner.ask(commands.compose_version())
    major = plugin.output.strip().lstrip("v").partition(".")[0]
    if plugin.code != 0 or not major.isdecimal() or int(major) < 2:
        raise UnavailableError(
            "Docker has no `docker compose` of version 2 or newer",
            code="no_compose",
            hint="apt-get install docker-compose-plugin, or docker-compose on Debian 13",
        )
    return version
