"""Networks and volumes, made before the containers that use them and kept after they end."""

from __future__ import annotations

from ipaddress import IPv4Network

from insightengine.application.model import Application
from insightengine.core.colours import Colour
from insightengine.core.errors import ConflictError, NotFoundError, UnavailableError
from insightengine.runtimes.compose import commands
from insightengine.runtimes.compose.addresses import dynamic_range
from insightengine.runtimes.compose.document import (
    declaration,
    declared_volumes,
    network_name,
    used_networks,
    volume_name,
)
from insightengine.runtimes.compose.names import Names
from insightengine.runtimes.compose.runner import Runner, last_words
from insightengine.runtimes.compose.values import listing, parsed, table, text
from insightengine.runtimes.port import Unit


class Networks:
    """`subnet` None lets Docker choose one that is free on this machine."""

    def __init__(self, names: Names, runner: Runner, subnet: str | None = None) -> None:
        self._names = names
        self._runner = runner
        self._subnet = subnet

    def ensure_edge(self) -> IPv4Network:
        """The subnet of the edge's network, which is made when it is missing."""
        name = self._names.edge_network
        found = self.subnet_of(name)
        if found is None:
            subnet = IPv4Network(self._subnet) if self._subnet else self._free_subnet()
            labels = self._names.labels("", kind="edge")
            dynamic = str(dynamic_range(subnet))
            self._create(commands.network_create(name, labels, subnet=str(subnet), dynamic=dynamic))
            found = self.subnet_of(name)
        if found is None:
            raise UnavailableError(f"Docker made no subnet for the network {name}")
        return found

    def _free_subnet(self) -> IPv4Network:
        """Fixed addresses need a subnet that was asked for: ask for the one Docker would take."""
        name = f"{self._names.edge_network}-probe"
        self._runner.ask(commands.network_remove(name))
        self._create(commands.network_create(name, self._names.labels("", kind="edge")))
        found = self.subnet_of(name)
        self._runner.demand(commands.network_remove(name))
        if found is None:
            raise UnavailableError(
                "Docker has no free subnet for the edge's network",
                hint="set INSIGHT_DOCKER_SUBNET, such as 10.201.0.0/16",
            )
        return found

    def subnet_of(self, network: str) -> IPv4Network | None:
        done = self._runner.ask(commands.network_inspect(network))
        found = listing(parsed(done.output)) if done.code == 0 else []
        for one in listing(table(table(found[0]).get("IPAM")).get("Config")) if found else []:
            subnet = text(table(one).get("Subnet"))
            if subnet and ":" not in subnet:
                return IPv4Network(subnet)
        return None

    def ensure_unit(self, unit: Unit) -> None:
        """The file's own networks and volumes, and one network a colour."""
        application = unit.source.application
        for colour in Colour:
            name = self._names.colour_project(unit.name, colour)
            if not self._exists(name):
                self._create(commands.network_create(name, self._names.labels(unit.name)))
        active = application.active(unit.source.profiles)
        for network in used_networks(application, active):
            self._ensure_declared(application, network)
        for volume in declared_volumes(application):
            self._ensure_volume(application, volume)

    def _ensure_declared(self, application: Application, network: str) -> None:
        own = declaration(application, "networks", network)
        name = network_name(self._names, application, network)
        if self._exists(name):
            return
        if own.get("external"):
            raise NotFoundError(
                f"{application.file}: the external network {name} does not exist",
                hint=f"docker network create {name}",
            )
        labels = {
            **self._names.labels(application.name),
            "com.docker.compose.project": self._names.project(application.name),
            "com.docker.compose.network": network,
        }
        configs = listing(table(own.get("ipam")).get("config"))
        subnet = text(table(configs[0]).get("subnet")) if configs else ""
        options = {key: str(value) for key, value in table(own.get("driver_opts")).items()}
        self._create(
            commands.network_create(
                name,
                labels,
                subnet=subnet or None,
                internal=own.get("internal") is True,
                driver=text(own.get("driver")) or None,
                options=options,
            )
        )

    def _ensure_volume(self, application: Application, volume: str) -> None:
        own = declaration(application, "volumes", volume)
        if own.get("external"):
            return
        labels = {
            "com.docker.compose.project": self._names.project(application.name),
            "com.docker.compose.volume": volume,
        }
        options = {key: str(value) for key, value in table(own.get("driver_opts")).items()}
        driver = text(own.get("driver")) or None
        name = volume_name(self._names, application, volume)
        self._runner.demand(commands.volume_create(name, labels, driver, options))

    def remove_edge(self) -> None:
        """Those of this platform on which nothing runs any more."""
        mine = commands.network_list({"platform": self._names.platform})
        for name in self._runner.demand(mine).output.split():
            self._runner.ask(commands.network_remove(name))

    def _exists(self, name: str) -> bool:
        return self._runner.ask(commands.network_inspect(name)).code == 0

    def _create(self, argv: commands.Argv) -> None:
        done = self._runner.ask(argv)
        if done.code == 0 or any("already exists" in line for line in done.said):
            return
        raise ConflictError(
            f"the network {argv[-1]} cannot be made: {last_words(done)}",
            code="network_refused",
            hint="docker network ls; docker network prune removes unused ones",
        )
