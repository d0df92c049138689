"""The secrets of a platform: made once, kept as files that only the services' user may read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable

from insightengine.core.settings import StateFolder
from insightengine.runtimes.local.specs import ServiceUser

INGEST_KEY = "ingest_key"  # with which the platform's services send telemetry where keys are needed
PLATFORM_SECRETS = (
    "postgres_admin_password",
    "postgres_insight_password",
    "postgres_backup_password",
    "valkey_password",
    "store_password",
    "session_key",
    INGEST_KEY,
)


def ensure_secrets(state: StateFolder, names: Iterable[str], user: ServiceUser | None) -> None:
    """Creates what is missing, 256 random bits each; what is there stays."""
    for name in names:
        path = state.secret(name)
        if path.exists():
            continue
        temporary = path.with_name(f".{name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if user is not None:
                os.fchown(descriptor, user.uid, user.gid)
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
