"""The Compose files that carry out a unit: made from the user's own, purely.

A colour's file holds its coloured services under names that both colours cannot share, with images
by digest and fixed addresses; published ports are the edge's and stand in none of them. Networks
and volumes are made beforehand and are external here, so that no `down` removes them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from insightengine.application.model import Application, Condition, Service
from insightengine.core.colours import Colour
from insightengine.core.errors import InvalidInputError
from insightengine.runtimes.compose.hardening import Kind, hardened, is_root
from insightengine.runtimes.compose.names import (
    LABEL,
    Names,
    container_service,
    instance_name,
    port_of,
)
from insightengine.runtimes.compose.values import Json, table, text, texts
from insightengine.runtimes.port import Unit

# Decided here: by the image, by the edge, by what runs beside it.
_DROPPED = frozenset(
    {
        *("build", "container_name", "depends_on", "deploy", "env_file", "environment"),
        *("external_links", "image", "labels", "links", "mac_address", "network_mode"),
        *("networks", "ports", "profiles", "pull_policy", "scale", "volumes_from"),
    }
)
_MOUNTED = ("secrets", "configs")


@dataclass(frozen=True, slots=True)
class Image:
    """`name` is what Compose is told, `user` whom the image runs as."""

    name: str
    user: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a unit's containers are put into.

    `images` are by service, `addresses` by coloured service; `telemetry` is where OTLP goes.
    `files` are those of the release behind its secrets and configs, by `secrets.NAME`.
    """

    names: Names
    images: Mapping[str, Image]
    addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    telemetry: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)


def colour_file(unit: Unit, colour: Colour, around: Surroundings) -> Json:
    """The Compose file of one colour."""
    services: dict[str, Json] = {}
    for service in unit.coloured:
        _refuse_own_network(unit.source.application, service)
        for number in range(1, service.replicas + 1):
            networks = {
                **_networks(unit.source.application, service),
                "insight-colour": {"aliases": [service.name]},
                "insight-edge": {"ipv4_address": around.addresses[service.name][number - 1]},
            }
            name = container_service(service.name, colour, number)
            services[name] = {
                **_container(unit, service, around, colour, number),
                "networks": networks,
            }
    networks = {
        "insight-colour": _external(around.names.colour_project(unit.name, colour)),
        "insight-edge": _external(around.names.edge_network),
    }
    return _file(around, unit.source.application, services, networks)


def single_file(unit: Unit, around: Surroundings, releases: Mapping[str, str]) -> Json:
    """The Compose file of the services without colours.

    `releases` names, by service, the release whose container may go on because nothing of it
    changed; see `definition`.
    """
    services: dict[str, Json] = {}
    for service in unit.single:
        release = releases.get(service.name, unit.release)
        own = _definition(unit.source.application, service.name)
        for number in range(1, service.replicas + 1):
            container = _container(unit, service, around, None, number, release)
            same = {f"{LABEL}.definition": definition(unit, service, around)}
            services[_new_name(services, unit, service, number)] = {
                **container,
                "labels": {**table(container["labels"]), **same},
                **({"ports": own["ports"]} if "ports" in own else {}),  # there is only one
                **_single_networks(unit.source.application, service),
            }
    networks = {"insight-edge": _external(around.names.edge_network)}
    return _file(around, unit.source.application, services, networks)


def servers_file(unit: Unit, names: Names) -> Json:
    """The Compose file of the databases and other servers that the application brings along."""
    application = unit.source.application
    services: dict[str, Json] = {}
    active = {service.name for service in application.active(unit.source.profiles)}
    for service in application.services:
        if service.supplied is None or service.name not in active:
            continue
        own = _definition(application, service.name)
        kept = {key: value for key, value in own.items() if key not in _DROPPED - {"ports"}}
        as_root = is_root(text(own.get("user")))
        services[service.name] = {
            **_limited(hardened(_escaped_table(kept), Kind.SERVER, runs_as_root=as_root), own),
            "image": service.image,
            "environment": _environment(unit, service),
            "labels": _labels(own, names.labels(unit.name, service.name, kind="server")),
            "networks": _networks(application, service),
        }
    return _file(Surroundings(names, {}), application, services, {})


