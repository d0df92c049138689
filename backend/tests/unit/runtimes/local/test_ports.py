"""Ports that nobody holds."""

from __future__ import annotations

import socket

from insightengine.runtimes.local.ports import free_base_port, free_port, is_free


def test_a_base_is_given_once_though_nobody_listens_there_yet() -> None:
    bases = {free_base_port() for _ in range(3)}
    assert len(bases) == 3
    assert all(is_free("127.0.0.1", base + offset) for base in bases for offset in (0, 99))


def test_free_ports_lie_below_those_of_outgoing_connections() -> None:
    port = free_port()
    assert 20_000 <= port < 32_768
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free("127.0.0.1", port)
