"""Versions of InsightEngine that differ in something that can be seen, in folders of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.scenarios.platform import REPOSITORY

_PARTS = ("backend/src", "backend/migrations", "backend/alembic.ini", "backend/console.yaml")
_HEALTH = "backend/src/insightengine/api/routes/health.py"


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
    for page in ("index.html", "monitoring/index.html", "404.html"):
        path = folder / "frontend/out" / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'<p>{name}</p><script src="/_next/static/{name}.js"></script>')
    script = folder / f"frontend/out/_next/static/{name}.js"
    script.parent.mkdir(parents=True)
    script.write_text(f"console.log({name!r})")
    return folder


def rewrite(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file} has no {old!r}"
    file.write_text(text.replace(old, new))
