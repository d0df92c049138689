"""Runs in the surroundings of a user's service, with its own Alembic: `python -c PROBE INI`.

Prints one line after a marker: the heads of the database, those of the scripts, and the SQL of
every migration between, up and down. Changes nothing. Standard library and Alembic only.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NoReturn

MARKER = "insight-alembic:"


def probe(ini: str) -> dict[str, Any]:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config(ini)
    script = ScriptDirectory.from_config(config)
    current: list[str] = []

    def remember(revisions: Any, _context: Any) -> Any:
        current.extend(revisions if isinstance(revisions, tuple) else [revisions])
        return []

    with EnvironmentContext(config, script, fn=remember, dont_mutate=True):
        script.run_env()
    current = [one for one in current if one]
    pending = list(script.iterate_revisions("heads", tuple(current) or "base"))
    pending.reverse()
    return {
        "current": sorted(current),
        "heads": sorted(script.get_heads()),
        "pending": [one_revision(ini, revision) for revision in pending],
    }


def one_revision(ini: str, revision: Any) -> dict[str, Any]:
    """A revision with several parents is a merge and has no statements of its own."""
    parent, name = revision.down_revision, str(revision.revision)
    if isinstance(parent, tuple):
        return {"revision": name, "up": "", "down": ""}
    base = parent or "base"
    return {
        "revision": name,
        "up": offline("upgrade", ini, f"{base}:{name}"),
        "down": offline("downgrade", ini, f"{name}:{base}"),
    }


def offline(command: str, ini: str, between: str) -> str | None:
    """The SQL, or None when the scripts or env.py cannot say it without a database.

    In a process of its own: an env.py that fails may keep a connection, and with it a lock.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _write_offline(command, ini, between, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        written = pipe.read()
    _, status = os.waitpid(child, 0)
    return written if status == 0 else None


def _write_offline(command: str, ini: str, between: str, writing: int) -> NoReturn:
    from alembic import command as commands
    from alembic.config import Config

    code = 1
    try:
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            getattr(commands, command)(Config(ini, output_buffer=pipe), between, sql=True)
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.stdout.write("\n" + MARKER + json.dumps(probe(sys.argv[1])) + "\n")
