"""Copies what containers write into log files, where people and the collector look for it.

`docker logs --follow --timestamps` of each container; the last time stamp that was copied is kept,
so that a follower that was killed goes on where it was.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from insightengine.runtimes.compose import commands


class Followers:
    """One process for each container. `folder` gets a `NAME.log` for each; see `follow`."""

    def __init__(self, folder: Path, positions: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._positions_file = positions
        self._environment = dict(environment)
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._positions = _read(positions)

    def follow(self, wanted: Mapping[str, str]) -> None:
        """Follow these containers: the name of the log by container id. Idempotent."""
        for identity, thread in list(self._threads.items()):
            if not thread.is_alive():
                del self._processes[identity]
                del self._threads[identity]
        for identity, name in wanted.items():
            if identity not in self._threads:
                self._start(identity, name)
        self._write_positions(wanted)

    def _start(self, identity: str, name: str) -> None:
        since = self._positions.get(identity)
        process = subprocess.Popen(
            commands.follow(identity, since),
            env=self._environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        thread = threading.Thread(
            target=self._copy, args=(process, identity, name, since or ""), daemon=True
        )
        self._processes[identity], self._threads[identity] = process, thread
        thread.start()

    def _copy(self, process: subprocess.Popen[str], identity: str, name: str, since: str) -> None:
        path = self._folder / f"{name}.log"
        try:
            with path.open("a", encoding="utf-8") as log:
                owner = self._folder.stat()
                if os.geteuid() == 0:
                    os.fchown(log.fileno(), owner.st_uid, owner.st_gid)
                for line in process.stdout or ():
                    moment, _, text = line.partition(" ")
                    if moment > since:  # `--since` counts the line that was copied last, too
                        log.write(text)
                        log.flush()
                        self._positions[identity] = moment
        finally:
            # It goes on for as long as its container does: whoever waits for it would for ever.
            process.terminate()
            if process.stdout is not None:
                process.stdout.close()
            process.wait()

    def _write_positions(self, wanted: Iterable[str]) -> None:
        known = {one: self._positions[one] for one in wanted if one in self._positions}
        temporary = self._positions_file.with_suffix(".new")
        temporary.write_text(json.dumps(known), encoding="utf-8")
        temporary.replace(self._positions_file)

    def close(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for thread in self._threads.values():
            thread.join(5)


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
