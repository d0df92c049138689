"""Brings the console's database to a revision, by Alembic."""

from __future__ import annotations

import os
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL

from insightengine.core.settings import PortOffset, StateFolder, settings_from
from insightengine.stores.revision import migrations_folder


def alembic_config(url: URL, folder: Path | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder or migrations_folder()))
    config.attributes["url"] = url
    return config


def console_url(host: str, port: int, password: str) -> URL:
    return URL.create("postgresql+psycopg", "insight", password, host, port, "insight")


def platform_url() -> URL:
    """Of the platform that this process was started for."""
    state = StateFolder(Path(os.environ["INSIGHT_STATE"]))
    settings = settings_from(os.environ, "environment")
    password = state.secret("postgres_insight_password").read_text(encoding="utf-8").strip()
    return console_url(settings.postgres_host, settings.port(PortOffset.POSTGRES), password)


def upgrade(url: URL, revision: str = "head", folder: Path | None = None) -> None:
    command.upgrade(alembic_config(url, folder), revision)


def downgrade(url: URL, revision: str) -> None:
    command.downgrade(alembic_config(url), revision)
