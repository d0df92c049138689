"""Placeholders of `x-insight.local`: what the machine decides and the file cannot know.

What holds a secret is allowed in `environment` only: command lines can be read by every user of
the machine. Braces that do not look like a placeholder stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from insightengine.application.document import Scalar
from insightengine.application.model import Service, SuppliedKind
from insightengine.application.problems import nearest
from insightengine.application.reading import Cursor

PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([A-Za-z0-9_-]+)(?:\.([a-z]+))?\}")
OWN: Mapping[str, str] = {
    "python": "the interpreter that runs the platform",
    "scripts": "the folder of that interpreter, with the commands installed beside it",
    "port": "the port on which this service must listen; also in `$PORT`",
    "source": "the folder that holds this version of the service's source",
}
OF_OTHERS: Mapping[str, str] = {
    "host": "where that service is reached: through the edge when it publishes a port, else "
    "directly",
    "port": "the port there",
    "url": "the address there, with credentials when the platform supplies the service",
    "user": "user of a supplied service",
    "password": "password of a supplied service",
    "database": "database of a supplied service; a number for Valkey",
}
_CREDENTIALS = frozenset({"user", "password", "database"})
_ADDRESS = frozenset({"host", "port", "url"})


def report_placeholders(local: Cursor, services: Mapping[str, Service]) -> None:
    """Checks every placeholder below `x-insight.local` against the services of the file."""
    for key, entry in local.entries().items():
        for cursor, text in _texts(entry):
            for found in PLACEHOLDER.finditer(text):
                if found.group() not in ("{{", "}}"):
                    _report(cursor, found, services, is_environment=key == "environment")


def _texts(cursor: Cursor) -> Iterator[tuple[Cursor, str]]:
    if isinstance(cursor.node, Scalar):
        yield cursor, cursor.node.text
    elif cursor.is_list:
        for item in cursor.items():
            yield from _texts(item)
    else:
        for entry in cursor.entries().values():
            yield from _texts(entry)


def _report(
    cursor: Cursor,
    found: re.Match[str],
    services: Mapping[str, Service],
    *,
    is_environment: bool,
) -> None:
    name, attribute = found.group(1), found.group(2)
    if attribute is None:
        if name not in OWN:
            hint = f"allowed are {_allowed()}; "
            cursor.fail(f"unknown placeholder {found.group()}", hint + "{{ is a brace")
        return
    service = services.get(name)
    if service is None:
        meant = nearest(name, services)
        hint = f"did you mean `{meant}`?" if meant else "name a service of this file"
        cursor.fail(f"{found.group()} names no service", hint)
        return
    has_login = service.supplied not in (None, SuppliedKind.NGINX)
    credentials = _CREDENTIALS if has_login else frozenset[str]()
    if attribute not in _ADDRESS | credentials:
        allowed = ", ".join(sorted(_ADDRESS | credentials))
        cursor.fail(f"{found.group()} does not exist", f"services.{name} has {allowed}")
    elif _holds_secret(attribute, credentials) and not is_environment:
        hint = "put it in x-insight.local.environment: anyone can read command lines"
        cursor.fail(f"{found.group()} holds a secret", hint)


def _allowed() -> str:
    own = ", ".join(f"{{{name}}}" for name in OWN)
    return f"{own} and {{SERVICE.{'|'.join(OF_OTHERS)}}}"


def _holds_secret(attribute: str, credentials: frozenset[str]) -> bool:
    return "password" in credentials and attribute in ("password", "url")
