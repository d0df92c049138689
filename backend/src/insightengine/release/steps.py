"""What each step does. Idempotent; raises InsightError when it failed."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from insightengine.application.policy import Hook, SmokeRequest
from insightengine.core.colours import Colour
from insightengine.core.errors import ConflictError, NotFoundError, UnavailableError
from insightengine.edge.models import Address, Selection
from insightengine.release.checks import await_healthy, problem_of, send
from insightengine.release.migrations.tool import MigrationTool
from insightengine.release.models import Kind, Step, StepKind
from insightengine.release.plan import FAILED, IDLE
from insightengine.release.run import Run
from insightengine.release.tools import migrated, retried, tool_of
from insightengine.release.watch import Watch
from insightengine.runtimes.port import Instance, Unit

_SHOWN_LINES = 15
_HOOK_TIMEOUT_S = 600.0
_PROOF_S = 10.0
Detail = dict[str, object]


def perform(run: Run, step: Step) -> Detail:
    """Carries out one step and says what is worth keeping of it."""
    return _ACTIONS[step.kind](run, step)


def _unit(run: Run) -> Unit:
    if run.unit is None:
        raise ConflictError("the release was not prepared")
    return run.unit


def _old(run: Run) -> Unit:
    if run.old is None:
        raise ConflictError("there is no previous release")
    return run.old


def _colour(step: Step) -> Colour:
    return step.colour or Colour.BLUE


def _provision(run: Run, _: Step) -> Detail:
    run.means.provision(_unit(run))
    return {}


def _restore_point(run: Run, step: Step) -> Detail:
    name = f"before-release-{_unit(run).release}-{run.operation.id}"
    where = run.means.restore_point(name)
    told = f"restore point {name} at {where}" if where else "its databases have no restore points"
    run.tell(step.key, told)
    return {"name": name, "lsn": where or ""}


def _migrate(run: Run, step: Step) -> Detail:
    unit = _unit(run)
    heads: dict[str, str] = {}
    for service in migrated(unit):
        tool = tool_of(run.means, unit, service, _config(run), "")
        attempts = service.migrations.attempts if service.migrations else 1
        heads[service.name] = retried(
            _upward(run, step, tool),
            attempts,
            lambda attempt: _pause(run, step, attempt),
        )
        run.tell(step.key, f"{service.name}: the schema is at {heads[service.name] or 'its start'}")
    return {"heads": heads}


def _upward(run: Run, step: Step, tool: MigrationTool) -> Callable[[], str]:
    return lambda: tool.up(lambda line: run.tell(step.key, line))


def _pause(run: Run, step: Step, attempt: int) -> None:
    """Full jitter: whoever holds the lock does not meet us at the same moment again."""
    run.refuse_cancelled()
    seconds = random.uniform(0.1, min(10.0, 0.5 * 2**attempt))  # noqa: S311 -- no secret
    run.tell(step.key, f"a lock was not free; attempt {attempt + 1} in {seconds:.1f} s")
    time.sleep(seconds)


def _migrate_down(run: Run, step: Step) -> Detail:
    """By the newer release's tools: only they know the migrations that are to be taken back."""
    is_rollback = run.goal is not None and run.goal.takes_schema_back
    newer = _old(run) if is_rollback else _unit(run)
    wanted = _target_heads(run, is_rollback=is_rollback)
    config = run.means.journal.release(newer.name, newer.release).config
    heads: dict[str, str] = {}
    for service in migrated(newer):
        head = wanted.get(service.name, "")
        tool = tool_of(run.means, newer, service, config, str(head))
        heads[service.name] = tool.down(str(head), lambda line: run.tell(step.key, line))
    return {"heads": heads}


def _target_heads(run: Run, *, is_rollback: bool) -> Mapping[str, object]:
    content = run.stored.content if run.stored else {}
    heads = content.get("schema" if is_rollback else "heads_before", {})
    return heads if isinstance(heads, Mapping) else {}


def _config(run: Run) -> Mapping[str, object]:
    return run.stored.config if run.stored else {}


def _verify_old(run: Run, step: Step) -> Detail:
    """The code that serves has to work on the schema as it is now."""
    return _smoke_of(run, step, _old(run), _colour(step), with_health=True)


def _unwarm(run: Run, step: Step) -> Detail:
    unit = _unit(run).name
    serving = run.means.edge.selection(unit).colour
    run.means.edge.switch(unit, Selection(serving))
    return {}


