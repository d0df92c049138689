import pytest

from insightengine.api.routes.health import Condition, Dependency, judge


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ((), Condition.OK),
        (("store",), Condition.DEGRADED),
        (("collector", "supervisor"), Condition.DEGRADED),
        (("cache",), Condition.UNAVAILABLE),
        (("postgres", "store"), Condition.UNAVAILABLE),
    ],
)
def test_the_api_is_unavailable_only_without_what_a_log_in_needs(
    out: tuple[str, ...], expected: Condition
) -> None:
    names = ("postgres", "cache", "store", "collector", "supervisor")
    found = {
        name: Dependency(
            status=Condition.UNAVAILABLE if name in out else Condition.OK, latency_ms=1.0
        )
        for name in names
    }
    assert judge(found).status is expected
