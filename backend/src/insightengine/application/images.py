"""Which images the platform supplies itself."""

from __future__ import annotations

from insightengine.application.model import SuppliedKind

_KINDS = {
    SuppliedKind.POSTGRES: ("postgres", "postgresql", "pgvector"),
    SuppliedKind.VALKEY: ("redis", "valkey"),
    SuppliedKind.NGINX: ("nginx", "nginx-unprivileged"),
    SuppliedKind.CLICKHOUSE: ("clickhouse", "clickhouse-server"),
}
_BY_NAME = {name: kind for kind, names in _KINDS.items() for name in names}


def supplied_kind(image: str) -> SuppliedKind | None:
    """The kind by the last part of the image's name; registry, tag and digest do not count.

    Images with extensions that the platform does not have (`timescaledb`, `postgis`,
    `redis-stack`) are none of these: supplying a plain server would break their users later.
    """
    return _BY_NAME.get(image_name(image).rsplit("/", 1)[-1])


def image_name(image: str) -> str:
    """The name without tag and digest, in lower case."""
    name = image.split("@", 1)[0]
    folder, slash, last = name.rpartition("/")
    return (folder + slash + last.split(":", 1)[0]).lower()


def supplied_names() -> dict[SuppliedKind, tuple[str, ...]]:
    """The names that count as each kind, for the reference."""
    return dict(_KINDS)
