"""The one-time link that sets the first administrator's password."""

from __future__ import annotations

import time
from pathlib import Path

from insightengine.core.errors import NotFoundError
from insightengine.wiring.environment import PlatformContext, load_project
from insightengine.wiring.local import Upcoming, wanted_spec


def awaited_setup_link(upcoming: Upcoming, limit_s: float = 5.0) -> str | None:
    """The set-up link; on the very first start the API needs a moment to make it."""
    deadline = time.monotonic() + (limit_s if upcoming.is_first else 0.0)
    while True:
        link = setup_link(upcoming.context)
        if link is not None or time.monotonic() >= deadline:
            return link
        time.sleep(0.05)


def setup_link(context: PlatformContext) -> str | None:
    """The one-time link that sets the first administrator's password; None once it is used."""
    path = context.state.secret("setup_token")
    try:
        token = path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return f"{context.settings.console_url}/setup/?token={token}"


def project_setup_link(project: Path) -> str | None:
    """The set-up link at the address under which the project's platform was brought up."""
    try:
        spec, _ = wanted_spec(project, "api")
    except NotFoundError:
        return setup_link(load_project(project))  # in containers nothing is wanted of a supervisor
    return setup_link(load_project(project, spec.env))
