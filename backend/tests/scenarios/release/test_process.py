"""From staging to production with hooks, approvals and a canary, on real processes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from insightengine.core.errors import AccessDeniedError, ConflictError
from insightengine.core.settings import Environment
from insightengine.stores.journal.port import Operation
from insightengine.wiring import releasing
from insightengine.wiring.promotion import ask_promotion, prepare_promotion
from tests.scenarios.release.ground import QUICK, Ground, ground
from tests.scenarios.release.load import load_on

pytestmark = pytest.mark.timeout(120)
LIMIT_S = 30


@contextmanager
def serving(
    policy: str = "", environment: str = "development", quick: str = QUICK
) -> Iterator[Ground]:
    """Version 1 serves under a policy, without checks that take time."""
    with ground(quick + policy) as one:
        settings = one.context.settings.model_copy(update={"environment": Environment(environment)})
        (one.folder / ".env").write_text(
            f"TINY_PORT={one.port}\nINSIGHT_ENVIRONMENT={environment}\n"
        )
        one = replace(one, context=replace(one.context, settings=settings))
        first = one.deploy(quick=True, version="1")
        assert first.state == "done", one.story(first)
        yield one


def version(one: Ground) -> str:
    return str(httpx.get(one.url, timeout=5).json()["version"])


def await_that(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline, f"after {LIMIT_S} s still not: {what}"
        time.sleep(0.02)


def after(one: Ground, operation: Operation) -> Operation:
    one.service.work()
    return one.means.journal.operation(operation.id)


# Here a share is looked at, not how fast a busy machine answers.
LENIENT = QUICK.replace("2ms", "1s").replace("watch_limit: 40s", "on_inconclusive: accept")


def test_a_share_of_visitors_gets_the_new_version_and_keeps_it() -> None:
    with serving("    canary: [30]\n    canary_step: 3s\n", quick=LENIENT) as one:
        operation = one.ask(version="2")
        with load_on(one.port) as load, httpx.Client(base_url=one.url, timeout=5) as visitor:
            working = threading.Thread(target=one.service.work)
            working.start()
            await_that(lambda: one.means.edge.selection("tiny").share == 30, "30 % get version 2")
            await_that(lambda: "Set-Cookie" in visitor.get("/").headers, "visitors get a number")
            drawn = visitor.cookies["insight_number"]
            visitor.cookies.clear()
            numbers = ("00", "29", "30", "99")
            seen = {n: _visit(visitor, Cookie=f"insight_number={n}") for n in numbers}
            asked = {h: _visit(visitor, **{"X-Insight-Canary": h}) for h in ("always", "never")}
            share = one.means.edge.selection("tiny").share
            working.join()
        done = one.means.journal.operation(operation.id)
        assert done.state == "done", one.story(done)
    assert share == 30, "the step was over before the visitors had come"
    assert drawn.isdigit()
    assert seen == {"00": "2", "29": "2", "30": "1", "99": "1"}
    assert asked == {"always": "2", "never": "1"}
    assert load.failures == []


def _visit(visitor: httpx.Client, **headers: str) -> str:
    return str(visitor.get("/", headers=headers).json()["version"])


TESTS = "    tests: sh -c 'test ! -e broken'\n"
HOOKS = "    hooks:\n" + "".join(
    f"      {name}: sh -c 'echo {name} $$INSIGHT_RELEASE $$INSIGHT_ASKED_BY >> hooks.log'\n"
    for name in ("before-build", "before-switch", "after-switch", "on-rollback")
)


def test_hooks_run_beside_the_compose_file_each_in_its_place() -> None:
    with serving(HOOKS + TESTS) as one:
        log = one.folder / "hooks.log"
        log.unlink()
        operation = one.deploy(quick=True, version="2")
        assert operation.state == "done", one.story(operation)
        assert log.read_text().split("\n") == [
            "before-build ada",
            f"before-switch {operation.release} ada",
            f"after-switch {operation.release} ada",
            "",
        ]
        log.unlink()
        (one.folder / "broken").touch()
        failed = one.deploy(quick=True, version="3")
        assert failed.state == "failed", one.story(failed)
        names = [line.split()[0] for line in log.read_text().splitlines()]
        assert names == ["before-build", "before-switch", "after-switch", "on-rollback"]


def test_a_hook_that_fails_before_the_switch_ends_the_release() -> None:
    licence = "sh -c 'test ! -e broken || (echo no licence; exit 3)'"
    with serving(f"    hooks:\n      before-switch: {licence}\n") as one:
        (one.folder / "broken").touch()
        operation = one.deploy(quick=True, version="2")
        assert (operation.state, version(one)) == ("failed", "1"), one.story(operation)
        assert operation.failure is not None
        assert operation.failure["code"] == "hook_failed"
        assert "no licence" in one.story(operation)


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A real HTTP server that keeps what it is told."""
    told: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hook", told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_each_outcome_is_told_to_a_webhook_and_a_dead_one_changes_nothing() -> None:
    with receiver() as (url, told):
        policy = f'    notify: ["{url}", "http://127.0.0.1:1/nobody"]\n'
        with serving(policy + TESTS) as one:
            told.clear()
            good = one.deploy(quick=True, version="2")
            (one.folder / "broken").touch()
            bad = one.deploy(quick=True, version="3")
    assert [one["state"] for one in told] == ["done", "failed"]
    assert [one["release"] for one in told] == [good.release, bad.release]
    assert told[1]["summary"] == bad.summary


