"""A world of two colours in which steps have their effects, and may be interrupted or fail."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from insightengine.core.colours import Colour
from insightengine.release.models import Failure, Step, StepKind
from insightengine.release.observed import ColourFacts, Goal, Observed, Progress
from insightengine.release.plan import (
    Plan,
    Steps,
    is_tolerated,
    plan,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
OLD, NEW = "aaaaaaaa", "bbbbbbbb"
_TRAFFIC = {StepKind.CANARY, StepKind.SWITCH}


class Killed(Exception):  # noqa: N818 -- that is what happens
    """The releaser died at this point."""


@dataclass
class World:
    """`trace` are the steps whose effect took place; `checked` the colours that proved healthy;
    `unfinished` those where a visitor may still wait for an answer."""

    observed: Observed
    goal: Goal
    trace: list[Step] = field(default_factory=list)
    checked: set[Colour] = field(default_factory=set)
    unfinished: set[Colour] = field(default_factory=set)
    has_restore_point: bool = False
    schema: str = "old"
    singles: str | None = OLD

    def plan(self) -> Plan:
        return plan(self.goal, self.observed, NOW)

    def run(
        self,
        *,
        fails: frozenset[str] = frozenset(),
        killed_at: int | None = None,
        limit: int = 200,
    ) -> Plan:
        """Steps until the plan has none; `killed_at` counts intents, effects and results."""
        moment = 0
        for _ in range(limit):
            found = self.plan()
            if not isinstance(found, Steps) or not found.steps:
                return found
            step = found.steps[0]
            for part in (self.intend, lambda step: self.act(step, fails), self.note):
                if moment == killed_at:
                    raise Killed
                moment += 1
                if part(step) is False:
                    break
        raise AssertionError(f"the plan does not end: {self.trace[-10:]}")

    def intend(self, step: Step) -> bool:
        self.observed = replace(self.observed, progress=self.observed.progress.begin(step.key))
        return True

    def note(self, step: Step) -> bool:
        self.observed = replace(self.observed, progress=self.observed.progress.succeed(step.key))
        return True

    def act(self, step: Step, fails: frozenset[str]) -> bool:
        if step.key in fails and not is_tolerated(self.goal, step):
            failure = Failure(step.key, "failed", f"{step.key} failed")
            self.observed = replace(self.observed, failure=self.observed.failure or failure)
            return False
        self._refuse_what_must_not_be(step)
        self.trace.append(step)
        self._effect(step)
        return True

    def _refuse_what_must_not_be(self, step: Step) -> None:
        """The invariants of the plan."""
        if step.kind in (StepKind.STOP, StepKind.STOP_FAILED):
            assert step.colour is not self.observed.serving, "the serving colour was stopped"
            assert not self.observed.may_step_in, "a stopped colour may step in"
            assert self.observed.share == 0, "visitors were on a stopped colour"
            assert step.colour not in self.unfinished, "what a visitor began was cut off"
        if step.kind in _TRAFFIC:
            assert step.colour in self.checked, "visitors reached an unchecked colour"
            assert self.observed.of(step.colour).release == self.goal.release
        if step.kind is StepKind.MIGRATE:
            assert self.has_restore_point, "migrated without a restore point"
        if step.kind is StepKind.START:
            assert step.colour is not self.observed.serving
            assert self.observed.of(step.colour).release in (None, self.goal.release)
            assert not self.observed.may_step_in, "a starting colour may step in"

    def _effect(self, step: Step) -> None:
        colour = step.colour or Colour.BLUE
        has_old = self.observed.of(colour.other).release is not None
        edge: dict[StepKind, dict[str, object]] = {
            StepKind.UNWARM: {"may_step_in": False},
            StepKind.CANARY: {"share": int(step.subject) if step.subject.isdigit() else 0},
            StepKind.SWITCH: {"serving": colour, "share": 0, "may_step_in": has_old},
            StepKind.SWITCH_BACK: {"serving": colour, "share": 0, "may_step_in": False},
        }
        self.observed = replace(self.observed, **edge.get(step.kind, {}))  # type: ignore[arg-type]
        if step.kind is StepKind.START:
            self._put(colour, ColourFacts(self.goal.release, 1))
        elif step.kind in (StepKind.STOP, StepKind.STOP_FAILED):
            self._put(colour, ColourFacts())
            self.checked.discard(colour)
        elif step.kind is StepKind.HEALTH:
            self.checked.add(colour)
        elif step.kind in _TRAFFIC:
            self.unfinished.add(colour)
        elif step.kind is StepKind.DRAIN:
            self.unfinished.discard(colour)
        self.has_restore_point |= step.kind is StepKind.RESTORE_POINT
        self.schema = {StepKind.MIGRATE: "new", StepKind.MIGRATE_DOWN: "old"}.get(
            step.kind, self.schema
        )
        self.singles = {
            StepKind.REPLACE: self.goal.release,
            StepKind.REPLACE_BACK: self.goal.previous,
        }.get(step.kind, self.singles)

    def _put(self, colour: Colour, facts: ColourFacts) -> None:
        colours = {**self.observed.colours, colour: facts}
        self.observed = replace(self.observed, colours=colours)


def world(goal: Goal, *, warm: str | None = None, serving: bool = True) -> World:
    """Blue serves the old release; green may still be warm with an older one."""
    colours = {Colour.BLUE: ColourFacts(OLD, 1)} if serving else {}
    if warm:
        colours[Colour.GREEN] = ColourFacts(warm, 1)
    observed = Observed(
        serving=Colour.BLUE if serving else None,
        colours=colours,
        may_step_in=warm is not None,
        warm_until=NOW + timedelta(minutes=5) if warm else None,
    )
    used = {Colour.BLUE, Colour.GREEN} if warm else {Colour.BLUE}
    return World(observed, goal, checked=set(used), unfinished=set(used) if serving else set())


def without_journal(observed: Observed) -> Observed:
    """What a visitor or an operator could tell apart."""
    return replace(observed, progress=Progress())
