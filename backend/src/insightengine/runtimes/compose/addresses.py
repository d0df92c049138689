"""Fixed addresses of colours on the edge's network.

A container that dies and is restarted keeps its address, so the edge's configuration holds for as
long as the release does. The first quarter of the subnet is left to Docker for everything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network

from insightengine.application.model import Service
from insightengine.core.colours import Colour
from insightengine.core.errors import LimitExceededError

_QUARTERS = {Colour.BLUE: 1, Colour.GREEN: 2}


def dynamic_range(subnet: IPv4Network) -> IPv4Network:
    """What Docker may give out by itself."""
    return next(subnet.subnets(prefixlen_diff=2))


def colour_addresses(
    subnet: IPv4Network, colour: Colour, services: tuple[Service, ...]
) -> Mapping[str, tuple[IPv4Address, ...]]:
    """One address for each replica of each coloured service, in the order of the file.

    Raises LimitExceededError when the subnet is too small for all of them.
    """
    quarter = subnet.num_addresses // 4
    wanted = sum(service.replicas for service in services)
    if wanted > quarter - 1:
        raise LimitExceededError(
            f"{wanted} containers a colour do not fit into {subnet}: it has room for {quarter - 1}",
            hint="set INSIGHT_DOCKER_SUBNET to a larger network, such as 10.201.0.0/16",
        )
    at = int(subnet.network_address) + _QUARTERS[colour] * quarter
    found: dict[str, tuple[IPv4Address, ...]] = {}
    for service in services:
        found[service.name] = tuple(IPv4Address(at + n) for n in range(service.replicas))
        at += service.replicas
    return found
