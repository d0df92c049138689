"""Versions of services on disk: `releases/artefacts/DIGEST`, whole or absent.

Services of one source share a version; `names/DIGEST/SERVICE` says whose it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from insightengine.application.model import Service
from insightengine.core.disk import is_full
from insightengine.core.errors import (
    InsightError,
    LimitExceededError,
    NotFoundError,
    UnavailableError,
)
from insightengine.runtimes.local.sources import (
    Tree,
    content_of,
    copy_tree,
    digest_of,
    tree_of,
)
from insightengine.runtimes.local.specs import ServiceUser
from insightengine.runtimes.port import Artefact, Output, Source

_BUILD_TIMEOUT_S = 1800.0
_WRITTEN_WHILE_RUNNING = shutil.ignore_patterns("__pycache__", "*.pyc")


class Artefacts:
    """`folder` belongs to the services' user, as whom builds run when root asks for them.

    `tree` says what a version of a service is made of, given the folder of the source.
    """

    def __init__(
        self,
        folder: Path,
        user: ServiceUser | None,
        tree: Callable[[Service, Path], Tree] = tree_of,
    ) -> None:
        self._folder = folder
        self._user = user
        self._tree_of = tree

    def path(self, artefact: Artefact) -> Path:
        return self._folder / artefact.digest.removeprefix("sha256:")

    def _name(self, artefact: Artefact) -> Path:
        return self._folder.with_name("names") / self.path(artefact).name / artefact.service

    def has(self, artefact: Artefact) -> bool:
        return self.path(artefact).is_dir() and self._name(artefact).exists()

    def kept(self) -> tuple[Artefact, ...]:
        names = sorted(self._folder.with_name("names").glob("*/*"))
        found = (Artefact(name.name, f"sha256:{name.parent.name}") for name in names)
        return tuple(artefact for artefact in found if self.has(artefact))

    def discard(self, artefact: Artefact) -> None:
        """The content goes with the last service that it belongs to."""
        path, name = self.path(artefact), self._name(artefact)
        name.unlink(missing_ok=True)
        if path.is_dir() and not any(name.parent.glob("*")):
            leaving = path.with_name(f"{path.name}.leaving")
            path.rename(leaving)  # never half of a version under its own name
            shutil.rmtree(leaving)

    def obtain(self, source: Source, service: str, output: Output) -> Artefact:
        own = source.application.service(service)
        if own is None:
            raise UnavailableError(f"there is no service {service}", code="build_failed")
        tree = self._tree_of(own, source.folder)
        commands = own.local.build if own.local else ()
        try:
            artefact = Artefact(service, digest_of(tree, commands))
            if self.path(artefact).is_dir():
                output(f"{service}: {artefact.digest[7:19]} is there already")
            else:
                self._build(tree, commands, artefact, output)
            self._note(artefact)
        except OSError as error:
            raise _failed(service, error) from None
        return artefact

    def take_over(self, artefact: Artefact, folder: Path, output: Output) -> None:
        """Copies a version that was built for another environment, as it was built there."""
        if not folder.is_dir():
            raise NotFoundError(
                f"the version {artefact.digest[7:19]} of {artefact.service} is not in {folder}",
                code="artefact_missing",
                hint="deploy it there again",
            )
        try:
            if not self.path(artefact).is_dir():
                self._copy(folder, artefact)
                output(f"{artefact.service}: {artefact.digest[7:19]} is taken over")
            self._note(artefact)
        except OSError as error:
            raise _failed(artefact.service, error) from None

    def _copy(self, folder: Path, artefact: Artefact) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self.path(artefact).with_name(f"{self.path(artefact).name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            shutil.copytree(folder, partial, symlinks=True, ignore=_WRITTEN_WHILE_RUNNING)
            if content_of(partial) != content_of(folder):
                raise UnavailableError(
                    f"{artefact.service}: the copy of {artefact.digest[7:19]} is not the same",
                    code="copy_differs",
                    hint="promote again",
                )
            self._hand_over(partial)
            partial.rename(self.path(artefact))
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _note(self, artefact: Artefact) -> None:
        name = self._name(artefact)
        name.parent.mkdir(parents=True, exist_ok=True)
        name.touch()
        for path in (self._folder.parent, self._folder, name.parent.parent, name.parent, name):
            self._give(path)

    def _build(
        self, tree: Tree, commands: Sequence[Sequence[str]], artefact: Artefact, output: Output
    ) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self.path(artefact).with_name(f"{self.path(artefact).name}.partial")
        shutil.rmtree(partial, ignore_errors=True)  # of somebody who was killed
        try:
            copy_tree(tree, partial)
            self._hand_over(partial)
            for command in commands:
                self._run(command, partial, artefact.service, output)
            partial.rename(self.path(artefact))
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        output(f"{artefact.service}: copied to {artefact.digest[7:19]}")

    def _run(self, command: Sequence[str], folder: Path, service: str, output: Output) -> None:
        user = self._user if os.geteuid() == 0 else None
        argv = [_filled(word) for word in command]
        done = subprocess.run(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_BUILD_TIMEOUT_S,
            check=False,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )
        lines = done.stdout.splitlines()
        for line in lines:
            output(line)
        if done.returncode != 0:
            told = "".join(f"\n    {line}" for line in lines[-12:])
            raise UnavailableError(
                f"{service}: `{' '.join(argv)}` exited with {done.returncode}{told}",
                code="build_failed",
                hint="mend the build; what serves was not touched",
            )

    def _give(self, path: Path) -> None:
        """Root makes folders that the services' user changes later."""
        if self._user is not None and os.geteuid() == 0:
            os.chown(path, self._user.uid, self._user.gid)

    def _hand_over(self, folder: Path) -> None:
        if self._user is None or os.geteuid() != 0:
            return
        for parent, names, files in os.walk(folder):
            os.chown(parent, self._user.uid, self._user.gid)
            for name in [*names, *files]:
                path = os.path.join(parent, name)  # noqa: PTH118 -- many, and plain texts
                os.chown(path, self._user.uid, self._user.gid, follow_symlinks=False)


def _filled(word: str) -> str:
    return word.replace("{python}", sys.executable).replace(
        "{scripts}", str(Path(sys.executable).parent)
    )


def _failed(service: str, error: OSError) -> InsightError:
    if is_full(error):
        return LimitExceededError(
            f"{service} could not be built: the disk is full; what serves was not touched",
            code="no_space",
            hint="free some space; insight releases lists what is kept",
        )
    return UnavailableError(
        f"{service} could not be built: {error}",
        code="build_failed",
        hint="look at the file that is named; what serves was not touched",
    )
