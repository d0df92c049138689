"""Who holds a port that the platform needs, and which ones nobody holds."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from insightengine.core.errors import ConflictError

# Below those that the kernel gives to outgoing connections (32768 and up): one of them would be
# taken between the look and the start.
_SPARE = range(20_000, 32_600)
_ROW = 100  # a platform's ports lie in a row
_given: set[int] = set()  # bases that this process has, though nobody may listen there yet


@dataclass(frozen=True, slots=True)
class Holder:
    port: int
    name: str | None  # None: a process of another user, or one in another namespace
    pid: int | None

    def __str__(self) -> str:
        if self.pid is None:
            return f"port {self.port} is held by a process of another user"
        return f"port {self.port} is held by {self.name} (pid {self.pid})"


def is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def holder_of(port: int) -> Holder:
    """The process that listens on a port, as far as this user may know."""
    for connection in psutil.net_connections("tcp"):
        listens = connection.status == psutil.CONN_LISTEN
        at = getattr(connection.laddr, "port", None)
        if listens and at == port and connection.pid:
            with contextlib.suppress(psutil.Error):
                return Holder(port, psutil.Process(connection.pid).name(), connection.pid)
    return Holder(port, None, None)


def refuse_occupied(ports: Iterable[int], host: str = "127.0.0.1") -> None:
    """Raises ConflictError that names each occupied port together with its holder."""
    held = [holder_of(port) for port in sorted(set(ports)) if not is_free(host, port)]
    if held:
        raise ConflictError(
            "; ".join(str(holder) for holder in held),
            code="port_in_use",
            hint="stop that process, or choose other ports, for example:"
            " insight up --base-port 5300",
            context={"ports": [holder.port for holder in held]},
        )


def free_port(host: str = "127.0.0.1") -> int:
    """A port on which nobody listens now; another one each time, most likely."""
    for port in random.sample(_SPARE, 200):
        if is_free(host, port):
            return port
    raise ConflictError(f"no free port was found on {host}", code="port_in_use")


def free_base_port(host: str = "127.0.0.1") -> int:
    """A base whose hundred ports are free, each time another one.

    Spread by pid, so that processes side by side rarely meet.
    """
    bases = list(_SPARE[::_ROW])
    first = os.getpid() % len(bases)
    for base in [*bases[first:], *bases[:first]]:
        if base not in _given and all(is_free(host, base + at) for at in range(_ROW)):
            _given.add(base)
            return base
    raise ConflictError(f"no {_ROW} free ports in a row were found on {host}", code="port_in_use")
