"""Versions of InsightEngine that differ in something that can be seen, in folders of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.scenarios.platform import REPOSITORY

_PARTS = ("backend/src", "backend/migrations", "backend/alembic.ini", "backend/console.yaml")
_HEALTH = "backend/src/insightengine/api/routes/health.py"
_PAGES = ("index.html", "monitoring/index.html", "404.html")
_REVISIONS = "backend/migrations/versions"
_REVISION = """
from alembic import op

revision = {revision!r}
down_revision = {before!r}


def upgrade() -> None:
    op.execute({up!r})


def downgrade() -> None:
    op.execute({down!r})
"""


def make_version(folder: Path, name: str) -> Path:
    """A checkout of this code whose pages and whose API say the name. Watched for 2 s only."""
    for part in (*_PARTS, "uv.lock"):
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        if (REPOSITORY / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(REPOSITORY / part, folder / part, ignore=ignored)
        else:
            shutil.copy(REPOSITORY / part, folder / part)
    rewrite(folder / "backend/console.yaml", "watch: 20s", "watch: 2s")
    rewrite(
        folder / _HEALTH,
        "class Live(BaseModel):\n",
        f"class Live(BaseModel):\n    v: str = {name!r}\n",
    )
    for page in _PAGES:
        path = folder / "frontend/out" / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'<p>{name}</p><script src="/_next/static/{name}.js"></script>')
    script = folder / f"frontend/out/_next/static/{name}.js"
    script.parent.mkdir(parents=True)
    script.write_text(f"console.log({name!r})")
    return folder


def rename_version(folder: Path, old: str, new: str) -> None:
    """Its pages and its API say another name: by that it is another release."""
    rewrite(folder / _HEALTH, f"v: str = {old!r}", f"v: str = {new!r}")
    for page in _PAGES:
        rewrite(folder / "frontend/out" / page, f"<p>{old}</p>", f"<p>{new}</p>")


def add_revision(folder: Path, revision: str, up: str, down: str) -> None:
    """A migration of the console's own database, after those that the version has."""
    versions = folder / _REVISIONS
    before = max(path.stem for path in versions.glob("[0-9]*.py")).partition("_")[0]
    text = _REVISION.format(revision=revision, before=before, up=up, down=down)
    (versions / f"{revision}.py").write_text(text)


def rewrite(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file} has no {old!r}"
    file.write_text(text.replace(old, new))
