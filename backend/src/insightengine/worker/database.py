"""Makes ready what the platform keeps in PostgreSQL: roles, databases, the console's tables.

    python -m insightengine.worker.database HOST PORT SECRETS_FOLDER OWNERS_FILE MIGRATIONS_FOLDER

The migrations are those of the console that serves; the installation's own where none was released.
One process for all of it, which loads little: every start of the platform waits for it.
Idempotent; passwords are read from their files only.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from insightengine.runtimes.local.supplied.postgres import read_owners
from insightengine.runtimes.local.supplied.roles import ensure_roles
from insightengine.stores.revision import migrations_folder, revisions_in, revisions_of

_CONSOLE = "insight"  # the role, and its database


def main() -> None:
    os.umask(0o077)
    host, port, secrets, owners, served = sys.argv[1:]
    folder = Path(secrets)
    ensure_roles(
        host,
        int(port),
        folder / "postgres_admin_password",
        read_owners(Path(owners)),
        folder / "postgres_backup_password",
    )
    password = (folder / "postgres_insight_password").read_text(encoding="utf-8").strip()
    conninfo = f"host={host} port={port} user={_CONSOLE} dbname={_CONSOLE}"
    migrations = Path(served) if Path(served).is_dir() else migrations_folder()
    if revisions_in(migrations).are_ahead_of(revisions_of(conninfo, password)):
        from insightengine.stores.migrate import console_url, upgrade

        upgrade(console_url(host, int(port), password), folder=migrations)
        sys.stderr.write("the console's database is at the newest revision now\n")


if __name__ == "__main__":
    main()
