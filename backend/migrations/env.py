"""Alembic's entry: one transaction for all revisions, with limits on locks and statements."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from insightengine.stores.migrate import platform_url
from insightengine.stores.tables import metadata

if context.is_offline_mode():
    # A release reads its statements before it runs any.
    context.configure(dialect_name="postgresql", literal_binds=True, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
else:
    url = context.config.attributes.get("url") or platform_url()
    engine = create_engine(url, poolclass=pool.NullPool)
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
