from alembic.script import ScriptDirectory
from sqlalchemy import URL

from insightengine.stores.migrate import alembic_config
from insightengine.stores.revision import NEWEST


def test_the_newest_revision_is_the_one_that_the_migrations_end_with() -> None:
    scripts = ScriptDirectory.from_config(alembic_config(URL.create("postgresql")))
    assert scripts.get_current_head() == NEWEST
