"""Brings the console's database to a revision, by Alembic."""

from __future__ import annotations

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
