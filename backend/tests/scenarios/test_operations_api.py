"""Releases and recovery through the console's API, as operators and administrators use them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.scenarios.console import Console
from tests.scenarios.platform import Platform, eventually

_OVER = ("done", "failed", "cancelled", "unchanged", "refused")


@pytest.fixture(scope="module")
def operator(demo: Platform, administrator: Console) -> Iterator[Console]:
    yield from _somebody(demo, administrator, "operator")


@pytest.fixture(scope="module")
def viewer(demo: Platform, administrator: Console) -> Iterator[Console]:
    yield from _somebody(demo, administrator, "viewer")


def _somebody(demo: Platform, administrator: Console, role: str) -> Iterator[Console]:
    email = f"{role}-{uuid.uuid4().hex[:6]}@example.org"
    invited = administrator.post("/users", json={"email": email, "role": role})
    assert invited.status_code == 201, invited.text
    with Console(demo) as console:
        assert console.set_up(invited.json()["setup_link"]).status_code == 200
        console.email = email  # type: ignore[attr-defined]
        yield console


@pytest.fixture(scope="module")
def proven(viewer: Console) -> dict[str, Any]:
    """What the API tells once the first backup was taken and read back."""

    def found() -> dict[str, Any] | None:
        recovery = _calm(viewer)
        return recovery if recovery and recovery["objectives"]["newest_proven"] else None

    return eventually(found, 90, "the first backup is proven")


def _calm(console: Console) -> dict[str, Any] | None:
    recovery: dict[str, Any] = console.get("/recovery").json()
    return recovery if all(one["state"] in _OVER for one in recovery["operations"]) else None


def code_of(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    return str(answer.json()["code"])


def followed(console: Console, path: str) -> list[dict[str, Any]]:
    """Every `operation` event until the stream ends by itself."""
    told: list[dict[str, Any]] = []
    with console.stream("GET", path, timeout=120) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: ") and name == "operation":
                told.append(json.loads(line.removeprefix("data: ")))
    return told


def asked(answer: httpx.Response) -> Any:
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def test_a_viewer_sees_what_can_come_back_and_how_fast(
    viewer: Console, proven: dict[str, Any]
) -> None:
    backup = proven["backups"][-1]
    (repository,) = proven["repositories"]
    assert backup["last_check"]["passed"] is True
    assert proven["windows"][0]["from_at"] == backup["ended_at"]
    assert repository["spans"]
    assert repository["gaps"] == []
    assert [one["role"] for one in proven["replication"]["receivers"]] == ["backups"]
    plan = viewer.get("/recovery/plan", params={"to": "latest"})
    assert plan.status_code == 200, plan.text
    assert {one["name"] for one in plan.json()["databases"]} >= {"app_shop", "insight"}
    assert code_of(viewer.post("/recovery/backups", json={}), 403) == "role_too_low"


def test_a_moment_that_never_was_has_no_plan(viewer: Console, proven: dict[str, Any]) -> None:
    for to in ("2099-01-01T00:00:00Z", "no such point"):
        assert code_of(viewer.get("/recovery/plan", params={"to": to}), 400) == "invalid_input"
    early = viewer.get("/recovery/plan", params={"to": "2020-01-01T00:00:00Z"})
    assert code_of(early, 404) == "no_backup"


def test_an_operator_backs_up_and_is_told_how_far_it_is(
    operator: Console, administrator: Console, proven: dict[str, Any]
) -> None:
    eventually(lambda: _calm(operator), 60, "what the schedule began is over")
    operation = asked(operator.post("/recovery/backups", json={}))
    second = operator.post("/recovery/backups", json={})
    assert code_of(second, 409) == "operation_under_way"
    told = followed(operator, f"/recovery/operations/{operation}/events")
    assert told[-1]["state"] == "done", told[-1]
    assert told[-1]["asked_by"] == operator.email  # type: ignore[attr-defined]
    assert [one["step"] for one in told[-1]["steps"]]
    entries = [
        one for one in administrator.items("/audit", limit=20) if "recovery" in one["action"]
    ]
    assert [one["outcome"] for one in entries[:2]] == ["operation_under_way", "done"]
    answer = operator.post(f"/recovery/operations/{operation}/cancel")
    assert code_of(answer, 409) == "operation_begun"


def test_a_verification_by_restore_measures_how_long_a_restore_takes(
    operator: Console, proven: dict[str, Any]
) -> None:
    newest = proven["backups"][0]["id"]
    request = {"backup": newest, "restore": True}
    operation = asked(operator.post("/recovery/verifications", json=request))
    told = followed(operator, f"/recovery/operations/{operation}/events")
    assert told[-1]["result"]["passed"] is True, told[-1]
    objectives = operator.get("/recovery").json()["objectives"]
    assert objectives["is_rto_measured"] is True
    assert operation in objectives["detail"]
    assert objectives["rto_s"] == told[-1]["result"]["ready_s"]
    unknown = operator.post("/recovery/verifications", json={"backup": "nothing"})
    assert code_of(unknown, 404) == "not_found"


def test_a_drill_is_asked_for_followed_and_becomes_the_recovery_time(
    viewer: Console, operator: Console, administrator: Console, proven: dict[str, Any]
) -> None:
    request = {"kind": "restore"}
    assert code_of(viewer.post("/recovery/drills", json=request), 403) == "role_too_low"
    for wrong, code in (
        ({"kind": "earthquake"}, "invalid_request"),
        ({"kind": "restore", "to": "no such point"}, "invalid_input"),
    ):
        assert code_of(operator.post("/recovery/drills", json=wrong), 400) == code
    operation = asked(operator.post("/recovery/drills", json=request))
    second = operator.post("/recovery/drills", json={"kind": "failover"})
    assert code_of(second, 409) == "operation_under_way"
    told = followed(operator, f"/recovery/operations/{operation}/events")
    assert told[-1]["result"]["passed"] is True, told[-1]
    objectives = operator.get("/recovery").json()["objectives"]
    assert objectives["rto_s"] == told[-1]["result"]["rto_s"]
    entries = [
        one for one in administrator.items("/audit", limit=20) if one["action"] == "recovery.drill"
    ]
    assert [one["outcome"] for one in entries[:2]] == ["operation_under_way", "done"]


def test_a_restore_is_for_administrators_and_only_by_the_plan_that_was_seen(
    demo: Platform, operator: Console, administrator: Console, proven: dict[str, Any]
) -> None:
    plan = administrator.get("/recovery/plan", params={"to": "latest"}).json()
    request = {"to": "latest", "plan": plan["id"]}
    assert code_of(operator.post("/recovery/restores", json=request), 403) == "role_too_low"
    stale = administrator.post("/recovery/restores", json={**request, "plan": "another"})
    assert code_of(stale, 409) == "plan_changed"
    eventually(lambda: _calm(administrator), 60, "what the schedule began is over")
    operation = asked(administrator.post("/recovery/restores", json=request))
    told = followed(administrator, f"/recovery/operations/{operation}/events")
    assert told[-1]["state"] == "done", told[-1]
    eventually(demo.is_whole, 60, "the platform is whole on the restored cluster")
    found = administrator.get("/recovery").json()
    assert operation in found["objectives"]["detail"]
    assert found["replaced_clusters"] == [operation]


def test_a_release_is_asked_for_followed_and_explained(operator: Console) -> None:
    before = operator.get("/releases/state").json()
    operation = asked(operator.post("/releases", json={"message": "from the console"}))
    told = followed(operator, f"/releases/operations/{operation}/events")
    assert told[-1]["state"] in ("done", "unchanged"), told[-1]
    listed = operator.items("/releases/operations", limit=5)
    assert listed[0]["asked_by"] == operator.email  # type: ignore[attr-defined]
    first = operator.get(f"/releases/operations/{listed[-1]['id']}").json()
    assert {one["part"] for one in first["operation"]["changes"]} >= {"artefact", "config"}
    assert first["point_of_no_return"] is None
    assert first["left"] == []
    assert first["entries"][-1]["step"] == "finish"
    traffic = operator.get(f"/releases/operations/{listed[-1]['id']}/traffic").json()
    assert [one["release"] for one in traffic["releases"]] == [before["serving"]]
    assert code_of(operator.post(f"/releases/operations/{operation}/cancel"), 409)
    assert code_of(operator.get("/releases/operations/99999"), 404) == "not_found"


def test_an_application_is_closed_and_opened_by_an_operator(
    demo: Platform, operator: Console
) -> None:
    try:
        closed = operator.put("/releases/maintenance", json={"closed": True})
        assert closed.json()["maintenance_by"] == operator.email  # type: ignore[attr-defined]
        eventually(lambda: httpx.get(demo.shop).status_code == 503, 10, "visitors are kept out")
    finally:
        opened = operator.put("/releases/maintenance", json={"closed": False})
    assert opened.json()["maintenance_by"] is None
    eventually(lambda: httpx.get(demo.shop).status_code == 200, 10, "visitors are let in again")
