"""An application's first start is its first release."""

from __future__ import annotations

from contextlib import closing

from insightengine.core.errors import UnavailableError
from insightengine.core.settings import Environment
from insightengine.stores.journal.port import Operation
from insightengine.wiring.local import Upcoming, UpRequest
from insightengine.wiring.release import open_journal
from insightengine.wiring.releasing import Deployment, ask_deployment, follow, whoami


def ask_first_release(upcoming: Upcoming, request: UpRequest, message: str) -> Operation | None:
    """Queues it, or finds it under way; None where there is nothing to release.

    Later releases are for `insight deploy`, but while an application is developed `insight up`
    takes over what changed.
    """
    placed = upcoming.placed
    if placed is None or not placed.started:
        return None
    journal = open_journal(upcoming.context)
    serves = journal.unit(placed.application.name).serving
    if serves and upcoming.context.settings.environment is not Environment.DEVELOPMENT:
        return None
    under_way = journal.active(placed.application.name)
    if under_way:
        return under_way[0]
    wanted = Deployment(
        request.project, whoami(), request.file, request.profiles, message, skip_checks=True
    )
    return ask_deployment(upcoming.context, wanted)


def release_now(upcoming: Upcoming, request: UpRequest, message: str) -> None:
    """Returns once the application serves. Raises UnavailableError when it does not."""
    operation = ask_first_release(upcoming, request, message)
    if operation is None:
        return
    with closing(open_journal(upcoming.context)) as journal:
        for _ in follow(journal, operation.id):
            pass
        outcome = journal.operation(operation.id)
    if outcome.state != "done":
        raise UnavailableError(
            f"the application was not released: {outcome.summary or outcome.state}",
            code="not_released",
            hint="insight releases; insight logs; then: insight deploy",
        )
