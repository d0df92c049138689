from datetime import UTC, datetime

import pytest

from insightengine.core.errors import AccessDeniedError
from insightengine.protection.access import Principal, Role, ensure_allowed

VIEWER = Principal("1", "v@example.org", Role.VIEWER, datetime(2030, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("role", "needed", "included"),
    [
        (has, needed, list(Role).index(has) >= list(Role).index(needed))
        for has in Role
        for needed in Role
    ],
)
def test_each_role_may_do_what_the_ones_before_it_may(
    role: Role, needed: Role, included: bool
) -> None:
    assert role.includes(needed) is included


def test_nobody_is_asked_to_log_in() -> None:
    with pytest.raises(AccessDeniedError) as raised:
        ensure_allowed(None, Role.VIEWER)
    assert raised.value.http_status == 401


def test_a_role_that_is_too_low_is_told_which_one_is_needed() -> None:
    with pytest.raises(AccessDeniedError, match="needs the role operator") as raised:
        ensure_allowed(VIEWER, Role.OPERATOR)
    assert raised.value.http_status == 403


def test_who_is_allowed_is_let_through() -> None:
    assert ensure_allowed(VIEWER, Role.VIEWER) is VIEWER
