import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.protection import throttle


@pytest.mark.parametrize(
    ("tries", "left_s", "wait_s"), [(1, 60, 0), (5, 10, 0), (6, 10, 10), (6, 0, 1)]
)
def test_an_address_has_five_tries_a_minute(tries: int, left_s: int, wait_s: int) -> None:
    assert throttle.wait_for_address(tries, left_s) == wait_s


def test_an_account_waits_longer_with_each_failure_after_the_tenth() -> None:
    waits = [throttle.wait_for_account(failures, 0.0) for failures in range(9, 17)]
    assert waits == [0, 30, 60, 120, 240, 480, 900, 900]


@given(st.integers(0, 10_000), st.floats(0, 10_000))
def test_no_account_is_locked_for_ever(failures: int, since_s: float) -> None:
    assert throttle.wait_for_account(failures, since_s) <= throttle.LONGEST_WAIT_S
    assert throttle.wait_for_account(failures, throttle.LONGEST_WAIT_S) == 0