def test_maintenance_closes_for_visitors_and_not_for_health_checks() -> None:
    with serving() as one:
        releasing.set_maintenance(one.context, "ada", on=True)
        closed = httpx.get(one.url, timeout=5)
        assert (closed.status_code, closed.headers["Retry-After"]) == (503, "30")
        assert "Closed for maintenance" in closed.text
        assert httpx.get(f"{one.url}/up", timeout=5).status_code == 200
        assert one.means.journal.unit("tiny").maintenance_by == "ada"
        releasing.set_maintenance(one.context, "ada", on=False)
        assert version(one) == "1"


APPROVED = "    approval: another\n"


def test_a_release_waits_until_somebody_else_approves_the_plan_that_it_has() -> None:
    with serving(APPROVED) as one:
        operation = after(one, one.ask(version="2"))
        assert (operation.state, version(one)) == ("waiting", "1"), one.story(operation)
        release = operation.release or ""
        with pytest.raises(AccessDeniedError, match="wants somebody else to approve it"):
            releasing.approve(one.context, release, "ada", "it is fine")
        with pytest.raises(ConflictError, match=r"the plan of release \w+ is \w+ now, not 0000"):
            releasing.approve(one.context, release, "bob", "", expected="0000")
        with pytest.raises(ConflictError, match=r"is \w+ now, not accept"):
            releasing.approve(one.context, release, "bob", "", expected="accept")
        assert after(one, operation).state == "waiting"
        looked_at = releasing.outlook(one.context, operation)
        assert "switch" in looked_at.left
        agreed = releasing.approve(
            one.context, release, "bob", "looked at the migration", expected=looked_at.plan
        )
        assert agreed.plan in operation.summary
        working = threading.Timer(0.3, one.service.work)
        working.start()
        *_, done = releasing.follow(one.means.journal, operation.id)
        working.join()
        assert isinstance(done, Operation), "whoever watches sees it to its end"
        assert (done.state, version(one)) == ("done", "2"), one.story(done)
        assert releasing.outlook(one.context, done) == releasing.Outlook()
        [kept] = one.means.journal.agreements(operation.id)
        assert (kept.by, kept.why) == ("bob", "looked at the migration")


def test_a_plan_changes_nothing_and_has_the_hash_that_is_approved_later() -> None:
    with serving(APPROVED) as one:
        before = one.colours()
        asked = one.ask(version="2", plan_only=True)
        planned = after(one, asked)
        assert (planned.state, one.colours(), version(one)) == ("planned", before, "1")
        found = releasing.preview_of(one.context, planned)
        assert found is not None
        steps = [step.key for step in found.steps]
        assert steps.index("health") < steps.index("switch") < steps.index("watch")
        waiting = after(one, one.ask(version="2"))
        assert found.hash in waiting.summary


def test_old_releases_go_and_a_rollback_still_has_its_target() -> None:
    with serving("    keep: 2\n    keep_for: 1ms\n") as one:
        for number in range(2, 6):
            operation = one.deploy(quick=True, version=str(number))
            assert operation.state == "done", one.story(operation)
        kept = [stored.id for stored in one.means.journal.releases("tiny")]
        assert len(kept) == 2
        folders = {path.name for path in (one.context.state.releases / "artefacts").iterdir()}
        used = [one.means.journal.release("tiny", one_id).content["artefacts"] for one_id in kept]
        digests = {str(digest) for artefacts in used for digest in dict(artefacts).values()}  # type: ignore[call-overload]
        assert {f"sha256:{name}" for name in folders} == digests
        assert one.roll_back().state == "done"
        assert version(one) == "4"
        assert releasing.prune(one.context, dry_run=True).releases == ()


def test_what_passed_its_tests_in_staging_is_promoted_with_the_same_artefacts() -> None:
    with ExitStack() as stack:
        staging = stack.enter_context(serving(TESTS, "staging"))
        production = stack.enter_context(serving(APPROVED, "production"))
        (staging.folder / "compose.production.yaml").write_text(
            "services: {web: {environment: {GREETING: secret}}}\n"
            "x-insight: {release: {approval: another}}\n"
        )
        tested = staging.deploy(version="2")
        assert tested.state == "done", staging.story(tested)
        (staging.folder / "behaviour.json").write_text('{"version": "never tested"}')

        promotion = prepare_promotion(staging.context, production.context)
        assert "secret" not in repr(promotion.differences)
        told = list(map(str, promotion.differences))
        assert "services.web.environment.GREETING differs" in told
        assert 'x-insight.release.approval: not given → "another"' in told
        operation = ask_promotion(production.context, promotion, "ada")
        waiting = after(production, operation)
        assert (waiting.state, version(production)) == ("waiting", "1"), waiting.summary
        releasing.approve(production.context, waiting.release or "", "bob", "tested")
        done = after(production, operation)
        assert done.state == "done", production.story(done)
        answer = httpx.get(production.url, timeout=5).json()
        assert (answer["version"], answer["greeting"]) == ("2", "secret")
        stored = production.means.journal.release("tiny", done.release or "")
        tested_unit = staging.means.journal.release("tiny", tested.release or "")
        assert stored.content["artefacts"] == tested_unit.content["artefacts"]
        assert stored.content["promoted"] == {"environment": "staging", "release": tested.release}


def test_what_did_not_pass_its_tests_is_not_promoted() -> None:
    with ExitStack() as stack:
        staging = stack.enter_context(serving(TESTS, "staging"))
        production = stack.enter_context(serving("", "production"))
        (staging.folder / "broken").touch()
        failed = staging.deploy(version="2")
        assert failed.state == "failed", staging.story(failed)
        with pytest.raises(ConflictError, match=r"does not serve; \w+ does"):
            prepare_promotion(staging.context, production.context, failed.release)
        overlay = "services: {web: {build: {args: {LEVEL: other}}}}"
        (staging.folder / "compose.production.yaml").write_text(overlay)
        with pytest.raises(ConflictError, match=r"production changes services\.web\.build"):
            prepare_promotion(staging.context, production.context)
