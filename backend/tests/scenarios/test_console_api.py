"""Log-in, roles, tokens and refusals of the console's API, on the real servers behind the edge."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from insightengine.api.app import api_routes, rule_of
from shop.payments import BREAKING_CARD
from tests.scenarios.console import PASSWORD, Console
from tests.scenarios.platform import Platform, eventually


@pytest.fixture
def viewer(demo: Platform, administrator: Console) -> Iterator[Console]:
    """A fresh viewer, logged in."""
    email = f"{uuid.uuid4().hex[:10]}@example.org"
    invited = administrator.post("/users", json={"email": email, "role": "viewer"})
    assert invited.status_code == 201, invited.text
    with Console(demo) as console:
        assert console.set_up(invited.json()["setup_link"]).status_code == 200
        console.email = email  # type: ignore[attr-defined]
        yield console


def problem(answer: httpx.Response, status: int) -> str:
    """The code of a Problem; every error has this one shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(body)
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return str(body["code"])


def unhurried(console: Console, method: str, target: str) -> httpx.Response:
    """There are more routes than the edge lets one address ask at once."""

    def ask() -> httpx.Response | None:
        answer = console.request(method, target, json={})
        return None if answer.status_code == 429 else answer

    return eventually(ask, 60, f"{method} {target} is let through")


def test_the_setup_link_works_once(demo: Platform, administrator: Console) -> None:
    assert administrator.get("/auth/session").json()["user"]["role"] == "administrator"
    assert demo.insight("setup-link", check=False).returncode == 4
    with Console(demo) as other:
        assert problem(other.set_up("?token=" + "x" * 43), 401) == "setup_link_spent"


def test_a_session_ends_with_its_log_out(demo: Platform, viewer: Console) -> None:
    assert viewer.get("/platform").status_code == 200
    cookies = dict(viewer.cookies)
    assert viewer.post("/auth/logout").status_code == 204
    with Console(demo) as thief:
        thief.cookies.update(cookies)
        assert problem(thief.get("/platform"), 401) == "not_logged_in"


def test_a_log_in_never_keeps_the_session_id_that_the_browser_brought(
    demo: Platform, viewer: Console
) -> None:
    email = viewer.email  # type: ignore[attr-defined]
    with Console(demo) as victim:
        victim.cookies.set("insight_session", "chosen-by-somebody-else")
        assert victim.log_in(email).status_code == 200
        ids = [cookie.value for cookie in victim.cookies.jar if cookie.name == "insight_session"]
        assert ids[-1] != "chosen-by-somebody-else"
        assert ids[-1] not in dict(viewer.cookies).values()


def test_the_cookie_is_for_this_site_and_not_for_scripts(demo: Platform, viewer: Console) -> None:
    with Console(demo) as console:
        answer = console.log_in(viewer.email)  # type: ignore[attr-defined]
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"X-CSRF-Token": "wrong"},
        {"X-CSRF-Token": ""},
    ],
)
def test_a_request_that_another_site_forged_is_refused(
    viewer: Console, headers: dict[str, str]
) -> None:
    answer = viewer.post("/tokens", json={"name": "forged"}, headers=headers)
    assert problem(answer, 403) in ("cross_site", "csrf")
    assert viewer.items("/tokens") == []


def test_a_viewer_is_refused_on_every_route_above_the_role(viewer: Console) -> None:
    tried = 0
    for path, route in api_routes():
        rule = rule_of(route)
        if rule is None or rule.label in ("public", "viewer"):
            continue
        for method in route.methods or ():
            target = re.sub(r"\{[^}]+\}", "x", path.removeprefix("/api/v1"))
            assert problem(unhurried(viewer, method, target), 403) == "role_too_low"
            tried += 1
    assert tried >= 4


def test_nobody_is_refused_on_every_route_that_is_not_public(demo: Platform) -> None:
    with Console(demo) as nobody:
        for path, route in api_routes():
            rule = rule_of(route)
            if rule is None or rule.label == "public":
                continue
            for method in route.methods or ():
                target = re.sub(r"\{[^}]+\}", "x", path.removeprefix("/api/v1"))
                assert problem(unhurried(nobody, method, target), 401) == "not_logged_in"


def test_an_api_token_works_until_it_is_revoked(demo: Platform, viewer: Console) -> None:
    created = viewer.post("/tokens", json={"name": "ci", "days": 1})
    assert created.status_code == 201, created.text
    secret, token_id = created.json()["secret"], created.json()["token"]["id"]
    assert secret not in viewer.get("/tokens").text
    with httpx.Client(
        base_url=f"{demo.console}/api/v1", headers={"Authorization": f"Bearer {secret}"}
    ) as robot:
        assert robot.get("/platform").status_code == 200
        assert problem(robot.get("/users"), 403) == "role_too_low"
        assert viewer.delete(f"/tokens/{token_id}").status_code == 204
        assert problem(robot.get("/platform"), 401) == "not_logged_in"


