"""Files that are meant to hurt: they are refused in little time and memory, and say why."""

from __future__ import annotations

import time

import pytest

from insightengine.application.load import load_application
from insightengine.core.errors import InvalidInputError

FILE = "/srv/shop/compose.yaml"


def refused(text: str, variables: dict[str, str] | None = None) -> str:
    with pytest.raises(InvalidInputError) as raised:
        load_application(text, FILE, variables or {})
    return raised.value.message


def web(rest: str) -> str:
    return f"services: {{web: {{image: shop, {rest}}}}}\n"


def test_values_that_long_variables_would_blow_up_are_refused_before_they_are_built() -> None:
    values = ", ".join(f"V{number}: $LONG" for number in range(5000))
    said = refused(web(f"environment: {{{values}}}"), {"LONG": "x" * 10_000})
    assert "its variables expand to more than 4194304 characters" in said


def test_aliases_of_a_value_with_a_long_variable_count_each_time() -> None:
    aliases = ", ".join(["*long"] * 100)
    said = refused(f"x-a: &long $LONG\nx-b: [{aliases}]\n{web('')}", {"LONG": "x" * 100_000})
    assert "expand to more than 4194304 characters" in said


@pytest.mark.parametrize("apart", ["addresses", "profiles"])
def test_ten_thousand_published_ports_are_compared_in_seconds(apart: str) -> None:
    services = []
    for number in range(50):
        address = f"10.0.{number}" if apart == "addresses" else "127.0.0"
        profiles = f"profiles: [p{number}], " if apart == "profiles" else ""
        ports = ", ".join(f'"{address}.{1 + port}:80:80"' for port in range(200))
        services.append(f"  s{number}: {{image: shop, {profiles}ports: [{ports}]}}\n")
    text = "services:\n" + "".join(services)
    began = time.process_time()  # not the clock: a busy machine makes nothing slower to compute
    load_application(text, FILE, {})
    assert time.process_time() - began < 5


def test_addresses_meet_where_one_of_them_is_everywhere() -> None:
    first = '{image: a, ports: ["10.0.0.1:80:80"]}'
    second = '{image: b, ports: ["10.0.0.2:80:80"]}'
    assert load_application(f"services: {{a: {first}, b: {second}}}", FILE, {})
    third = '{image: c, ports: ["80:80"]}'
    said = refused(f"services: {{a: {first}, b: {second}, c: {third}}}")
    assert "host port 80 is published also by services.a" in said


@pytest.mark.parametrize("window", ["999999999h", "87601h"])
def test_a_duration_that_no_date_can_bear_is_refused(window: str) -> None:
    said = refused(web("") + f"x-insight: {{release: {{rollback_window: {window}}}}}")
    assert "at most 87600h" in said


@pytest.mark.parametrize("image", ["--help", "-a", ".hidden"])
def test_an_image_is_never_taken_for_an_option(image: str) -> None:
    assert "the name of an image" in refused(f"services: {{web: {{image: '{image}'}}}}")


@pytest.mark.parametrize("header", ['"X-A: b": c', '"X Y": c', 'X-A: "a\\nb"', 'X-A: "日本"'])
def test_a_smoke_request_has_no_header_that_http_cannot_carry(header: str) -> None:
    smoke = f"x-insight: {{smoke: [{{path: /, headers: {{{header}}}}}]}}"
    assert "header" in refused(web(smoke)) or "variable name" in refused(web(smoke))
