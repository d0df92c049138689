"""One service of a Compose file."""

from __future__ import annotations

import re
from collections.abc import Mapping

from insightengine.application.images import supplied_kind
from insightengine.application.insight import Insight, insight
from insightengine.application.keys import (
    BUILD,
    DEPENDENCY,
    DEPLOY,
    ENV_FILE,
    GRANT,
    HEALTHCHECK,
    MOUNT,
    SERVICE,
)
from insightengine.application.model import (
    Build,
    Condition,
    Dependency,
    EnvFile,
    Healthcheck,
    Mount,
    RestartPolicy,
    Service,
    SuppliedKind,
)
from insightengine.application.ports import exposed_ports, published_ports
from insightengine.application.problems import shown
from insightengine.application.reading import Cursor, Given

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
MOST_REPLICAS = 100
_PROFILE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_IMAGE = re.compile(r"[A-Za-z0-9][!-~]{0,254}")
_SIGNAL = re.compile(r"(SIG)?[A-Z]{2,10}[0-9]{0,2}|[0-9]{1,2}")
_RESTART = re.compile(r"(on-failure)(:[0-9]{1,6})?")


class _Keys(Given):
    """The known keys of a service."""

    def __init__(self, cursor: Cursor) -> None:
        super().__init__(cursor.keys(SERVICE))
        own = self.keys.get("x-insight")
        self.insight = own.entries() if own and own.is_table else {}


def read_service(name: str, cursor: Cursor, variables: Mapping[str, str]) -> Service | None:
    if not cursor.is_table:
        cursor.wrong("a mapping that names at least an image", "image: NAME:TAG")
        return None
    keys = _Keys(cursor)
    given = keys.read("x-insight", lambda found: insight(found, variables), Insight())
    image = keys.maybe("image", _image)
    build = keys.maybe("build", lambda found: _build(found, variables))
    supplied = supplied_kind(image) if image and not build and not given.local else None
    ports = keys.maybe("ports", published_ports) or ()
    serves = bool(ports) or given.health is not None
    _report(name, cursor, keys, supplied if given.colours else None)
    return Service(
        name=name,
        location=cursor.key_at,
        image=image,
        build=build,
        supplied=supplied,
        command=keys.maybe("command", Cursor.words),
        entrypoint=keys.maybe("entrypoint", Cursor.words),
        working_dir=keys.maybe("working_dir", Cursor.text),
        environment=keys.read("environment", lambda found: found.variables(variables), {}),
        env_files=keys.read("env_file", _env_files, ()),
        depends_on=keys.read("depends_on", _dependencies, ()),
        published_ports=ports,
        exposed_ports=keys.read("expose", exposed_ports, ()),
        mounts=keys.read("volumes", _mounts, ()),
        networks=keys.read("networks", _names, ()),
        secrets=keys.read("secrets", _grants, ()),
        configs=keys.read("configs", _grants, ()),
        profiles=keys.read("profiles", _profiles, ()),
        restart=keys.read("restart", _restart, RestartPolicy.NO),
        replicas=keys.read("deploy", _deploy, keys.read("scale", _replicas, 1)),
        stop_signal=keys.maybe("stop_signal", _stop_signal),
        stop_grace_s=keys.read("stop_grace_period", Cursor.seconds, 10.0),
        healthcheck=keys.maybe("healthcheck", _healthcheck),
        health=given.health,
        colours=serves and not supplied if given.colours is None else given.colours,
        routes=given.routes,
        local=given.local,
        smoke=given.smoke,
        migrations=given.migrations,
    )


def _report(name: str, cursor: Cursor, keys: _Keys, coloured: SuppliedKind | None) -> None:
    if not NAME.fullmatch(name):
        allowed = "lower-case letters, digits and _.-, at most 63 characters"
        message = f"found the name {shown(name)}, allowed are {allowed}"
        cursor.problems.add(cursor.key_at, cursor.path, message)
    if not keys.keys.keys() & {"image", "build"} and "local" not in keys.insight:
        hint = "add image: NAME:TAG, or build: FOLDER, or x-insight.local.command"
        cursor.problems.add(cursor.key_at, cursor.path, "has neither an image nor a build", hint)
    if coloured:
        hint = "remove `colours`; what the platform supplies has none"
        keys.keys["x-insight"].fail(f"found colours for a supplied {coloured} service", hint)


def _image(cursor: Cursor) -> str | None:
    text = cursor.text("the name of an image")
    if text is not None and not _IMAGE.fullmatch(text):
        cursor.wrong("the name of an image, such as postgres:18")
        return None
    return text


def _build(cursor: Cursor, variables: Mapping[str, str]) -> Build | None:
    if not cursor.is_table:
        context = cursor.text("a folder or a mapping")
        return Build(context) if context else None
    keys = cursor.keys(BUILD)

    def text(key: str) -> str | None:
        return keys[key].text() if key in keys else None

    args = keys["args"].variables(variables) if "args" in keys else {}
    return Build(text("context") or ".", text("dockerfile"), text("target"), args)


def _env_files(cursor: Cursor) -> tuple[EnvFile, ...]:
    items = cursor.items() if cursor.is_list else [cursor]
    return tuple(found for found in map(_env_file, items) if found is not None)


