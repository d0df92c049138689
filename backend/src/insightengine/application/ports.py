"""Compose's `ports` and `expose`, short and long form."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from insightengine.application.keys import PORT
from insightengine.application.model import Location, Protocol, PublishedPort, Service
from insightengine.application.problems import Place, Problems, shown
from insightengine.application.reading import Cursor

_SHORT = re.compile(
    r"(?:(?P<address>\[[0-9a-fA-F:.]+\]|[0-9]+\.[0-9.]+):)?"
    r"(?:(?P<host>[0-9]+(?:-[0-9]+)?)?:)?"
    r"(?P<container>[0-9]+(?:-[0-9]+)?)"
    r"(?:/(?P<protocol>tcp|udp))?"
)
_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_ALLOWED = "CONTAINER, HOST:CONTAINER or ADDRESS:HOST:CONTAINER, such as 8080:80"
_EVERYWHERE = (None, "0.0.0.0", "::")  # noqa: S104
HIGHEST = 65535
MOST_OF_SERVICE = 1000
MOST_OF_APPLICATION = 10_000


def published_ports(cursor: Cursor) -> tuple[PublishedPort, ...]:
    found: list[PublishedPort] = []
    for item in cursor.items("a list of ports"):
        found += _long(item) if item.is_table else _short(item)
        if len(found) > MOST_OF_SERVICE:
            cursor.fail(f"publishes more than {MOST_OF_SERVICE} ports")
            return ()
    return tuple(found)


def exposed_ports(cursor: Cursor) -> tuple[int, ...]:
    found: list[int] = []
    for item in cursor.items("a list of ports"):
        text = item.text("a port")
        if text is not None:
            found += _range(item, text.split("/", 1)[0])
    return tuple(found)


def _short(item: Cursor) -> list[PublishedPort]:
    text = item.text(_ALLOWED)
    if text is None:
        return []
    parts = _SHORT.fullmatch(text)
    if parts is None:
        item.wrong(_ALLOWED)
        return []
    address = parts["address"].strip("[]") if parts["address"] else None
    if address is not None and not _is_address(address):
        item.fail(f"found the address {shown(address)}, allowed is an IPv4 or [IPv6] address")
        return []
    protocol = Protocol(parts["protocol"] or "tcp")
    containers = _range(item, parts["container"])
    hosts = _range(item, parts["host"]) if parts["host"] else None
    return _paired(item, hosts, containers, address, protocol)


def _long(item: Cursor) -> list[PublishedPort]:
    keys = item.keys(PORT)
    if "target" not in keys:
        item.fail("`target` is missing", "add the port inside the container: target: 80")
        return []
    target = keys["target"].integer(1, HIGHEST, "a port")
    hosts: list[int] | None = None
    if "published" in keys:
        text = keys["published"].text("a port")
        hosts = _range(keys["published"], text) if text is not None else []
    address = keys["host_ip"].text("an address") if "host_ip" in keys else None
    if address is not None and not _is_address(address):
        keys["host_ip"].wrong("an IPv4 or IPv6 address")
        return []
    protocol = keys["protocol"].choice(Protocol) if "protocol" in keys else Protocol.TCP
    if target is None or protocol is None:
        return []
    return _paired(item, hosts, [target], address, protocol)


def _paired(
    item: Cursor,
    hosts: list[int] | None,
    containers: list[int],
    address: str | None,
    protocol: Protocol,
) -> list[PublishedPort]:
    if hosts is None:
        return [PublishedPort(None, port, address, protocol) for port in containers]
    if hosts and containers and len(hosts) != len(containers):
        counts = f"found {len(hosts)} host ports for {len(containers)} container ports"
        item.fail(f"{counts}, allowed is the same number of both")
        return []
    pairs = zip(hosts, containers, strict=False)  # one is empty when it was reported already
    return [PublishedPort(host, port, address, protocol) for host, port in pairs]


def _range(cursor: Cursor, text: str) -> list[int]:
    parts = _RANGE.fullmatch(text)
    first = int(parts[1]) if parts else 0
    last = int(parts[2]) if parts and parts[2] else first
    if not 1 <= first <= last <= HIGHEST:
        cursor.fail(f"found {shown(text)}, allowed is a port from 1 to {HIGHEST}")
        return []
    if last - first >= MOST_OF_SERVICE:
        cursor.fail(f"found a range of {last - first + 1} ports, allowed are {MOST_OF_SERVICE}")
        return []
    return list(range(first, last + 1))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def report_clashes(services: Iterable[Service], place: Place, problems: Problems) -> None:
    """Two services that may run together must not publish the same host port."""
    services = tuple(services)
    if sum(len(service.published_ports) for service in services) > MOST_OF_APPLICATION:
        message = f"together publish more than {MOST_OF_APPLICATION} ports"
        problems.add(services[0].location, "services", message)
        return
    taken: dict[tuple[int, Protocol], _Taken] = {}
    for service in services:
        for port in service.published_ports:
            if port.host is None:
                continue
            others = taken.setdefault((port.host, port.protocol), _Taken())
            other = others.clashing(service, port.address)
            if other is not None:
                _report_clash(place(service.name, "ports"), service, port.host, other, problems)
            others.add(service, port.address)


class _Taken:
    """Who publishes a host port, by address and name: a file may do it ten thousand times."""

    def __init__(self) -> None:
        self._by_address: dict[str | None, dict[str, Service]] = {}
        self._all: dict[str, Service] = {}

    def add(self, service: Service, address: str | None) -> None:
        key = None if address in _EVERYWHERE else address
        self._by_address.setdefault(key, {})[service.name] = service
        self._all[service.name] = service

    def clashing(self, service: Service, address: str | None) -> str | None:
        """The first service that may run together with this one and listens there, too."""
        if address in _EVERYWHERE:
            met = self._all
        else:
            met = {**self._by_address.get(None, {}), **self._by_address.get(address, {})}
        return next((one.name for one in met.values() if _run_together(service, one)), None)


def _report_clash(
    at: Location, service: Service, host_port: int, other: str, problems: Problems
) -> None:
    who = "twice" if other == service.name else f"also by services.{other}"
    hint = "choose another host port for one of them"
    message = f"host port {host_port} is published {who}"
    problems.add(at, f"services.{service.name}.ports", message, hint)


def _run_together(one: Service, other: Service) -> bool:
    free = not one.profiles or not other.profiles
    return one.name == other.name or free or bool(set(one.profiles) & set(other.profiles))
