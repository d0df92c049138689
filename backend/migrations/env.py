"""Alembic's entry: one transaction for all revisions, with limits on locks and statements."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from insightengine.stores.tables import metadata

if context.is_offline_mode():
    raise SystemExit("revisions run against a database, not into a file")

engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
with engine.connect() as connection:
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.execute(text("SET statement_timeout = '60s'"))
    connection.commit()
    context.configure(connection=connection, target_metadata=metadata, compare_type=True)
    with context.begin_transaction():
        # Two API processes may start at once; the second one waits and finds nothing to do.
        connection.execute(text("SELECT pg_advisory_xact_lock(7203114000)"))
        context.run_migrations()
engine.dispose()
