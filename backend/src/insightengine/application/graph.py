"""Dependencies between services: each must exist, and none may lead back to itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from insightengine.application.model import Location, Service
from insightengine.application.problems import Place, Problems, nearest


def report_dependencies(services: Mapping[str, Service], place: Place, problems: Problems) -> None:
    for service in services.values():
        for dependency in service.depends_on:
            if dependency.service not in services:
                at = place(service.name, "depends_on", dependency.service)
                _report_unknown(at, service, dependency.service, services, problems)
    for cycle in cycles({name: _known(one, services) for name, one in services.items()}):
        second = cycle[1] if len(cycle) > 1 else cycle[0]
        at = place(cycle[0], "depends_on", second)
        message = f"waits for itself: {_arrows(cycle)}"
        hint = "remove one of these dependencies"
        problems.add(at, f"services.{cycle[0]}.depends_on", message, hint)


def _arrows(cycle: tuple[str, ...]) -> str:
    names = cycle if len(cycle) <= 12 else (*cycle[:10], "…", cycle[-1])
    return " → ".join((*names, cycle[0]))


def _report_unknown(
    at: Location,
    service: Service,
    name: str,
    services: Mapping[str, Service],
    problems: Problems,
) -> None:
    meant = nearest(name, services)
    hint = f"did you mean `{meant}`?" if meant else f"services are {', '.join(list(services)[:12])}"
    key = f"services.{service.name}.depends_on.{name[:60]}"
    problems.add(at, key, "there is no such service", hint)


def _known(service: Service, services: Mapping[str, Service]) -> tuple[str, ...]:
    return tuple(one.service for one in service.depends_on if one.service in services)


def cycles(edges: Mapping[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """One cycle for each place where a depth-first walk comes back to its own path.

    Not recursive: a file may hold a chain that is longer than Python's stack.
    """
    done: set[str] = set()
    found: list[tuple[str, ...]] = []
    for start in edges:
        if start in done:
            continue
        path: dict[str, Iterator[str]] = {start: iter(edges[start])}
        while path:
            current = next(reversed(path))
            following = next(path[current], None)
            if following is None:
                done.add(current)
                del path[current]
            elif following in path:
                names = list(path)
                found.append(tuple(names[names.index(following) :]))
            elif following not in done:
                path[following] = iter(edges[following])
    return found