def _stop(run: Run, step: Step) -> Detail:
    """The plan never asks for it; this is the last line of defence."""
    unit, colour = _unit(run).name, _colour(step)
    if step.kind is not StepKind.STOP_FAILED or run.old is not None:
        _refuse_serving(run, unit, colour)
    run.means.runtime.stop(unit, colour)
    return {}


def _refuse_serving(run: Run, unit: str, colour: Colour) -> None:
    try:
        selection = run.means.edge.selection(unit)
    except NotFoundError:
        return
    if selection.colour is colour and run.means.journal.unit(unit).serving is not None:
        raise ConflictError(f"{unit} {colour} serves and is not stopped", code="serving")


def _stop_failed(run: Run, step: Step) -> Detail:
    lines = _last_lines(run, _unit(run), _colour(step))
    run.means.runtime.stop(_unit(run).name, _colour(step))
    return {"last_lines": lines}


def _start(run: Run, step: Step) -> Detail:
    run.means.runtime.start(_colour(step), _unit(run))
    return {}


def _health(run: Run, step: Step) -> Detail:
    unit, colour = _unit(run), _colour(step)
    for service in unit.coloured:
        if service.health is None:
            run.tell(step.key, f"{service.name} has no health check: nothing is known of it")
            continue
        for number in range(service.replicas):
            look = _looker(run, unit, colour, service.name, number)
            try:
                await_healthy(
                    service.health,
                    look,
                    lambda line: run.tell(step.key, line),
                    run.refuse_cancelled,
                )
            except UnavailableError as error:
                raise _unhealthy(run, unit, colour, service.name, error) from None
    return {}


def _looker(
    run: Run, unit: Unit, colour: Colour, service: str, number: int
) -> Callable[[], Instance | None]:
    def look() -> Instance | None:
        own = [one for one in _instances(run, unit, colour) if one.service == service]
        return own[number] if number < len(own) else None

    return look


def _unhealthy(
    run: Run, unit: Unit, colour: Colour, service: str, error: UnavailableError
) -> UnavailableError:
    lines = run.means.runtime.logs(unit.name, colour, service, _SHOWN_LINES)
    told = "".join(f"\n    {line}" for line in lines)
    return UnavailableError(
        f"{service} of release {unit.release} is not healthy: {error.message}{told}",
        code=error.code,
        hint=f"insight logs {service}.{colour}",
    )


def _instances(run: Run, unit: Unit, colour: Colour) -> list[Instance]:
    found = run.means.runtime.instances(unit.name)
    return [one for one in found if one.colour is colour and one.release == unit.release]


def _last_lines(run: Run, unit: Unit, colour: Colour) -> Mapping[str, list[str]]:
    return {
        service.name: list(run.means.runtime.logs(unit.name, colour, service.name, 50))
        for service in unit.coloured
    }


def _smoke(run: Run, step: Step) -> Detail:
    return _smoke_of(run, step, _unit(run), _colour(step), with_health=False)


def _smoke_of(run: Run, step: Step, unit: Unit, colour: Colour, *, with_health: bool) -> Detail:
    count = 0
    for instance in _instances(run, unit, colour):
        service = unit.source.application.service(instance.service)
        if service is None or instance.port is None:
            continue
        requests = list(service.smoke)
        if with_health and service.health is not None:
            requests.append(SmokeRequest(service.health.path, status=200))
        for request in requests:
            answered = send(instance.host or "127.0.0.1", instance.port, request)
            problem = problem_of(request, answered)
            asked = f"{instance.name} {request.method} {request.path}"
            run.tell(step.key, f"{asked}: {problem or answered}")
            count += 1
            if problem is not None:
                raise UnavailableError(
                    f"{asked} of release {unit.release}: {problem}",
                    code="smoke_failed",
                    hint=f"insight logs {instance.name}",
                )
    return {"requests": count}


def _edge(run: Run, step: Step) -> Detail:
    old = {_colour(step).other: run.old} if run.old is not None else {}
    run.means.install({**old, _colour(step): _unit(run)})  # the last one describes shared sites
    return {}


def _canary(run: Run, step: Step) -> Detail:
    unit = _unit(run).name
    run.means.edge.switch(unit, Selection(_colour(step).other, share=int(step.subject)))
    return {"share": int(step.subject)}


def _switch(run: Run, step: Step) -> Detail:
    """From here on the old colour answers when the new one does not."""
    began = time.monotonic()
    unit = _unit(run).name
    run.means.edge.switch(unit, Selection(_colour(step), warm=run.old is not None))
    return {"ms": round(1000 * (time.monotonic() - began), 1)}


def _prove(run: Run, step: Step) -> Detail:
    return _proof(run, _unit(run), _colour(step))


