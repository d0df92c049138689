"""Which releases go, and that nothing goes that may be needed again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from insightengine.release.retention import Kept, Needed, Surplus, surplus
from insightengine.runtimes.port import Artefact

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DAY_S = 86400.0


def artefact(name: str) -> Artefact:
    return Artefact("web", f"sha256:{name}")


def kept(name: str, days: float, *artefacts: str) -> Kept:
    used = frozenset(artefact(one) for one in artefacts or (name,))
    return Kept(name, NOW - timedelta(days=days), used)


def gone(
    releases: list[Kept], *needed: str, least: int = 2, days: float = 30, stored: str = ""
) -> Surplus:
    return surplus(
        releases,
        [artefact(one) for one in stored],
        Needed(frozenset(needed)),
        least=least,
        younger_than_s=days * DAY_S,
        now=NOW,
    )


def test_the_oldest_go_beyond_the_number_and_the_age() -> None:
    releases = [kept("a", 90), kept("b", 60), kept("c", 40), kept("d", 1)]
    assert gone(releases).releases == ("a", "b")


def test_a_young_release_stays_whatever_the_number() -> None:
    assert gone([kept("a", 3), kept("b", 2), kept("c", 1)], least=1).releases == ()


def test_few_releases_stay_whatever_their_age() -> None:
    assert gone([kept("a", 900), kept("b", 800)]).releases == ()


def test_what_serves_or_may_be_rolled_back_to_never_goes() -> None:
    releases = [kept("a", 900), kept("b", 800), kept("c", 700)]
    assert gone(releases, "a", "b", least=1).releases == ()


def test_an_artefact_goes_with_the_last_release_that_uses_it() -> None:
    releases = [kept("a", 90, "x", "y"), kept("b", 60, "y"), kept("c", 40), kept("d", 1)]
    found = gone(releases, "b", stored="xycd")
    assert (found.releases, found.artefacts) == (("a",), (artefact("x"),))


def test_what_was_built_for_nothing_goes() -> None:
    assert gone([kept("a", 1)], stored="az").artefacts == (artefact("z"),)


@given(
    st.lists(st.floats(0, 400), min_size=1, max_size=12, unique=True),
    st.integers(1, 12),
    st.floats(0, 400),
    st.sets(st.integers(0, 11)),
)
def test_nothing_needed_goes_and_enough_stay(
    ages: list[float], least: int, days: float, needed: set[int]
) -> None:
    releases = [kept(str(number), age) for number, age in enumerate(ages)]
    found = gone(releases, *map(str, needed), least=least, days=days)
    assert not set(found.releases) & set(map(str, needed))
    assert len(releases) - len(found.releases) >= min(least, len(releases))
    assert all(ages[int(one)] >= days for one in found.releases)
