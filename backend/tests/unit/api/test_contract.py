"""The API's contract: every route has a rule and a description, and the committed file is true."""

from pathlib import Path

import insightengine
from insightengine.api.app import api_routes, create_app, rule_of
from insightengine.api.openapi import document

COMMITTED = Path(insightengine.__file__).parents[2] / "openapi.json"
PUBLIC = {
    ("GET", "/api/health/live"),
    ("GET", "/api/health/ready"),
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/auth/password-setup"),
}


def test_every_route_has_a_rule() -> None:
    assert [path for path, route in api_routes() if rule_of(route) is None] == []


def test_only_these_routes_are_public() -> None:
    public = {
        (method, path)
        for path, route in api_routes()
        for method in route.methods or ()
        if (rule := rule_of(route)) is not None and rule.role is None
    }
    assert public == PUBLIC


def test_the_document_holds_every_route() -> None:
    paths = create_app(None).openapi()["paths"]
    walked = {(path, m.lower()) for path, route in api_routes() for m in route.methods or ()}
    assert {(path, method) for path, methods in paths.items() for method in methods} == walked


def test_every_operation_has_its_own_id() -> None:
    paths = create_app(None).openapi()["paths"]
    ids = [one["operationId"] for methods in paths.values() for one in methods.values()]
    assert len(ids) == len(set(ids))


def test_the_committed_document_is_what_the_code_says() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == document(), "renew it with bin/docs"
