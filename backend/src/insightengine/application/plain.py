"""The whole file as JSON: what the model does not name is kept for Docker Compose."""

from __future__ import annotations

import json

from insightengine.application.document import Listing, Node, Scalar, Table
from insightengine.application.interpolation import typed


def as_json(node: Node) -> str:
    """Scalars are typed as YAML 1.2 does; the size was bounded when the file was read."""
    return json.dumps(_plain(node))


def _plain(node: Node) -> object:
    match node:
        case Scalar():
            return typed(node.text) if node.plain else node.text
        case Listing():
            return [_plain(item) for item in node.items]
        case Table():
            return {name: _plain(entry.value) for name, entry in node.entries.items()}