def task_file(unit: Unit, service: Service, around: Surroundings, task: Task) -> Json:
    """The Compose file of one command that runs once in the surroundings of a service."""
    container = _container(unit, service, around, None, 1)
    environment = {**table(container["environment"]), **task.environment}
    labels = around.names.labels(
        unit.name, service.name, release=unit.release, kind="task", task=task.id
    )
    definition = {
        **{key: value for key, value in container.items() if key != "healthcheck"},
        "command": _escaped(list(task.command)),
        "restart": "no",
        "environment": _escaped(environment),
        "labels": labels,
        **_single_networks(unit.source.application, service),
    }
    networks = {"insight-edge": _external(around.names.edge_network)}
    return _file(around, unit.source.application, {"task": definition}, networks)


def build_file(application: Application, service: Service, image: str) -> Json:
    """A Compose file that can only build one service."""
    build = _definition(application, service.name).get("build")
    definition: dict[str, object] = {"build": _escaped(build), "image": image}
    secrets = _escaped(_document(application).get("secrets") or {})
    return {"services": {service.name: definition}, "secrets": secrets}


@dataclass(frozen=True, slots=True)
class Task:
    id: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)


def definition(unit: Unit, service: Service, around: Surroundings) -> str:
    """A digest of all that makes its container another one, but for the release's name."""
    container = _container(unit, service, around, None, 1, "-")
    mounted = [f"secrets.{one}" for one in service.secrets]
    mounted += [f"configs.{one}" for one in service.configs]
    files = {name: around.files[name] for name in mounted if name in around.files}
    content = {**container, **({"kept files": files} if files else {})}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _container(
    unit: Unit,
    service: Service,
    around: Surroundings,
    colour: Colour | None,
    number: int,
    release: str | None = None,
) -> dict[str, object]:
    own = _definition(unit.source.application, service.name)
    image = around.images[service.name]
    kept = {key: value for key, value in own.items() if key not in _DROPPED}
    user = text(own.get("user")) or image.user
    release = release or unit.release
    labels = around.names.labels(
        unit.name,
        service.name,
        release=release,
        colour=colour.value if colour else "",
        port=str(port_of(service) or ""),
        health=service.health.path if service.health else "",
        name=instance_name(service.name, colour, number),
        artefact=unit.artefacts[service.name].digest,
        kind="application",
    )
    kind = Kind.JOB if is_job(unit, service) else Kind.SERVICE
    telemetry = _telemetry(unit, service, colour, release, around.telemetry)
    return {
        **_limited(hardened(_escaped_table(kept), kind, runs_as_root=is_root(user)), own),
        "image": image.name,
        "environment": {**_escaped_table(telemetry), **_environment(unit, service)},
        "labels": _labels(own, labels),
    }


def _new_name(taken: Mapping[str, Json], unit: Unit, service: Service, number: int) -> str:
    """The container's; a second `worker` and a service `worker-2` would be one, and one be lost."""
    name = container_service(service.name, None, number)
    if name in taken:
        raise InvalidInputError(
            f"{unit.source.application.file}: services.{service.name}: another service's container "
            f"is called {name}, too",
            hint="rename one of the two services",
        )
    return name


def is_job(unit: Unit, service: Service) -> bool:
    """Whether others wait for its end: such a service is not kept running."""
    return not service.colours and any(
        dependency.service == service.name and dependency.condition is Condition.COMPLETED
        for other in unit.source.application.services
        for dependency in other.depends_on
    )


def _telemetry(
    unit: Unit, service: Service, colour: Colour | None, release: str, endpoint: str | None
) -> dict[str, object]:
    if endpoint is None:
        return {}
    resource = [f"service.namespace={unit.name}", f"insight.release={release}"]
    resource += [f"insight.colour={colour}"] if colour else []
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": service.name,
        "OTEL_RESOURCE_ATTRIBUTES": ",".join(resource),
    }


def _environment(unit: Unit, service: Service) -> dict[str, object]:
    from_files = unit.source.env_files.get(service.name, {})
    return _escaped_table({**from_files, **service.environment})


def _limited(container: Json, own: Json) -> Json:
    """With `deploy.resources`, which is what remains of `deploy`: replicas are written out.

    Compose refuses a number of processes in two places.
    """
    resources = table(table(own.get("deploy")).get("resources"))
    if not resources:
        return container
    is_double = "pids" in table(resources.get("limits")) and "pids_limit" not in own
    kept = {key: v for key, v in container.items() if not (is_double and key == "pids_limit")}
    return {**kept, "deploy": {"resources": _escaped(resources)}}


