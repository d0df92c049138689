from __future__ import annotations

from dataclasses import replace

import pytest

from insightengine.core.colours import Colour
from insightengine.core.errors import InvalidInputError
from insightengine.core.settings import Settings
from insightengine.edge.models import (
    SELECTIONS,
    Address,
    ApplicationSite,
    Pool,
    Selection,
    Upstream,
    hosts_of,
)
from tests.unit.edge.configurations import example, local, pool


def test_every_selection_is_read_back_from_its_label() -> None:
    assert [Selection.parse(chosen.label) for chosen in SELECTIONS] == list(SELECTIONS)


@pytest.mark.parametrize("label", ["", "red", "blue_", "blue_cold", "BLUE", "blue warm", "_warm"])
def test_a_label_that_is_no_selection_is_refused(label: str) -> None:
    with pytest.raises(InvalidInputError, match="a selection is"):
        Selection.parse(label)


def test_the_other_colour_of_blue_is_green() -> None:
    assert (Colour.BLUE.other, Colour.GREEN.other) == (Colour.GREEN, Colour.BLUE)


@pytest.mark.parametrize("host", ["", "a b", "a;b", "a{", "$host", "a\n", "-a"])
def test_a_host_that_would_leave_its_place_in_the_configuration_is_refused(host: str) -> None:
    with pytest.raises(InvalidInputError, match="a host is"):
        Address(host, 80)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_outside_the_range_is_refused(port: int) -> None:
    with pytest.raises(InvalidInputError, match="a port is"):
        Address("127.0.0.1", port)


def test_an_ipv6_address_is_written_in_brackets() -> None:
    assert str(Address("::1", 80)) == "[::1]:80"


@pytest.mark.parametrize("release", ["", 'r"1', "a b", "r;", "$r", "x" * 200])
def test_a_release_with_special_characters_is_refused(release: str) -> None:
    with pytest.raises(InvalidInputError, match="a release is"):
        Upstream(release, (local(1),))


def test_an_upstream_without_addresses_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least one"):
        Upstream("r1", ())


def test_one_address_cannot_be_both_colours() -> None:
    with pytest.raises(InvalidInputError, match="an address of both colours"):
        Pool(Upstream("r1", (local(1),)), Upstream("r2", (local(1),)))


@pytest.mark.parametrize("name", ["", "Web", "a b", 'a"', "../a", "a;"])
def test_a_site_name_with_special_characters_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="a site's name is"):
        ApplicationSite(name, "web", local(1), pool(2, 3))


@pytest.mark.parametrize("route", ["", "products", "/a b", "/{", '/"', "/$x", "/{A}"])
def test_a_route_that_is_no_path_pattern_is_refused(route: str) -> None:
    with pytest.raises(InvalidInputError, match="a route is"):
        ApplicationSite("web", "web", local(1), pool(2, 3), (route,))


def test_two_sites_on_one_port_are_refused_with_the_port() -> None:
    web = ApplicationSite("web", "web", local(4300), pool(1, 2))
    with pytest.raises(InvalidInputError, match=r"a listening port used twice is '4300'"):
        replace(example(), applications=(web,))


def test_two_sites_of_one_name_are_refused_with_the_name() -> None:
    web = ApplicationSite("console", "web", local(4399), pool(1, 2))
    with pytest.raises(InvalidInputError, match=r"a site name used twice is 'console'"):
        replace(example(), applications=(web,))


@pytest.mark.parametrize("host", ["a;b", "a b", "", "http://a", "a/b"])
def test_a_served_name_that_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(InvalidInputError, match="a host is"):
        replace(example(), hosts=(host,))


def test_the_public_name_is_served_beside_loopback() -> None:
    settings = Settings.model_validate({"public_url": "https://insight.example:8443/x"})
    assert hosts_of(settings) == ("insight.example", "127.0.0.1", "localhost", "[::1]")


def test_listening_everywhere_is_no_name_to_be_asked_by() -> None:
    settings = Settings.model_validate({"bind_host": "0.0.0.0"})
    assert hosts_of(settings) == ("localhost", "127.0.0.1", "[::1]")


def test_sites_belong_to_a_unit_of_their_own_unless_they_share_one() -> None:
    web = ApplicationSite("web", "web", local(8081), pool(1, 2))
    assert web.unit == "web"
    api = ApplicationSite("api", "api", local(8082), pool(3, 4), unit="shop")
    shop = ApplicationSite("web", "web", local(8083), pool(5, 6), unit="shop")
    both = replace(example(), applications=(shop, api))
    assert list(both.units) == ["console", "shop"]
    assert both.releases == {
        "console/blue": "r1",
        "console/green": "r2",
        "shop/blue": "r1",
        "shop/green": "r2",
    }


@pytest.mark.parametrize("share", [-1, 100])
def test_a_share_is_a_percentage_below_all(share: int) -> None:
    with pytest.raises(InvalidInputError, match="a share is"):
        Selection(Colour.BLUE, share=share)


def test_a_warm_colour_gets_no_share() -> None:
    with pytest.raises(InvalidInputError, match="a share is"):
        Selection(Colour.BLUE, warm=True, share=5)


@pytest.mark.parametrize("path", ["up", "/a b", '/"', "/$x", "/a;b", "/{a}"])
def test_a_health_path_that_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidInputError, match="a health path is"):
        ApplicationSite("web", "web", local(1), pool(2, 3), health_path=path)
