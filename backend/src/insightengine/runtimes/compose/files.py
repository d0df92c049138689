"""Files for `docker compose`. They may hold passwords: nobody else can read them."""

from __future__ import annotations

import json
import os
from pathlib import Path

from insightengine.runtimes.compose.values import Json


def write_json(path: Path, content: Json) -> None:
    """Whole or not at all; Compose reads JSON as the YAML that it is."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)
