"""Command lines of `docker`, built from values: no shell, and no secret on any of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from insightengine.runtimes.compose.names import LABEL

Argv = tuple[str, ...]

_DOCKER = "docker"


def version() -> Argv:
    return (_DOCKER, "version", "--format", "{{json .Server.Version}}")


def compose_version() -> Argv:
    return (_DOCKER, "compose", "version", "--short")


def _compose(project: str, file: Path, folder: Path, progress: str) -> Argv:
    """`folder` is the one that relative paths of the file count from; `.env` is not read."""
    return (
        *(_DOCKER, "compose", "--progress", progress, "--project-name", project),
        *("--project-directory", str(folder), "--env-file", "/dev/null", "--file", str(file)),
    )


def build(project: str, file: Path, folder: Path, service: str) -> Argv:
    return (*_compose(project, file, folder, "plain"), "build", service)


def up(project: str, file: Path, folder: Path, *, services: Iterable[str] = ()) -> Argv:
    """Create and start what is missing or differs; with images that are there, never built."""
    options = ("--detach", "--no-build", "--pull", "never", "--remove-orphans")
    return (*_compose(project, file, folder, "plain"), "up", *options, *services)


def create(project: str, file: Path, folder: Path) -> Argv:
    """Like `up`, without starting: networks can be joined in between."""
    options = ("--no-build", "--pull", "never", "--remove-orphans", "--no-start")
    return (*_compose(project, file, folder, "plain"), "up", *options)


def up_servers(project: str, file: Path, folder: Path, wait_s: int) -> Argv:
    """Start what is missing and wait for it; a server that runs is never recreated."""
    options = ("--detach", "--no-recreate", "--wait", "--wait-timeout", str(wait_s))
    return (*_compose(project, file, folder, "plain"), "up", *options)


def start(project: str, file: Path, folder: Path) -> Argv:
    return (*_compose(project, file, folder, "plain"), "start")


def restart(containers: Iterable[str]) -> Argv:
    return (_DOCKER, "restart", *containers)


def down(project: str) -> Argv:
    """Stop signal, grace period, kill, removal: by the containers' own labels, without a file."""
    base = (_DOCKER, "compose", "--progress", "plain", "--project-name", project)
    return (*base, "down", "--remove-orphans")


def run_task(project: str, file: Path, folder: Path, service: str) -> Argv:
    return (*_compose(project, file, folder, "quiet"), "run", "--rm", "--no-deps", "-T", service)


def pull(image: str) -> Argv:
    return (_DOCKER, "pull", image)


def image_inspect(image: str) -> Argv:
    return (_DOCKER, "image", "inspect", image)


def image_list(repository: str) -> Argv:
    return (_DOCKER, "image", "ls", "--no-trunc", "--format", "{{.Tag}} {{.ID}}", repository)


def tag(image: str, name: str) -> Argv:
    return (_DOCKER, "tag", image, name)


def untag(name: str) -> Argv:
    """Removes the name; the image's layers go with its last name."""
    return (_DOCKER, "image", "rm", name)


def containers(labels: Mapping[str, str], *, every_state: bool = True) -> Argv:
    """Ids of containers with all these labels; the keys are without our prefix."""
    filters = (word for pair in labels.items() for word in ("--filter", _filter(*pair)))
    return (_DOCKER, "ps", *(["--all"] if every_state else []), "--no-trunc", "--quiet", *filters)


def _filter(name: str, value: str) -> str:
    return f"label={LABEL}.{name}={value}" if value else f"label={LABEL}.{name}"


def project_containers(project: str) -> Argv:
    label = f"label=com.docker.compose.project={project}"
    return (_DOCKER, "ps", "--all", "--no-trunc", "--quiet", "--filter", label)


def inspect(ids: Iterable[str]) -> Argv:
    return (_DOCKER, "inspect", "--type", "container", *ids)


def remove(ids: Iterable[str]) -> Argv:
    return (_DOCKER, "rm", "--force", *ids)


def logs(container: str, lines: int) -> Argv:
    return (_DOCKER, "logs", "--tail", str(lines), container)


def follow(container: str, since: str | None) -> Argv:
    """All that it wrote (since a time stamp), each line after its own, and what it will write."""
    start = ("--since", since) if since else ()
    return (_DOCKER, "logs", "--follow", "--timestamps", *start, container)


def execute(container: str, arguments: Iterable[str], *, terminal: bool) -> Argv:
    return (_DOCKER, "exec", "-it" if terminal else "-i", container, *arguments)


def network_inspect(name: str) -> Argv:
    return (_DOCKER, "network", "inspect", name)


def network_create(
    name: str,
    labels: Mapping[str, str],
    *,
    subnet: str | None = None,
    dynamic: str | None = None,
    internal: bool = False,
    driver: str | None = None,
    options: Mapping[str, str] | None = None,
) -> Argv:
    given = [f"--label={key}={value}" for key, value in sorted(labels.items())]
    given += [f"--subnet={subnet}"] if subnet else []
    given += [f"--ip-range={dynamic}"] if dynamic else []
    given += ["--internal"] if internal else []
    given += [f"--driver={driver}"] if driver else []
    given += [f"--opt={key}={value}" for key, value in sorted((options or {}).items())]
    return (_DOCKER, "network", "create", *given, name)


def network_remove(name: str) -> Argv:
    return (_DOCKER, "network", "rm", name)


def network_list(labels: Mapping[str, str]) -> Argv:
    filters = (word for pair in labels.items() for word in ("--filter", _filter(*pair)))
    return (_DOCKER, "network", "ls", "--format", "{{.Name}}", *filters)


def connect(network: str, container: str, alias: str) -> Argv:
    return (_DOCKER, "network", "connect", "--alias", alias, network, container)


def disconnect(network: str, container: str) -> Argv:
    return (_DOCKER, "network", "disconnect", network, container)


def volume_create(
    name: str, labels: Mapping[str, str], driver: str | None, options: Mapping[str, str]
) -> Argv:
    """Does nothing when the volume is there already."""
    given = [f"--label={key}={value}" for key, value in sorted(labels.items())]
    given += [f"--driver={driver}"] if driver else []
    given += [f"--opt={key}={value}" for key, value in sorted(options.items())]
    return (_DOCKER, "volume", "create", *given, name)
