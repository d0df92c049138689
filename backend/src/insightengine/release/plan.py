"""What is to be done next, from what was observed, what is wanted, and the time. Pure.

The engine carries out the first step of a plan, observes again and plans again. So there is no
difference between going on and starting over: a releaser that was killed at any point is followed
by one that sees what is there and does what is missing.

Invariants, each with a test of its own: the serving colour is never stopped; no visitor reaches a
colour whose checks did not succeed since it was started; nothing is migrated before a restore point
was set; a colour that was taken out is never one that may step in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from insightengine.application.policy import Approval, Hook
from insightengine.core.colours import Colour
from insightengine.core.identity import is_another
from insightengine.release.models import ColourState, Kind, Label, Step, StepKind, digest_of
from insightengine.release.observed import PROVED_OF_A_START, Goal, Observed


@dataclass(frozen=True, slots=True)
class Steps:
    """All that is left to do, in order."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class NoChange:
    """It is as it should be."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was changed and nothing will be."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Waits:
    """For a person: to approve the plan of that hash, or to decide what the gates could not."""

    reason: str
    hint: str
    plan: str | None = None


Plan = Steps | NoChange | Refused | Waits
_TOLERATED_HOOKS = {f"{StepKind.HOOK}:{hook}" for hook in (Hook.AFTER_SWITCH, Hook.ON_ROLLBACK)}
_AFTER_PROOF = {StepKind.REPLACE, StepKind.MIGRATE_DOWN}
_BUILDING = {StepKind.BUILD, StepKind.INSPECT}
_BEFORE_BUILD = f"{StepKind.HOOK}:{Hook.BEFORE_BUILD}"
FAILED = "failed"  # the subject of the drain of a colour that is taken back
IDLE = "idle"  # and of one that was left by an earlier release
_EMPTYING = {StepKind.UNWARM, f"{StepKind.DRAIN}:{IDLE}", StepKind.STOP}
_INCIDENTAL = {StepKind.UNWARM, StepKind.STOP, StepKind.DRAIN}


def plan(goal: Goal, observed: Observed, now: datetime) -> Plan:
    """What is left to do for the goal. The same arguments give the same plan."""
    if goal.kind is Kind.RETIRE:
        return _retire(observed, now)
    if StepKind.FINISH in observed.done or StepKind.FINISH_FAILED in observed.done:
        return NoChange("the operation is over")
    target = target_colour(goal, observed)
    if observed.failure is not None or observed.cancelled_by is not None:
        return Steps(tuple(_taking_back(goal, observed, target)))
    if not _has_begun(observed):
        stopped = _unchanged(goal, observed) or _refusal(goal, observed, now)
        if stopped is not None:
            return stopped
        waits = _missing_approval(goal, observed, target)
        if waits is not None:
            return waits
    if observed.held is not None:
        hint = f"insight approve {goal.release} keeps it, insight release cancel takes it back"
        return Waits(observed.held, hint)
    return Steps(tuple(_forward(goal, observed, target)))


@dataclass(frozen=True, slots=True)
class Preview:
    """What a plan comes to, and all of its steps whoever has to agree first.

    `hash` is what an approval binds to.
    """

    outcome: Plan
    steps: tuple[Step, ...]
    hash: str


def preview(goal: Goal, observed: Observed, now: datetime) -> Preview:
    """The plan as it is shown to somebody who decides about it."""
    found = plan(goal, observed, now)
    target = target_colour(goal, observed)
    is_to_do = isinstance(found, Steps | Waits)
    steps = tuple(_forward(goal, observed, target)) if is_to_do else ()
    return Preview(found, steps, plan_hash(goal, observed, target))


def is_tolerated(goal: Goal, step: Step) -> bool:
    """Whether a failure of the step is told and nothing is taken back for it.

    A rollback that reached its colour is not undone for what comes after: going back would bring
    the release that somebody just wanted to be rid of.
    """
    if step.kind is StepKind.DRAIN or step.key in _TOLERATED_HOOKS:
        return True
    return goal.kind is Kind.ROLLBACK and step.kind in _AFTER_PROOF


def target_colour(goal: Goal, observed: Observed) -> Colour:
    """The colour that the wanted release runs in, or is going to.

    The serving one counts only when this operation itself has switched to it.
    """
    if observed.serving is None:
        return Colour.BLUE
    switched = StepKind.SWITCH in observed.begun and observed.serving_release == goal.release
    return observed.serving if switched else observed.serving.other


def plan_hash(goal: Goal, observed: Observed, target: Colour) -> str:
    """What an approval binds to: the release, what it replaces, and every step.

    Not whether a colour is still warm: that changes by itself while somebody makes up their mind.
    """
    steps = [step.key for step in _whole(goal, observed, target) if step.kind not in _INCIDENTAL]
    return digest_of(
        [
            goal.kind,
            goal.release,
            observed.serving_release,
            goal.label,
            sorted(goal.breaking),
            steps,
        ]
    )[:16]


def colour_state(colour: Colour, observed: Observed, goal: Goal | None = None) -> ColourState:
    """The state of a colour in the words of the documentation."""
    facts = observed.of(colour)
    if facts.release is None:
        return ColourState.ABSENT
    if colour is observed.serving:
        return ColourState.SERVING
    if goal is not None and facts.release == goal.release:
        if observed.failure is not None:
            return ColourState.FAILED
        return ColourState.HEALTHY if StepKind.HEALTH in observed.done else ColourState.STARTING
    if goal is None or goal.stays_warm or StepKind.SWITCH not in observed.done:
        return ColourState.WARM
    return ColourState.WARM if StepKind.DRAIN in observed.done else ColourState.DRAINING


def _has_begun(observed: Observed) -> bool:
    """Whether anything was changed that a refusal would leave half-done; building is no change."""
    return any(
        key.split(":")[0] not in _BUILDING and key != _BEFORE_BUILD for key in observed.begun
    )


def _unchanged(goal: Goal, observed: Observed) -> NoChange | None:
    if observed.serving_release == goal.release and observed.share == 0:
        return NoChange(f"release {goal.release} serves already")
    return None


def _refusal(goal: Goal, observed: Observed, now: datetime) -> Refused | None:
    if goal.unchecked and observed.serving is not None:
        names = ", ".join(goal.unchecked)
        return Refused(
            "no_health_check",
            f"release {goal.release}: {names} cannot be released without a health check; "
            f"{_still(observed)}",
            f"add x-insight.health with a path to {goal.unchecked[0]}",
        )
    if goal.schema_blocks:
        return Refused(
            "schema_moved_on",
            f"release {goal.release} cannot be brought back: {goal.schema_blocks}; "
            f"{_still(observed)}",
            "insight releases lists what can be; a restore goes back further",
        )
    if goal.unsafe:
        return Refused(
            "unsafe_migration",
            f"release {goal.release}: its migrations endanger what serves: "
            f"{'; '.join(goal.unsafe)}; {_still(observed)}",
            "mend them, or accept a rule: x-insight.migrations.allow",
        )
    return _contract_refusal(goal, observed, now)


def _contract_refusal(goal: Goal, observed: Observed, now: datetime) -> Refused | None:
    """What breaks old code has to wait until no old code may come back."""
    if goal.label is Label.INSTANT or observed.serving is None or goal.kind is not Kind.DEPLOY:
        return None
    warm = observed.of(observed.serving.other).release
    if warm is not None and observed.warm_until is not None and now < observed.warm_until:
        at = observed.warm_until.strftime("%H:%M:%S %Z")
        return Refused(
            "contract_too_early",
            f"release {goal.release} breaks older code ({'; '.join(goal.breaking)}), and release "
            f"{warm} may still be rolled back to until {at}; {_still(observed)}",
            f"deploy again after {at}, or end the window now: insight release retire",
        )
    if goal.label is Label.FORWARD_ONLY and not goal.accepts_forward_only:
        return Refused(
            "forward_only",
            f"release {goal.release} cannot be taken back once it has migrated: "
            f"{'; '.join(goal.breaking)}; {_still(observed)}",
            "write down-migrations, or say that you know: insight deploy --forward-only",
        )
    return None


def _still(observed: Observed) -> str:
    before = observed.serving_release
    return f"release {before} still serves" if before else "nothing serves"


def _missing_approval(goal: Goal, observed: Observed, target: Colour) -> Waits | None:
    if goal.approval is Approval.NONE:
        return None
    wanted = plan_hash(goal, observed, target)
    for agreement in observed.agreements:
        counts = goal.approval is Approval.ANYBODY or is_another(agreement.by, goal.asked_by)
        if agreement.plan == wanted and counts:
            return None
    whom = "somebody" if goal.approval is Approval.ANYBODY else f"somebody besides {goal.asked_by}"
    return Waits(
        f"release {goal.release} waits for {whom} to approve plan {wanted}",
        f"insight approve {goal.release}",
        wanted,
    )


def _forward(goal: Goal, observed: Observed, target: Colour) -> Iterator[Step]:
    """Every step that is not yet satisfied. What a restart has undone is asked for again."""
    done = _still_true(goal, observed, target)
    for step in _whole(goal, observed, target):
        if step.key not in done:
            yield step


def _still_true(goal: Goal, observed: Observed, target: Colour) -> frozenset[str]:
    """Keys of steps that need not be done: by the journal, corrected by what is observed."""
    done = set(observed.done)
    runs = observed.of(target).release == goal.release
    if runs and observed.of(target).instances >= observed.wanted_instances:
        done |= {StepKind.START, *_EMPTYING}
    else:
        done -= PROVED_OF_A_START
        if observed.of(target).release in (None, goal.release):
            done |= _EMPTYING
    if not observed.may_step_in:
        done |= {StepKind.UNWARM, f"{StepKind.UNWARM}:old"}
    if observed.serving is target and StepKind.SWITCH in observed.begun:
        done |= {StepKind.SWITCH, *(f"{StepKind.CANARY}:{share}" for share in goal.canary)}
        done |= {f"{StepKind.WATCH}:{share}" for share in goal.canary}
    else:
        done -= {StepKind.SWITCH, StepKind.PROVE}
    return frozenset(map(str, done))


def _whole(goal: Goal, observed: Observed, target: Colour) -> Iterator[Step]:
    """The whole way, in order, whatever was done of it."""
    if goal.kind is Kind.DEPLOY:
        yield Step(StepKind.PROVISION)
        yield from _schema(goal, target)
    yield Step(StepKind.UNWARM, colour=target)
    yield Step(StepKind.DRAIN, IDLE, target)
    yield Step(StepKind.STOP, colour=target)
    yield Step(StepKind.START, colour=target)
    yield Step(StepKind.EDGE, colour=target)  # may reload: not between healthy and served
    yield Step(StepKind.HEALTH, colour=target)
    if goal.has_smoke:
        yield Step(StepKind.SMOKE, colour=target)
    yield from _hook(goal, Hook.BEFORE_SWITCH)
    yield from _canary(goal, target)
    yield Step(StepKind.SWITCH, colour=target)
    yield Step(StepKind.PROVE, colour=target)
    if goal.has_singles:
        yield Step(StepKind.REPLACE, colour=target)
    if goal.takes_schema_back:
        yield Step(StepKind.MIGRATE_DOWN)
    yield from _hook(goal, Hook.AFTER_SWITCH)
    if goal.has_tests:
        yield Step(StepKind.TESTS, colour=target)
    if goal.checks:
        yield Step(StepKind.WATCH, colour=target)
    if observed.of(target.other).release is not None and not goal.stays_warm:
        yield Step(StepKind.DRAIN, colour=target.other)
        yield Step(StepKind.UNWARM, "old", target.other)
        yield Step(StepKind.STOP, "old", target.other)
    yield Step(StepKind.FINISH, colour=target)


def _schema(goal: Goal, target: Colour) -> Iterator[Step]:
    if goal.has_migrations:
        yield Step(StepKind.RESTORE_POINT)
        yield from _hook(goal, Hook.BEFORE_MIGRATE)
        yield Step(StepKind.MIGRATE)
        if goal.previous is not None:
            yield Step(StepKind.VERIFY_OLD, colour=target.other)


def _canary(goal: Goal, target: Colour) -> Iterator[Step]:
    for share in goal.canary if goal.previous is not None else ():
        yield Step(StepKind.CANARY, str(share), target)
        if goal.checks:
            yield Step(StepKind.WATCH, str(share), target)


def _hook(goal: Goal, hook: Hook) -> Iterator[Step]:
    if hook in goal.hooks:
        yield Step(StepKind.HOOK, hook.value)


def _taking_back(goal: Goal, observed: Observed, target: Colour) -> Iterator[Step]:
    """Visitors first, then workers, then the schema; what failed is stopped last.

    What a visitor began on the failed colour is finished before its schema or its process goes.
    """
    old = target.other
    has_old = observed.of(old).release is not None
    for step in _visitors_back(observed, target, old, has_old=has_old):
        if step.key not in observed.done or observed.serving is target or observed.share:
            yield step
    rest = []
    if StepKind.REPLACE in observed.begun and has_old:
        rest.append(Step(StepKind.REPLACE_BACK, colour=old))
    if _has_begun(observed):
        rest += _hook(goal, Hook.ON_ROLLBACK)
    if has_old and _had_visitors(observed, target):
        rest.append(Step(StepKind.DRAIN, FAILED, target))
    if _schema_goes_back(goal, observed):
        rest.append(Step(StepKind.MIGRATE_DOWN))
    if observed.of(target).release == goal.release and (has_old or observed.serving is not target):
        rest.append(Step(StepKind.STOP_FAILED, colour=target))
    rest.append(Step(StepKind.FINISH_FAILED))
    yield from (step for step in rest if step.key not in observed.done)


def _visitors_back(
    observed: Observed, target: Colour, old: Colour, *, has_old: bool
) -> Iterator[Step]:
    """Nothing to go back to: the only serving colour stays, whatever is wrong with it."""
    if has_old and _had_visitors(observed, target):
        yield Step(StepKind.SWITCH_BACK, colour=old)
        yield Step(StepKind.PROVE_BACK, colour=old)


def _had_visitors(observed: Observed, target: Colour) -> bool:
    moved = observed.serving is target or observed.share > 0
    return moved or StepKind.SWITCH_BACK in observed.begun


def _schema_goes_back(goal: Goal, observed: Observed) -> bool:
    """When old code may not run on it: by the label, or because it was tried and did not."""
    if StepKind.MIGRATE not in observed.begun or not goal.has_down:
        return False
    failed = observed.failure.step if observed.failure else ""
    return goal.label is Label.WITH_DOWN or failed in (StepKind.VERIFY_OLD, StepKind.MIGRATE)


def _retire(observed: Observed, now: datetime) -> Plan:
    """Stops the colour whose rollback window is over."""
    if observed.serving is None:
        return NoChange("nothing serves")
    idle = observed.serving.other
    if observed.of(idle).release is None and not observed.may_step_in:
        return NoChange("no colour is kept warm")
    if observed.warm_until is not None and now < observed.warm_until:
        left = observed.warm_until - now
        return NoChange(f"the rollback window is open for {left // timedelta(seconds=1)} s")
    steps = [Step(StepKind.UNWARM, colour=idle)] if observed.may_step_in else []
    if observed.of(idle).release is not None:
        drain = Step(StepKind.DRAIN, IDLE, idle)
        steps += [drain] if drain.key not in observed.done else []
        steps.append(Step(StepKind.STOP, colour=idle))
    return Steps((*steps, Step(StepKind.FINISH, colour=observed.serving)))