def _labels(own: Json, ours: Mapping[str, str]) -> dict[str, object]:
    given = own.get("labels")
    pairs = (one.partition("=") for one in texts(given))
    theirs = table(given) or {name: value for name, _, value in pairs}
    foreign = {name: value for name, value in theirs.items() if not name.startswith(f"{LABEL}.")}
    return {**_escaped_table(foreign), **ours}


def _networks(application: Application, service: Service) -> dict[str, object]:
    """As in the file, `default` where it names none."""
    own = _definition(application, service.name)
    if own.get("network_mode"):
        return {}
    given = own.get("networks")
    named = dict(table(given)) or dict.fromkeys(texts(given), None) or {"default": None}
    return _escaped_table({name: _shared(options) for name, options in named.items()})


def _shared(options: object) -> object:
    """A network's options without an address: both colours would claim it."""
    kept = {k: v for k, v in table(options).items() if k not in ("ipv4_address", "ipv6_address")}
    return kept or None


def _single_networks(application: Application, service: Service) -> dict[str, object]:
    mode = text(_definition(application, service.name).get("network_mode"))
    if mode:
        return {"network_mode": mode}
    return {"networks": {**_networks(application, service), "insight-edge": None}}


def _refuse_own_network(application: Application, service: Service) -> None:
    mode = text(_definition(application, service.name).get("network_mode"))
    if mode:
        raise InvalidInputError(
            f"{application.file}: services.{service.name}.network_mode is {mode!r}: two colours "
            "cannot share it",
            hint="remove network_mode, or set x-insight.colours: false for this service",
        )


def _file(
    around: Surroundings, application: Application, services: Mapping[str, Json], more: Json
) -> Json:
    """With the declarations that its services use."""
    names = around.names
    used = {name for service in services.values() for name in table(service.get("networks"))}
    found: dict[str, object] = {
        "services": services,
        "networks": {
            **{
                name: _external(network_name(names, application, name))
                for name in sorted(used - more.keys())
            },
            **more,
        },
        "volumes": {
            name: _external(volume_name(names, application, name))
            for name in table(_document(application).get("volumes"))
        },
    }
    for kind in _MOUNTED:
        declared = table(_document(application).get(kind))
        if declared:
            kept = ((name, around.files.get(f"{kind}.{name}")) for name in declared)
            found[kind] = {name: _declared_file(declared[name], file) for name, file in kept}
    return found


def _declared_file(declared: object, kept: str | None) -> object:
    """A secret or config as it was when the release was made, where that was kept."""
    return _escaped({**table(declared), "file": kept} if kept else declared)


def network_name(names: Names, application: Application, name: str) -> str:
    """What Compose would call it in the project of that name."""
    return _declared_name(names, application, "networks", name)


def volume_name(names: Names, application: Application, name: str) -> str:
    return _declared_name(names, application, "volumes", name)


def _declared_name(names: Names, application: Application, kind: str, name: str) -> str:
    own = declaration(application, kind, name)
    external = own.get("external")
    given = text(own.get("name")) or text(table(external).get("name"))
    return given or (name if external else f"{names.project(application.name)}_{name}")


def declaration(application: Application, kind: str, name: str) -> Json:
    """The entry below `networks` or `volumes` at the top of the file."""
    return table(table(_document(application).get(kind)).get(name))


def declared_volumes(application: Application) -> Iterator[str]:
    yield from table(_document(application).get("volumes"))


def declared_files(application: Application) -> Iterator[tuple[str, str]]:
    """The files behind the `secrets` and `configs` of the application, by `secrets.NAME`."""
    for kind in _MOUNTED:
        for name in table(_document(application).get(kind)):
            file = text(declaration(application, kind, name).get("file"))
            if file:
                yield f"{kind}.{name}", file


def used_networks(application: Application, services: Sequence[Service]) -> Sequence[str]:
    return sorted({name for service in services for name in _networks(application, service)})


def _external(name: str) -> Json:
    return {"external": True, "name": name}


def _document(application: Application) -> Json:
    return table(json.loads(application.document))


def _definition(application: Application, service: str) -> Json:
    return {
        key: value
        for key, value in table(table(_document(application).get("services")).get(service)).items()
        if not key.startswith("x-")
    }


def _escaped(value: object) -> object:
    """`$` is written twice: the variables were replaced when the file was read."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: _escaped(one) for key, one in value.items()}
    return [_escaped(one) for one in value] if isinstance(value, list) else value


def _escaped_table(value: Json) -> dict[str, object]:
    return {key: _escaped(one) for key, one in value.items()}
