"""insight setup-link"""

from __future__ import annotations

from insightengine.cli.options import HERE, Project


def command(project: Project = HERE) -> None:
    """Print the one-time link that sets the first administrator's password.

    Examples:

        insight setup-link
    """
    from insightengine.core.errors import ConflictError
    from insightengine.wiring.setup_link import project_setup_link

    link = project_setup_link(project)
    if link is None:
        raise ConflictError(
            "there is no set-up link: the platform never ran, or an administrator has a password",
            hint="insight status; then log in",
        )
    print(link)  # noqa: T201
