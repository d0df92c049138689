"""Ports for the servers of a test."""

from __future__ import annotations

import os
import socket

# Below those that the kernel gives to outgoing connections (32768 and up): one of them would be
# taken between the look and the start.
_BASES = range(20000, 32600, 100)


def free_base_port() -> int:
    """A base whose hundred ports are free; spread by pid so that parallel runs rarely meet."""
    first = os.getpid() % len(_BASES)
    for base in [*_BASES[first:], *_BASES[:first]]:
        if all(_is_free(base + offset) for offset in range(100)):
            return base
    raise RuntimeError("no hundred free ports in a row were found")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
