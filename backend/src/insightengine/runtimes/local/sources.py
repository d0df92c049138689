"""The source of one version: which files belong to it, and the digest of their content."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from insightengine.application.model import Service

# Never part of a version: state, caches, and what is installed again from a lock file.
ALWAYS_LEFT_OUT = (
    *(".git", ".insight", ".insight-*", ".venv", "node_modules", "__pycache__", ".next", "*.pyc"),
)
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder without what its `.dockerignore` and the list above leave out.

    `linked` are paths of bind mounts inside: data that all versions share, not source.
    """

    root: Path
    patterns: tuple[str, ...]
    linked: tuple[str, ...]

    def files(self) -> Iterator[tuple[str, Path]]:
        """Relative path and file, in the order of paths; symbolic links are files here."""
        for folder, names, files in os.walk(self.root):
            below = Path(folder).relative_to(self.root)
            keep = [name for name in sorted(names) if self._is_kept(below / name)]
            links = [name for name in keep if (Path(folder) / name).is_symlink()]
            names[:] = [name for name in keep if name not in links]
            for name in sorted([*files, *links]):
                relative = (below / name).as_posix()
                path = Path(folder) / name
                if self._is_kept(below / name) and (path.is_symlink() or path.is_file()):
                    yield relative, path

    def _is_kept(self, path: Path) -> bool:
        text = path.as_posix()
        if text in self.linked or any(_fits(path.name, one) for one in ALWAYS_LEFT_OUT):
            return False
        kept = True
        for pattern in self.patterns:
            negated = pattern.startswith("!")
            if _matches(text, pattern.removeprefix("!")):
                kept = negated
        return kept


@dataclass(frozen=True, slots=True)
class Selected(Tree):
    """Only these files and folders below the root."""

    parts: tuple[str, ...]

    def files(self) -> Iterator[tuple[str, Path]]:
        for part in self.parts:
            path = self.root / part
            if path.is_file():
                yield part, path
            for relative, file in Tree(path, (), ()).files():
                yield f"{part}/{relative}", file


def tree_of(service: Service, folder: Path) -> Tree:
    """What a version of the service is made of: its build context, else the project's folder."""
    root = folder.resolve()
    context = (folder / service.build.context).resolve() if service.build else root
    working = (folder / (service.local.working_dir or ".") if service.local else folder).resolve()
    if context.is_dir() and (context == working or context in working.parents):
        root = context
    sources = [one.source for one in service.mounts if one.source and one.source.startswith(".")]
    mounts = [(folder / one).resolve() for one in sources]
    linked = tuple(mount.relative_to(root).as_posix() for mount in mounts if root in mount.parents)
    return Tree(root, _ignored(root), linked)


def digest_of(tree: Tree, commands: Sequence[Sequence[str]]) -> str:
    """Of paths, contents, executable bits, and the commands that build it."""
    content = hashlib.sha256(repr([list(command) for command in commands]).encode())
    for relative, path in tree.files():
        content.update(f"\0{relative}\0".encode())
        _add_file(content, path)
    return f"sha256:{content.hexdigest()}"


def _add_file(content: hashlib._Hash, path: Path) -> None:
    if path.is_symlink():
        content.update(f"link {path.readlink()}".encode())
        return
    content.update(b"x" if path.stat().st_mode & stat.S_IXUSR else b"-")
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            content.update(chunk)


def content_of(folder: Path) -> str:
    """Digest of a whole version: names, links, contents and executable bits, but byte code."""
    content = hashlib.sha256()
    for parent, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if name != "__pycache__")
        links = [name for name in names if (Path(parent) / name).is_symlink()]
        for name in sorted([*links, *(one for one in files if not one.endswith(".pyc"))]):
            path = Path(parent) / name
            content.update(f"\0{path.relative_to(folder).as_posix()}\0".encode())
            _add_file(content, path)
    return content.hexdigest()


def copy_tree(tree: Tree, target: Path) -> None:
    """Copies the files; what is linked points to where the data really is."""
    target.mkdir(parents=True)
    for relative, path in tree.files():
        copy = target / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            copy.symlink_to(path.readlink())
        else:
            shutil.copyfile(path, copy)
            copy.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
    for relative in tree.linked:
        link = target / relative
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(tree.root / relative)


def _ignored(root: Path) -> tuple[str, ...]:
    try:
        lines = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ()
    found = [line.strip() for line in lines]
    return tuple(line for line in found if line and not line.startswith("#"))


def _matches(path: str, pattern: str) -> bool:
    """A pattern fits a path, or a folder above it; `**` stands for any folders."""
    wanted = pattern.strip("/").removeprefix("./")
    parts = PurePosixPath(path)
    candidates = [path, *(one.as_posix() for one in parts.parents if one.as_posix() != ".")]
    return any(_fits_parts(one.split("/"), wanted.split("/")) for one in candidates)


def _fits_parts(parts: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits_parts(parts[at:], pattern[1:]) for at in range(len(parts) + 1))
    return bool(parts) and _fits(parts[0], pattern[0]) and _fits_parts(parts[1:], pattern[1:])


def _fits(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern)
