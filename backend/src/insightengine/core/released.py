"""What a platform releases."""

from __future__ import annotations

from enum import StrEnum


class Released(StrEnum):
    APPLICATION = "application"  # the one of the project, whatever its name
    CONSOLE = "console"  # the platform's own console with its API
