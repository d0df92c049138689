"""Runs migrations on `DATABASE_URL`, one process at a time."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from shop.database import Base, engine_for
from shop.settings import settings_from_environment

LOCK = 0x53484F50  # "SHOP": two colours that start together must not migrate at once


def run() -> None:
    engine = engine_for(settings_from_environment().database_url)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        context.configure(connection=connection, target_metadata=Base.metadata)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
