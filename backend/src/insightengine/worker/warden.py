"""Runs the warden of the platform in INSIGHT_STATE."""

import os
from pathlib import Path

from insightengine.core.settings import StateFolder
from insightengine.runtimes.local import warden


def main() -> None:
    warden.run(StateFolder(Path(os.environ["INSIGHT_STATE"])))


if __name__ == "__main__":
    main()
