"""What `docker inspect` tells, as instances."""

from __future__ import annotations

from dataclasses import dataclass

from insightengine.core.colours import Colour
from insightengine.runtimes.compose.names import LABEL
from insightengine.runtimes.compose.values import Json, listing, number, parsed, table, text
from insightengine.runtimes.port import Instance, InstanceState


@dataclass(frozen=True, slots=True)
class Container:
    """One container as far as it matters here; `labels` are without our prefix."""

    id: str
    name: str
    labels: dict[str, str]
    instance: Instance | None
    networks: frozenset[str]
    addresses: tuple[str, ...] = ()
    started_at: str = ""
    process: int | None = None
    has_check: bool = False


def containers_from(inspected: str, edge_network: str) -> tuple[Container, ...]:
    """From the output of `docker inspect`; what is no container of a platform has no instance."""
    return tuple(_container(table(one), edge_network) for one in listing(parsed(inspected)))


def _container(found: Json, edge_network: str) -> Container:
    all_labels = table(table(found.get("Config")).get("Labels"))
    labels = {
        name.removeprefix(f"{LABEL}."): text(value)
        for name, value in all_labels.items()
        if name.startswith(f"{LABEL}.")
    }
    networks = table(table(found.get("NetworkSettings")).get("Networks"))
    state = table(found.get("State"))
    health = table(state.get("Health"))
    return Container(
        has_check=bool(health),
        id=text(found.get("Id")),
        name=text(found.get("Name")).removeprefix("/"),
        labels=labels,
        instance=_instance(found, labels, table(networks.get(edge_network))),
        networks=frozenset(networks),
        addresses=tuple(filter(None, (text(table(n).get("IPAddress")) for n in networks.values()))),
        started_at=text(state.get("StartedAt")),
        process=number(state.get("Pid")) or None,
    )


def _instance(found: Json, labels: dict[str, str], edge: Json) -> Instance | None:
    if labels.get("kind") not in ("application", "server"):
        return None
    policy = text(table(table(found.get("HostConfig")).get("RestartPolicy")).get("Name"))
    state = _state(table(found.get("State")), policy)
    if state is None:
        return None
    fixed = text(table(edge.get("IPAMConfig")).get("IPv4Address"))
    host = text(edge.get("IPAddress")) or fixed or None
    listens = labels.get("port", "")
    return Instance(
        unit=labels.get("unit", ""),
        service=labels.get("service", ""),
        name=labels.get("name") or f"{labels.get('service', '')}.1",
        colour=Colour(labels["colour"]) if labels.get("colour") else None,
        release=labels.get("release", ""),
        state=state,
        host=host if listens else None,
        port=int(listens) if listens else None,
        restarts=number(found.get("RestartCount")),
        detail=_detail(table(found.get("State")), state),
        is_checked=bool(table(table(found.get("State")).get("Health"))),
    )


def _state(state: Json, policy: str) -> InstanceState | None:
    """None for a container that ended as it should."""
    match text(state.get("Status")):
        case "running":
            health = text(table(state.get("Health")).get("Status"))
            by_health = {"unhealthy": InstanceState.UNHEALTHY, "starting": InstanceState.STARTING}
            return by_health.get(health, InstanceState.RUNNING)
        case "created":
            return InstanceState.STARTING
        case "removing":
            return InstanceState.STOPPING
        case "paused":
            return InstanceState.UNHEALTHY
        case "exited" if state.get("ExitCode") == 0 and policy in ("", "no", "on-failure"):
            return None
        case _:  # exited, restarting, dead
            return InstanceState.FAILED


def _detail(state: Json, known: InstanceState) -> str | None:
    if known in (InstanceState.RUNNING, InstanceState.STOPPING):
        return None
    error = text(state.get("Error"))
    if error:
        return error
    if text(state.get("Status")) == "paused":
        return "it is paused"
    if known is InstanceState.FAILED:
        memory = " (out of memory)" if state.get("OOMKilled") is True else ""
        return f"ended with exit code {number(state.get('ExitCode'))}{memory}"
    checks = listing(table(state.get("Health")).get("Log"))
    said = text(table(checks[-1]).get("Output")).strip() if checks else ""
    return said.splitlines()[-1][:200] if said else None
