"""Open connections of this machine, from /proc: who still waits for an answer of a server."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator
from ipaddress import ip_address
from pathlib import Path

from insightengine.edge.models import Address

_ESTABLISHED = "01"
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def connections_to(addresses: Collection[Address]) -> int:
    """How many established connections go to one of these addresses."""
    wanted = {_encoded(address) for address in addresses}
    return sum(1 for remote in _remotes() if remote in wanted)


def _remotes() -> Iterator[str]:
    for table in _TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, _, remote, state, *_ = line.split()
            if state == _ESTABLISHED:
                yield remote


def _encoded(address: Address) -> str:
    """As the kernel writes it: each four bytes of the IP in host order, then the port."""
    packed = ip_address(socket.gethostbyname(address.host)).packed
    words = [packed[at : at + 4][::-1].hex().upper() for at in range(0, len(packed), 4)]
    return f"{''.join(words)}:{address.port:04X}"
