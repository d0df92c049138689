"""insight demo"""

from __future__ import annotations

from insightengine.cli.options import HERE, BasePort, Detach, Project


def command(project: Project = HERE, base_port: BasePort = None, detach: Detach = False) -> None:
    """Bring up the platform with the example shop and visitors in it.

    The state lies in the project's .insight/, like that of an application of yours.

    Examples:

        insight demo

        insight demo --detach --base-port 5300
    """
    from insightengine.cli.up import run
    from insightengine.core.errors import NotFoundError
    from insightengine.wiring.local import REPOSITORY, UpRequest

    file = REPOSITORY / "examples/shop/compose.yaml"
    if not file.is_file():
        raise NotFoundError(
            f"the example shop is not installed: there is no {file}",
            hint="use a checkout of the repository: bin/up --demo",
        )
    run(UpRequest(project, file, base_port, ("traffic",)), detach=detach)
