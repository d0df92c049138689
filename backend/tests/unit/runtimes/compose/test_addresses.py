"""Addresses of colours."""

from ipaddress import IPv4Network

import pytest

from insightengine.core.colours import Colour
from insightengine.core.errors import LimitExceededError
from insightengine.runtimes.compose.addresses import colour_addresses, dynamic_range
from tests.unit.runtimes.compose.applications import SUBNET, unit


def test_colours_share_no_address_with_each_other_or_with_what_docker_gives_out() -> None:
    coloured = unit().coloured
    blue = colour_addresses(SUBNET, Colour.BLUE, coloured)["web"]
    green = colour_addresses(SUBNET, Colour.GREEN, coloured)["web"]
    assert not set(blue) & set(green)
    assert not any(address in dynamic_range(SUBNET) for address in (*blue, *green))
    assert all(address in SUBNET for address in (*blue, *green))


def test_a_subnet_that_is_too_small_is_refused() -> None:
    with pytest.raises(LimitExceededError, match="do not fit"):
        colour_addresses(IPv4Network("10.0.0.0/29"), Colour.BLUE, unit().coloured)
