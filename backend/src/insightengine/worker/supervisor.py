"""Runs the supervisor of the platform in INSIGHT_STATE."""

import asyncio

from insightengine.runtimes.local.supervisor import Supervisor
from insightengine.wiring.environment import load
from insightengine.wiring.logs import configure


def main() -> None:
    context = load()
    configure("supervisor", context.settings.log_level)
    asyncio.run(Supervisor(context.state).run())


if __name__ == "__main__":
    main()
