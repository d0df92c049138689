"""Sockets of this machine: who still waits for an answer of a server, and who holds a port."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path

import psutil

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


def held_by_others(ports: Iterable[int], edge: psutil.Process) -> list[str]:
    """Those ports at which somebody listens, but not the edge, each with its holder."""
    listening: dict[int, set[int | None]] = {}
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN:
            port = getattr(connection.laddr, "port", 0)
            listening.setdefault(port, set()).add(connection.pid)
    own: set[int | None] = {edge.pid, *(child.pid for child in edge.children())}
    return [
        f"port {port} is held by {_named(next(iter(listening[port])))}"
        for port in sorted(set(ports))
        if port in listening and not listening[port] & own
    ]


def _named(pid: int | None) -> str:
    try:
        if pid is not None:
            return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        pass
    return "a process that this user may not see"
