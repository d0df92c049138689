"""insight down"""

from __future__ import annotations

from insightengine.cli.options import HERE, Project


def command(project: Project = HERE) -> None:
    """Stop the platform and the application; all state stays in .insight/.

    Works whatever is left of it: an orderly stop through the supervisor, else by the records of
    what runs.

    Examples:

        insight down

        insight down --project ~/shop
    """
    from insightengine.cli.show import say
    from insightengine.wiring.local import take_down

    stopped = take_down(project)
    say(f"stopped {stopped} processes" if stopped else "nothing was running")