def _env_file(cursor: Cursor) -> EnvFile | None:
    if not cursor.is_table:
        path = cursor.text("a path or a list of paths")
        return EnvFile(path) if path else None
    keys = cursor.keys(ENV_FILE)
    if "path" not in keys:
        cursor.fail("`path` is missing", "path: app.env")
        return None
    path = keys["path"].text("a path")
    required = keys["required"].boolean() if "required" in keys else True
    return EnvFile(path, required is not False) if path else None


def _dependencies(cursor: Cursor) -> tuple[Dependency, ...]:
    if cursor.is_list:
        return tuple(Dependency(name) for name in dict.fromkeys(cursor.texts()))
    entries = cursor.entries("a list of services or a mapping")
    return tuple(_dependency(name, entry) for name, entry in entries.items())


def _dependency(name: str, cursor: Cursor) -> Dependency:
    keys = {} if cursor.is_nothing else cursor.keys(DEPENDENCY)
    condition = keys["condition"].choice(Condition) if "condition" in keys else None
    required = keys["required"].boolean() if "required" in keys else True
    restart = keys["restart"].boolean() if "restart" in keys else False
    return Dependency(name, condition or Condition.STARTED, required is not False, restart is True)


def _mounts(cursor: Cursor) -> tuple[Mount, ...]:
    found = [_long_mount(item) if item.is_table else _mount(item) for item in cursor.items()]
    return tuple(mount for mount in found if mount is not None)


def _mount(cursor: Cursor) -> Mount | None:
    text = cursor.text("SOURCE:TARGET")
    if text is None:
        return None
    parts = text.split(":")
    if len(parts) > 3 or not all(parts):
        cursor.wrong("TARGET, SOURCE:TARGET or SOURCE:TARGET:MODE")
        return None
    if len(parts) == 1:
        return Mount("volume", None, text)
    kind = "bind" if parts[0].startswith((".", "/", "~")) else "volume"
    return Mount(kind, parts[0], parts[1], "ro" in parts[-1].split(",") and len(parts) == 3)


def _long_mount(cursor: Cursor) -> Mount | None:
    keys = cursor.keys(MOUNT)
    for key in ("type", "target"):
        if key not in keys:
            cursor.fail(f"`{key}` is missing")
            return None
    kind, target = keys["type"].text(), keys["target"].text()
    source = keys["source"].text() if "source" in keys else None
    read_only = keys["read_only"].boolean() if "read_only" in keys else False
    return Mount(kind, source, target, read_only is True) if kind and target else None


def _names(cursor: Cursor) -> tuple[str, ...]:
    """A list of names, or a mapping whose keys are the names."""
    return cursor.texts() if cursor.is_list else tuple(cursor.entries("a list or a mapping"))


def _grants(cursor: Cursor) -> tuple[str, ...]:
    found: list[str] = []
    for item in cursor.items("a list of names"):
        source = item.keys(GRANT).get("source") if item.is_table else item
        if source is None:
            item.fail("`source` is missing")
            continue
        name = source.text("a name")
        found += [name] if name else []
    return tuple(found)


def _profiles(cursor: Cursor) -> tuple[str, ...]:
    for item in cursor.items("a list of names"):
        if not _PROFILE.fullmatch(item.text("a name") or "x"):
            item.wrong("letters, digits and _.-")
    return cursor.texts()


def _restart(cursor: Cursor) -> RestartPolicy | None:
    if cursor.plain is False:
        return RestartPolicy.NO
    if isinstance(cursor.plain, str) and _RESTART.fullmatch(cursor.plain):
        return RestartPolicy.ON_FAILURE
    return cursor.choice(RestartPolicy)


def _deploy(cursor: Cursor) -> int | None:
    keys = cursor.keys(DEPLOY)
    return _replicas(keys["replicas"]) if "replicas" in keys else None


def _replicas(cursor: Cursor) -> int | None:
    return cursor.integer(0, MOST_REPLICAS)


def _stop_signal(cursor: Cursor) -> str | None:
    text = cursor.text("a signal")
    if text is not None and not _SIGNAL.fullmatch(text):
        cursor.wrong("a signal such as SIGTERM")
        return None
    return text


def _healthcheck(cursor: Cursor) -> Healthcheck:
    keys = cursor.keys(HEALTHCHECK)
    disabled = keys["disable"].boolean() if "disable" in keys else False
    default = Healthcheck(_test(keys["test"]) if "test" in keys and not disabled else ())

    def seconds(key: str, otherwise: float) -> float:
        found = keys[key].seconds() if key in keys else None
        return otherwise if found is None else found

    retries = keys["retries"].integer(0, 1_000_000) if "retries" in keys else None
    return Healthcheck(
        test=default.test,
        interval_s=seconds("interval", default.interval_s),
        timeout_s=seconds("timeout", default.timeout_s),
        retries=default.retries if retries is None else retries,
        start_period_s=seconds("start_period", default.start_period_s),
    )


def _test(cursor: Cursor) -> tuple[str, ...]:
    if not cursor.is_list:
        text = cursor.text("a text or a list")
        return ("CMD-SHELL", text) if text else ()
    words = cursor.texts()
    if not words or words[0] not in ("NONE", "CMD", "CMD-SHELL"):
        cursor.wrong("a list that begins with CMD, CMD-SHELL or NONE")
    return () if words[:1] == ("NONE",) else words
