"""A checkout of InsightEngine as the source of new versions of its console."""

from __future__ import annotations

from pathlib import Path

from insightengine.application.load import load_application
from insightengine.application.model import Application
from insightengine.core.errors import InvalidInputError, NotFoundError
from insightengine.stores.journal.port import Json
from insightengine.wiring.operations import CONSOLE

REPOSITORY = Path(__file__).parents[4]
API = "api"  # the one service of the console's file, and the process of each colour
PAGES = "frontend/out"
_FILE = "backend/console.yaml"
PARTS = (
    *("backend/src", "backend/migrations", "backend/alembic.ini", _FILE),
    *("uv.lock", PAGES),
)


def is_checkout(folder: Path) -> bool:
    """Whether versions can be made of it; an installed package is no checkout."""
    return (folder / _FILE).is_file()


def read_checkout(folder: Path) -> tuple[Application, Json]:
    """The console as its file says, and the configuration that its release keeps.

    Where the checkout lies is no part of a release: the same content is the same release. Raises
    NotFoundError for a folder that is no checkout.
    """
    if not is_checkout(folder):
        raise NotFoundError(
            f"{folder} is no checkout of InsightEngine: it has no {_FILE}",
            code="no_checkout",
            hint="name one that has the new version: insight deploy --unit console --from FOLDER",
        )
    text = (folder / _FILE).read_text(encoding="utf-8")
    application = load_application(text, _FILE, {})
    if application.name != CONSOLE or [one.name for one in application.services] != [API]:
        raise InvalidInputError(f"{folder / _FILE} describes another application")
    config = {"text": text, "file": _FILE, "folder": ".", "variables": {}, "profiles": []}
    return application, config


def require_built(folder: Path) -> None:
    """Raises NotFoundError where the pages of the new version were not built yet."""
    if not (folder / PAGES / "index.html").is_file():
        raise NotFoundError(
            f"the console of {folder} was not built: {PAGES}/index.html is missing",
            code="not_built",
            hint=f"cd {folder / 'frontend'} && npm ci && npm run build",
        )
