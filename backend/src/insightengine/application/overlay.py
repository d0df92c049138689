"""A Compose file with the overlay of an environment laid over it, as one tree. Pure.

Mappings are merged key by key, and a single value is replaced. Lists follow the Compose
Specification's rules for merging: `command`, `entrypoint` and a health check's `test` are replaced;
lists of `NAME=value` are merged by name, mounts by their target; other lists of the overlay come
after those of the file. Below `x-insight` every list is replaced: half of a canary's percentages
would be nobody's wish. `!reset` takes a value away, `!override` replaces it whole.
"""

from __future__ import annotations

from collections.abc import Mapping

from insightengine.application.document import Entry, Listing, Merging, Node, Scalar, Table
from insightengine.application.model import Location
from insightengine.application.problems import Problems

_REPLACED = frozenset({"command", "entrypoint", "test"})
_VARIABLES = frozenset({"environment", "labels", "annotations", "args", "sysctls", "extra_hosts"})
_NAMED = frozenset({"depends_on", "networks"})  # a list of names, or a mapping of them
_BY_TARGET = frozenset({"volumes", "secrets", "configs", "devices"})


def merged(base: Table, overlay: Table, problems: Problems) -> Table:
    """What both say together; what cannot be merged is told at its place in the overlay."""
    return _tables(base, overlay, (), problems)


def _tables(base: Table, overlay: Table, path: tuple[str, ...], problems: Problems) -> Table:
    entries = dict(base.entries)
    for key, entry in overlay.entries.items():
        if entry.value.merging is Merging.RESET:
            entries.pop(key, None)
        elif key in entries and entry.value.merging is None:
            before = entries[key]
            value = _nodes(before.value, entry.value, (*path, key), problems)
            is_both = isinstance(value, Table) and value is not entry.value
            entries[key] = Entry(before.key_at if is_both else entry.key_at, value)
        else:
            entries[key] = Entry(entry.key_at, _without_reset(entry.value))
    return _table(entries, base.at)


def _without_reset(node: Node) -> Node:
    """What is new has nothing that could be taken away."""
    if not isinstance(node, Table):
        return node
    kept = {
        key: Entry(entry.key_at, _without_reset(entry.value))
        for key, entry in node.entries.items()
        if entry.value.merging is not Merging.RESET
    }
    return _table(kept, node.at)


def _nodes(base: Node, overlay: Node, path: tuple[str, ...], problems: Problems) -> Node:
    key = path[-1]
    is_ours = "x-insight" in path
    if not is_ours and key in _VARIABLES | _NAMED:
        base, overlay = _as_table(base, key), _as_table(overlay, key)
    if isinstance(base, Table) and isinstance(overlay, Table):
        return _tables(base, overlay, path, problems)
    if is_ours or key in _REPLACED or isinstance(overlay, Scalar) or isinstance(base, Scalar):
        return _replacing(base, overlay, path, problems)
    if isinstance(base, Listing) and isinstance(overlay, Listing):
        return _lists(base, overlay, key)
    return _replacing(base, overlay, path, problems)


def _replacing(base: Node, overlay: Node, path: tuple[str, ...], problems: Problems) -> Node:
    """A mapping is never silently replaced by something else, nor the other way round."""
    if isinstance(base, Table) is not isinstance(overlay, Table) and not _may_differ(base, overlay):
        where = f"line {base.at.line}" + (f" of {base.at.file}" if base.at.file else "")
        problems.add(
            overlay.at,
            ".".join(path),
            f"found {_kind(overlay)}, but the Compose file has {_kind(base)} in {where}",
            "write the same form, or `!override` before the value to replace it whole",
        )
        problems.settle(overlay.at)
    return overlay


def _may_differ(base: Node, overlay: Node) -> bool:
    """Compose's short forms are single values: `build: .` beside `build: {context: .}`."""
    return isinstance(base, Scalar) or isinstance(overlay, Scalar)


def _kind(node: Node) -> str:
    match node:
        case Table():
            return "a mapping"
        case Listing():
            return "a list"
        case Scalar():
            return "a single value"


def _lists(base: Listing, overlay: Listing, key: str) -> Listing:
    """Without doubles; with the same target, the overlay's wins in the place of the first."""
    found: dict[str, Node] = {}
    for number, item in enumerate((*base.items, *overlay.items)):
        found[_identity(item, key) or f"#{number}"] = item
    return _listing(tuple(found.values()), overlay.at)


def _identity(item: Node, key: str) -> str | None:
    if isinstance(item, Scalar):
        return _target_of(item.text) if key in _BY_TARGET else item.text
    if isinstance(item, Table):
        wanted = ("target", "source") if key in _BY_TARGET else _PORT
        values = [item.entries[name].value for name in wanted if name in item.entries]
        texts = [one.text for one in values if isinstance(one, Scalar)]
        return texts[0] if key in _BY_TARGET and texts else ":".join(texts) or None
    return None


_PORT = ("host_ip", "published", "target", "protocol", "path")


def _target_of(text: str) -> str:
    """The path in the container of `SOURCE:TARGET[:MODE]`, or the only path."""
    parts = text.split(":")
    return parts[1] if len(parts) > 1 else text


def _as_table(node: Node, key: str) -> Node:
    """A list of `NAME=value` or of names as the mapping that it stands for."""
    if not isinstance(node, Listing):
        return node
    entries: dict[str, Entry] = {}
    for item in node.items:
        if not isinstance(item, Scalar):
            return node
        name, separator, value = item.text.partition("=")
        if key == "extra_hosts" and not separator:
            name, separator, value = item.text.partition(":")
        if key == "depends_on":
            condition = Entry(item.at, Scalar("service_started", plain=True, at=item.at))
            entries[item.text] = Entry(item.at, _table({"condition": condition}, item.at))
        else:
            # Without `=` the value comes from outside, which a mapping writes as nothing.
            entries[name] = Entry(item.at, Scalar(value, plain=not separator, at=item.at))
    return _table(entries, node.at, node.merging)


def _table(entries: Mapping[str, Entry], at: Location, merging: Merging | None = None) -> Table:
    values = [entry.value for entry in entries.values()]
    nodes = 1 + len(values) + sum(one.nodes for one in values)
    characters = sum(map(len, entries)) + sum(one.characters for one in values)
    return Table(entries, at, nodes, characters, merging)


def _listing(items: tuple[Node, ...], at: Location) -> Listing:
    return Listing(
        items,
        at,
        1 + sum(one.nodes for one in items),
        sum(one.characters for one in items),
    )
