"""Prints the API's contract: `python -m insightengine.api.openapi > backend/openapi.json`."""

import json
import sys

from insightengine.api.app import create_app


def document() -> str:
    """Deterministic JSON; needs no service."""
    return json.dumps(create_app(None).openapi(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
