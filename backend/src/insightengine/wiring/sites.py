"""The published ports of an application as sites of the edge, whatever the application runs in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from insightengine.application.model import PublishedPort, Service
from insightengine.core.colours import Colour
from insightengine.core.errors import ConflictError
from insightengine.edge.models import Address, ApplicationSite, Pool, Upstream
from insightengine.runtimes.local.ports import holder_of, is_free
from insightengine.wiring.application import Placed, coloured_ports, label_of
from insightengine.wiring.environment import PlatformContext

AddressesOf = Callable[[Placed, Service, Colour, PublishedPort], tuple[Address, ...]]
"""Where the replicas of a coloured service answer for one of its published ports."""


def published_sites(placed: Placed) -> Iterator[tuple[str, Service, PublishedPort]]:
    """One for each published port of a coloured service: the site's name comes first."""
    for service in placed.started:
        if service.colours:
            label = label_of(placed, service)
            published = [port for port in service.published_ports if port.host is not None]
            for number, port in enumerate(published):
                yield (label if number == 0 else f"{label}-{port.host}"), service, port


def site_addresses(context: PlatformContext, placed: Placed) -> dict[str, Address]:
    """Where visitors reach each site, by its name."""
    return {name: _listen(context, port) for name, _, port in published_sites(placed)}


def refuse_taken_sites(context: PlatformContext, placed: Placed) -> None:
    """Raises ConflictError for a published port on which the edge, which is not up, cannot listen.

    Else the edge would be refused only after the application was built.
    """
    for _, service, port in published_sites(placed):
        address = _listen(context, port)
        if ":" in address.host:  # what is free of IPv6 is left to nginx
            continue
        try:
            problem = None if is_free(address.host, address.port) else str(holder_of(address.port))
        except OSError as error:
            problem = f"nobody may listen on {address}: {error.strerror}"
        if problem is not None:
            raise ConflictError(
                f"{problem}; services.{service.name} publishes it",
                code="port_in_use",
                hint=f"stop that process, or change services.{service.name}.ports of "
                f"{placed.application.file} or the variable in it",
                context={"ports": [address.port]},
            )


def application_sites(
    context: PlatformContext,
    units: Mapping[Colour, Placed],
    addresses_of: AddressesOf | None = None,
) -> tuple[ApplicationSite, ...]:
    """The sites of both colours' releases; the later one describes those that they share.

    Without `addresses_of`, services are processes of this machine.
    """
    found = addresses_of or _process_addresses(context)
    sites: dict[str, ApplicationSite] = {}
    for placed in units.values():
        for name, service, port in published_sites(placed):
            sites[name] = ApplicationSite(
                name=name,
                service=label_of(placed, service),
                listen=_listen(context, port),
                pool=_pool(units, service, port, found),
                routes=service.routes,
                unit=placed.application.name,
                health_path=service.health.path if service.health else None,
            )
    return tuple(sites.values())


def _listen(context: PlatformContext, port: PublishedPort) -> Address:
    return Address(port.address or context.settings.bind_host, port.host or 0)


def _pool(
    units: Mapping[Colour, Placed],
    service: Service,
    port: PublishedPort,
    addresses_of: AddressesOf,
) -> Pool:
    """The servers of both colours; a colour without the service has some where nobody listens."""

    def upstream(colour: Colour) -> Upstream:
        placed = units.get(colour)
        own = placed.application.service(service.name) if placed else None
        if placed is None or own is None:
            return Upstream("none", (Address("127.0.0.1", 1 if colour is Colour.BLUE else 2),))
        return Upstream(placed.release, addresses_of(placed, own, colour, port))

    return Pool(upstream(Colour.BLUE), upstream(Colour.GREEN))


def _process_addresses(context: PlatformContext) -> AddressesOf:
    """A process listens at one port, whatever it publishes."""

    def addresses(
        placed: Placed, service: Service, colour: Colour, _: PublishedPort
    ) -> tuple[Address, ...]:
        ports = coloured_ports(context, placed, service, colour)
        return tuple(Address("127.0.0.1", port) for port in ports)

    return addresses
