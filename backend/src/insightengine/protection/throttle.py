"""How often somebody may try to log in. Pure: counts in, seconds to wait out."""

from __future__ import annotations

PER_ADDRESS = 5
ADDRESS_WINDOW_S = 60
PER_ACCOUNT = 10
ACCOUNT_WINDOW_S = 3600
LONGEST_WAIT_S = 900


def wait_for_address(tries: int, window_left_s: int) -> int:
    """Seconds until the address may try again, 0 when it may now. `tries` counts this one."""
    return max(1, window_left_s) if tries > PER_ADDRESS else 0


def wait_for_account(failures: int, since_last_s: float) -> int:
    """Seconds until the account may be tried again. Grows with each failure, never for ever.

    `failures` within the last hour, `since_last_s` since the last of them.
    """
    if failures < PER_ACCOUNT:
        return 0
    pause = min(30 * 2 ** min(failures - PER_ACCOUNT, 10), LONGEST_WAIT_S)
    return max(0, int(pause - since_last_s + 0.999))