def _proof(run: Run, unit: Unit, colour: Colour) -> Detail:
    began = time.monotonic()
    for site in run.means.sites(unit):
        run.means.edge.prove(site, unit.release, colour, timeout_s=_PROOF_S)
    return {"ms": round(1000 * (time.monotonic() - began), 1)}


def _switch_back(run: Run, step: Step) -> Detail:
    unit = _unit(run).name
    run.means.edge.switch(unit, Selection(_colour(step)))
    return {}


def _prove_back(run: Run, step: Step) -> Detail:
    return _proof(run, _old(run), _colour(step))


def _replace(run: Run, step: Step) -> Detail:
    run.means.runtime.replace(_unit(run), _colour(step))
    return {}


def _replace_back(run: Run, step: Step) -> Detail:
    run.means.runtime.replace(_old(run), _colour(step))
    return {}


def run_hook(run: Run, step: Step, commands: tuple[tuple[str, ...], ...], folder: Path) -> Detail:
    """Commands of the application, in the folder of its file; they hold no lock of ours."""
    environment = {
        **os.environ,
        "INSIGHT_RELEASE": run.goal.release if run.goal else "",
        "INSIGHT_PREVIOUS": (run.goal.previous or "") if run.goal else "",
        "INSIGHT_OPERATION": str(run.operation.id),
        "INSIGHT_ASKED_BY": run.operation.asked_by,
    }
    for command in commands:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=_HOOK_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(
                f"`{' '.join(command)}` cannot be run: {error}", code="hook_failed"
            ) from None
        for line in done.stdout.splitlines():
            run.tell(step.key, line)
        if done.returncode != 0:
            raise UnavailableError(
                f"`{' '.join(command)}` exited with {done.returncode}", code="hook_failed"
            )
    return {}


def _hook(run: Run, step: Step) -> Detail:
    source = _unit(run).source
    hooks = source.application.release.hooks
    return run_hook(run, step, hooks.get(Hook(step.subject), ()), source.folder)


def _tests(run: Run, step: Step) -> Detail:
    source = _unit(run).source
    return run_hook(run, step, source.application.release.tests, source.folder)


def _watch(run: Run, step: Step) -> Detail:
    return Watch(run, step, _unit(run)).until_decided()


def _drain(run: Run, step: Step) -> Detail:
    """Waits for what the left colour began; what is not over after the time-out ends when it is
    stopped. Taking back is not cancelled: it is what cancelling does; nor is retiring."""
    is_final = step.subject == FAILED or run.operation.kind == Kind.RETIRE
    may_go_on = run.refuse_lost if is_final else run.refuse_cancelled
    addresses = {
        Address(one.host, one.port)
        for one in run.means.runtime.instances(_unit(run).name)
        if one.colour is step.colour and one.host and one.port
    }
    limit = timedelta(seconds=_unit(run).source.application.release.drain_timeout_s)
    deadline = _left_at(run, step) + limit
    while (left := run.means.edge.connections(addresses)) and run.means.now() < deadline:
        may_go_on()
        time.sleep(0.1)
    return {"unfinished": left}


def _left_at(run: Run, step: Step) -> datetime:
    """Since when no new visitor reaches the colour, or a little later."""
    if step.subject == FAILED:
        return run.since(step.key)
    if step.subject != IDLE:
        return run.since(StepKind.SWITCH)
    return run.means.journal.unit(run.operation.unit).serving_since or run.means.now()


_ACTIONS: Mapping[StepKind, Callable[[Run, Step], Detail]] = {
    StepKind.HOOK: _hook,
    StepKind.PROVISION: _provision,
    StepKind.RESTORE_POINT: _restore_point,
    StepKind.MIGRATE: _migrate,
    StepKind.VERIFY_OLD: _verify_old,
    StepKind.UNWARM: _unwarm,
    StepKind.STOP: _stop,
    StepKind.START: _start,
    StepKind.HEALTH: _health,
    StepKind.SMOKE: _smoke,
    StepKind.EDGE: _edge,
    StepKind.CANARY: _canary,
    StepKind.SWITCH: _switch,
    StepKind.PROVE: _prove,
    StepKind.REPLACE: _replace,
    StepKind.TESTS: _tests,
    StepKind.WATCH: _watch,
    StepKind.DRAIN: _drain,
    StepKind.SWITCH_BACK: _switch_back,
    StepKind.PROVE_BACK: _prove_back,
    StepKind.REPLACE_BACK: _replace_back,
    StepKind.MIGRATE_DOWN: _migrate_down,
    StepKind.STOP_FAILED: _stop_failed,
}
