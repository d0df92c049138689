"""Brings the console's database to the newest revision."""

from __future__ import annotations

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL

import insightengine


def migrations_folder() -> Path:
    """In an installed package beside the code, in a checkout under backend/."""
    package = Path(insightengine.__file__).parent
    packaged = package / "_migrations"
    return packaged if packaged.is_dir() else package.parents[1] / "migrations"


def alembic_config(url: URL) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["url"] = url
    return config


def console_url(host: str, port: int, password: str) -> URL:
    return URL.create("postgresql+psycopg", "insight", password, host, port, "insight")


def upgrade(url: URL, revision: str = "head") -> None:
    command.upgrade(alembic_config(url), revision)


def downgrade(url: URL, revision: str) -> None:
    command.downgrade(alembic_config(url), revision)


def main() -> None:
    import os

    from insightengine.core.settings import PortOffset, StateFolder, settings_from

    state = StateFolder(Path(os.environ["INSIGHT_STATE"]))
    settings = settings_from(os.environ, "environment")
    password = state.secret("postgres_insight_password").read_text(encoding="utf-8").strip()
    port = settings.port(PortOffset.POSTGRES)
    upgrade(console_url(settings.postgres_host, port, password))
    print("the console's database is at the newest revision", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