def test_nobody_gives_a_token_a_higher_role_than_their_own(viewer: Console) -> None:
    answer = viewer.post("/tokens", json={"name": "root", "role": "administrator"})
    assert problem(answer, 400) == "invalid_input"


def test_a_disabled_user_is_out_at_once(viewer: Console, administrator: Console) -> None:
    user_id = viewer.get("/auth/session").json()["user"]["id"]
    assert administrator.patch(f"/users/{user_id}", json={"disabled": True}).status_code == 200
    assert problem(viewer.get("/platform"), 401) == "not_logged_in"
    email = viewer.email  # type: ignore[attr-defined]
    assert problem(viewer.log_in(email), 401) == "wrong_credentials"


def test_wrong_passwords_are_slowed_down_and_say_how_long(demo: Platform) -> None:
    codes = []
    with Console(demo) as guesser:
        for number in range(12):
            answer = guesser.log_in("nobody@example.org", f"wrong password number {number}")
            codes.append(answer.status_code)
            if answer.status_code == 429:
                assert int(answer.headers["Retry-After"]) > 0
    assert set(codes) == {401, 429}
    assert codes[-1] == 429


def test_bad_requests_are_told_which_field_is_wrong(administrator: Console) -> None:
    answer = administrator.get("/telemetry/logs", params={"limit": 0})
    assert problem(answer, 400) == "invalid_request"
    assert answer.json()["errors"][0]["field"] == "limit"
    backwards = {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
    assert administrator.get("/monitoring/overview", params=backwards).status_code == 400


def test_unknown_routes_methods_and_large_bodies_are_problems_too(administrator: Console) -> None:
    assert problem(administrator.get("/nothing/here"), 404) == "not_found"
    assert problem(administrator.put("/users"), 405) == "method_not_allowed"


def test_every_write_is_in_the_audit_log(administrator: Console) -> None:
    created = administrator.post("/tokens", json={"name": "audited"})
    entries = administrator.items("/audit", limit=5)
    found = next(entry for entry in entries if entry["object"] == "audited")
    assert found["action"] == "token.create"
    assert found["outcome"] == "done"
    assert found["request_id"] == created.headers["X-Request-Id"]


def test_lists_are_read_page_by_page(administrator: Console) -> None:
    seen: list[int] = []
    cursor = None
    for _ in range(3):
        page = administrator.get(
            "/audit", params={"limit": 2, **({"cursor": cursor} if cursor else {})}
        )
        seen += [entry["id"] for entry in page.json()["items"]]
        cursor = page.json()["next_cursor"]
    assert seen == sorted(set(seen), reverse=True)


def test_the_overview_counts_the_visitors_requests(administrator: Console) -> None:
    def services() -> list[str]:
        overview = administrator.get("/monitoring/overview").json()
        assert overview["requests"] > 0
        return [one["service"] for one in overview["services"]]

    eventually(lambda: "web" in services(), 30, "the shop is in the overview")


def test_the_setup_password_is_the_one_that_logs_in(demo: Platform, administrator: Console) -> None:
    with Console(demo) as console:
        assert console.log_in("admin@localhost", PASSWORD).status_code == 200


def test_new_entries_come_through_the_edge_while_they_happen(administrator: Console) -> None:
    with administrator.stream("GET", "/telemetry/logs/tail", timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        events = (line for line in answer.iter_lines() if line.startswith("data: "))
        told = json.loads(next(events).removeprefix("data: "))
    assert told["items"][0]["body"]


def test_searches_metrics_and_sql_are_answered_for_the_running_shop(administrator: Console) -> None:
    def found() -> bool:
        logs = administrator.items("/telemetry/logs", q="service:edge status:200", limit=5)
        traces = administrator.items("/telemetry/traces", q="service:web", limit=5)
        hosts = administrator.items("/telemetry/hosts")
        return bool(logs and traces and hosts and hosts[0]["cpu_ratio"] is not None)

    eventually(found, 60, "the shop's logs, traces and host are found")
    asked = {"sql": "SELECT ServiceName, count() AS n FROM logs GROUP BY ServiceName"}
    answer = administrator.post("/telemetry/sql", json=asked)
    assert answer.status_code == 200, answer.text
    assert "edge" in {row[0] for row in answer.json()["rows"]}
    refused = administrator.post("/telemetry/sql", json={"sql": "DROP TABLE logs"})
    assert problem(refused, 400) == "query_refused"


def test_fields_completions_and_neighbours_help_to_search(administrator: Console) -> None:
    def services() -> set[str]:
        facets = administrator.items("/telemetry/logs/facets", q="status:>=200")
        found = {facet["key"]: facet["values"] for facet in facets}
        return {value["value"] for value in found["service"] if value["entries"] > 0}

    eventually(lambda: "edge" in services(), 60, "the edge's lines have a service")
    typed = administrator.get("/telemetry/completions", params={"q": "x service:ed"}).json()
    assert (typed["start"], typed["end"]) == (10, 12)
    assert "edge" in [item["text"] for item in typed["items"]]
    names = administrator.items("/telemetry/completions", q="dur", signals="traces")
    assert names[0]["text"] == "duration"

    entry = administrator.items("/telemetry/logs", q="service:edge", limit=20)[10]
    around = administrator.get(
        f"/telemetry/logs/{entry['id']}/context", params={"service": "edge", "count": 3}
    ).json()
    assert (len(around["before"]), len(around["after"])) == (3, 3)
    times = [each["timestamp"] for each in (*around["before"], entry, *around["after"])]
    assert times == sorted(times)


def test_time_is_added_up_by_name_in_a_flame_graph(administrator: Console) -> None:
    def graph(**asked: str) -> dict[str, Any]:
        answer = administrator.get("/telemetry/traces/flamegraph", params=asked)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    many = eventually(
        lambda: graph(q="service:web")["roots"] and graph(q="service:web"), 60, "spans"
    )
    assert many["spans"] >= many["traces"] > 0
    # Spans of the newest are still on their way.
    trace = administrator.items("/telemetry/traces", q="service:web", limit=50)[-1]
    one = graph(trace_id=trace["trace_id"])
    assert (one["traces"], one["spans"]) == (1, trace["spans"])
    assert all(root["total_ms"] >= root["self_ms"] >= 0 for root in one["roots"])


def test_metrics_are_listed_labelled_and_asked_as_rate_and_quantile(administrator: Console) -> None:
    name = "http.server.request.duration"

    def known(**asked: str | bool) -> list[float]:
        series = administrator.get(
            "/telemetry/metrics/query", params={"name": name, **asked}
        ).json()
        return [p["value"] for one in series["series"] for p in one["points"] if p["value"]]

    eventually(lambda: known(aggregate="p95", group_by="http.route"), 90, "durations arrive")
    assert 0 < min(known(aggregate="p50")) <= max(known(aggregate="p99"))
    eventually(lambda: known(aggregate="sum", rate=True), 60, "a second sample makes a rate")
    (metric,) = administrator.items("/telemetry/metrics", contains=name)
    assert (metric["type"], metric["unit"]) == ("histogram", "s")
    labels = administrator.items("/telemetry/metrics/labels", name=name)
    assert {"service", "http.route"} <= {label["key"] for label in labels}
    refused = {"name": "system.cpu.utilization", "rate": True}
    answer = administrator.get("/telemetry/metrics/query", params=refused)
    assert problem(answer, 400) == "no_rate"
    processes = administrator.items("/telemetry/processes")
    assert {"store", "web.blue"} <= {each["process"] for each in processes}


def test_an_exception_that_was_raised_is_grouped_with_its_stack_trace(
    demo: Platform, administrator: Console
) -> None:
    raise_in_the_shop(demo)

    def group() -> dict[str, Any]:
        groups = administrator.items("/telemetry/exceptions", service="payments")
        named = (each for each in groups if each["type"].endswith("AcquirerTimeoutError"))
        return next(named, {})

    found = eventually(group, 60, "the exception is grouped")
    detail = administrator.get(f"/telemetry/exceptions/{found['group_id']}").json()
    assert detail["group"]["occurrences"] >= 1
    assert sum(point["occurrences"] for point in detail["points"]) >= 1
    assert "AcquirerTimeoutError" in detail["occurrences"][0]["stacktrace"]
    assert problem(administrator.get("/telemetry/exceptions/0"), 404) == "exception_not_found"


def raise_in_the_shop(demo: Platform) -> None:
    with httpx.Client(base_url=demo.shop, timeout=20) as visitor:
        slug = str(visitor.get("/api/products").json()[0]["slug"])
        visitor.post("/basket/lines", data={"slug": slug, "quantity": "1"})
        order = {"email": "api@example.org", "card": BREAKING_CARD}
        assert visitor.post("/checkout", data=order).status_code == 502


def test_a_view_is_kept_and_forgotten(administrator: Console, viewer: Console) -> None:
    view = {"page": "logs", "name": "Errors", "state": "q=level:error", "shared": True}
    saved = administrator.put("/views", json=view)
    assert saved.status_code == 200, saved.text
    (seen,) = viewer.items("/views", page="logs")
    assert (seen["name"], seen["own"]) == ("Errors", False)
    view_id = saved.json()["id"]
    assert problem(viewer.delete(f"/views/{view_id}"), 404) == "not_found"
    assert administrator.delete(f"/views/{view_id}").status_code == 204


def test_retention_is_shown_to_all_and_changed_by_administrators(
    administrator: Console, viewer: Console
) -> None:
    assert viewer.get("/telemetry/retention").json()["signals"]["logs"] == 14
    change = {"changes": [{"signal": "logs", "days": 30}], "dry_run": True}
    foreseen = administrator.patch("/telemetry/retention", json=change)
    assert foreseen.status_code == 200, foreseen.text
    assert foreseen.json()["signals"]["logs"] == 30
    assert viewer.get("/telemetry/retention").json()["signals"]["logs"] == 14
