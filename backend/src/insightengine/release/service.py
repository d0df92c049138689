"""Carries out operations: observes, asks the plan, does the first step, and begins again."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from insightengine.application.policy import Hook
from insightengine.core.colours import Colour
from insightengine.core.errors import InsightError, NotFoundError, UnavailableError
from insightengine.release.codec import (
    failure_from_json,
    failure_to_json,
    goal_from_json,
    goal_to_json,
)
from insightengine.release.means import Means
from insightengine.release.models import ACCEPT as ACCEPT
from insightengine.release.models import Failure, Kind, OperationState, Step, StepKind
from insightengine.release.notify import notify
from insightengine.release.observed import Agreement, ColourFacts, Goal, Observed
from insightengine.release.plan import (
    NoChange,
    Plan,
    Refused,
    Steps,
    Waits,
    is_tolerated,
    plan,
)
from insightengine.release.prepare import Prepared, adopted, close, require_switchable, rollback
from insightengine.release.run import LEASE_S, CancelledError, HeldError, Run, heartbeat
from insightengine.release.steps import perform, run_hook
from insightengine.release.tidy import find_surplus, remove
from insightengine.runtimes.port import Artefact, Source
from insightengine.stores.journal.port import Asked, LeaseLostError, Operation, Phase

_log = logging.getLogger(__name__)
_RETRY_S = 1.0
_MOST_RETRIES = 30  # of one step in a row: it fails, or is done and changes nothing
_BUILD = "build"


class ReleaseService:
    def __init__(self, means: Means) -> None:
        self._means = means

    def work(self) -> bool:
        """Carries out what is under way and may be acted on; whether there was anything."""
        did = False
        for operation in self._means.journal.active():
            if not self._means.cares_for(operation.unit):
                continue
            did = self._carry_out(operation) or did
        return did

    def retire_due(self) -> None:
        """Asks for the warm colours to be stopped whose rollback window is over."""
        now = self._means.now()
        for state in self._means.journal.units():
            is_due = state.warm and state.warm_until and state.warm_until <= now
            if is_due and self._means.cares_for(state.unit):
                with suppress(InsightError):
                    asked = Asked(state.unit, Kind.RETIRE.value, "the rollback window")
                    self._means.journal.ask(asked, now)

    def _carry_out(self, operation: Operation) -> bool:
        lease = self._means.journal.take(operation.unit, LEASE_S)
        if lease is None:
            return False
        try:
            with heartbeat(self._means, lease) as lost:
                run = Run(self._means, lease, operation, lost=lost)
                run.refresh()
                return self._proceed(run)
        except LeaseLostError as error:
            _log.warning("%s", error.message)
            return False
        finally:
            self._means.journal.give_back(lease)

    def _proceed(self, run: Run) -> bool:
        """Until the operation is over or waits for a person."""
        if run.operation.state == OperationState.QUEUED:
            run.update(state=OperationState.RUNNING.value, started_at=self._means.now())
        try:
            self._prepare(run)
        except InsightError as error:
            if isinstance(error, LeaseLostError):
                raise
            self._end_unprepared(run, error)
            return True
        if run.operation.parameters.get("plan_only"):
            self._end_planned(run)
            return True
        did = False
        last, times = "", 0
        while True:
            run.refresh()
            self._take_acceptance(run)
            found = self.plan(run)
            if not isinstance(found, Steps):
                return self._settle(run, found) or did
            did = True
            if run.operation.state == OperationState.WAITING:
                run.update(state=OperationState.RUNNING.value)  # somebody approved it
            step = found.steps[0]
            times = times + 1 if step.key == last else 1  # failed, or done without effect
            last = step.key
            self._do(run, step)
            if times > _MOST_RETRIES:
                self._give_up(run)
                return True

    def _end_planned(self, run: Run) -> None:
        """Only the plan was asked for: nothing but a build was done."""
        match found := self.plan(run):
            case Steps() | Waits():
                summary = f"release {run.operation.release} was planned; nothing was changed"
                self._end(run, OperationState.PLANNED, summary)
            case _:
                self._settle(run, found)

    def _take_acceptance(self, run: Run) -> None:
        """Somebody decided what the gates could not: the watch counts as done."""
        if run.operation.held is None:
            return
        accepted = [a for a in self._means.journal.agreements(run.operation.id) if a.plan == ACCEPT]
        watches = [
            entry.step
            for entry in self._means.journal.entries(run.operation.id)
            if entry.phase is Phase.FAILED and entry.step.startswith(StepKind.WATCH)
        ]
        if accepted and watches:
            run.done(watches[-1], {"accepted": accepted[-1].by})
            run.update(held=None, state=OperationState.RUNNING.value)

    def plan(self, run: Run) -> Plan:
        goal = run.goal
        if goal is None:
            raise NotFoundError("the operation was not prepared")
        return plan(goal, self.observe(run), self._means.now())

    def observe(self, run: Run) -> Observed:
        """The world, through the ports, and the journal."""
        unit, operation = run.operation.unit, run.operation
        colours = self._colours(unit)
        state = self._means.journal.unit(unit)
        selection = None
        with suppress(NotFoundError):
            selection = self._means.edge.selection(unit)
        serves = selection is not None and colours.get(selection.colour, ColourFacts()).release
        is_first = state.serving is None and StepKind.SWITCH not in run.progress().begun
        serving = selection.colour if selection and serves and not is_first else None
        wanted = sum(s.replicas for s in run.unit.coloured) if run.unit else 1
        return Observed(
            serving=serving,
            share=selection.share if selection and serving else 0,
            may_step_in=bool(selection and serving and selection.warm),
            colours=colours,
            wanted_instances=wanted,
            progress=run.progress(),
            failure=failure_from_json(operation.failure) if operation.failure else None,
            cancelled_by=operation.cancelled_by,
            held=operation.held,
            agreements=tuple(
                Agreement(one.plan, one.by) for one in self._means.journal.agreements(operation.id)
            ),
            warm_until=state.warm_until,
        )

    def _colours(self, unit: str) -> dict[Colour, ColourFacts]:
        found: dict[Colour, ColourFacts] = {}
        for one in self._means.runtime.instances(unit):
            if one.colour is not None:
                before = found.get(one.colour, ColourFacts())
                failing = before.failing + (one.state.value in ("failed", "unhealthy"))
                found[one.colour] = ColourFacts(one.release, before.instances + 1, failing)
        return found

    def _prepare(self, run: Run) -> None:
        """Builds and inspects, unless it was done already; then the units are at hand."""
        operation = run.operation
        if operation.facts is not None:
            run.goal = goal_from_json(operation.facts)
        elif operation.kind == Kind.RETIRE.value:
            serving = self._means.journal.unit(operation.unit).serving or ""
            run.goal = Goal(Kind.RETIRE, serving)
            run.update(facts=goal_to_json(run.goal), release=serving or None)
        else:
            prepared = (
                rollback(self._means, operation)
                if operation.kind == Kind.ROLLBACK.value
                else self._build(run)
            )
            run.goal = prepared.goal
            run.update(
                facts=goal_to_json(prepared.goal),
                release=prepared.goal.release,
                previous=prepared.goal.previous,
            )
        self._open_units(run, run.goal)

    def _open_units(self, run: Run, goal: Goal) -> None:
        journal = self._means.journal
        run.stored = journal.release(run.operation.unit, goal.release)
        run.unit = self._means.open_unit(run.stored)
        if goal.previous is not None and goal.previous != goal.release:
            run.old = self._means.open_unit(journal.release(run.operation.unit, goal.previous))

    def _build(self, run: Run) -> Prepared:
        source, config = self._means.read(run.operation.parameters)
        require_switchable(run.operation.unit, source)
        hooks = source.application.release.hooks.get(Hook.BEFORE_BUILD, ())
        if hooks:
            step = Step(StepKind.HOOK, Hook.BEFORE_BUILD)
            run.begin(step.key)
            run_hook(run, step, hooks, source.folder)
            run.done(step.key)
        artefacts: dict[str, str] = {}
        for service in source.started:
            run.refuse_cancelled()
            key = f"{_BUILD}:{service.name}"
            run.begin(key)
            artefact = self._obtain(run, source, service.name, key)
            artefacts[service.name] = artefact.digest
            run.done(key, {"digest": artefact.digest})
        run.begin(StepKind.INSPECT)
        prepared = close(self._means, run.operation, source, config, artefacts)
        for warning in prepared.schema.warnings:
            run.tell(StepKind.INSPECT, warning)
        run.done(StepKind.INSPECT, {"release": prepared.stored.id, "label": prepared.goal.label})
        return prepared

    def _obtain(self, run: Run, source: Source, service: str, key: str) -> Artefact:
        """Built from the source; what was tested elsewhere is taken as it is."""

        def tell(line: str) -> None:
            run.tell(key, line)

        promoted = run.operation.parameters.get("promoted")
        if isinstance(promoted, Mapping):
            return adopted(self._means.runtime, promoted, service, tell)
        return self._means.runtime.obtain(source, service, tell)

    def _do(self, run: Run, step: Step) -> None:
        """One step with its intent and result. What it changed, the next plan sees."""
        run.begin(step.key, {"colour": step.colour.value if step.colour else ""})
        if step.kind in (StepKind.FINISH, StepKind.FINISH_FAILED):
            self._finish(run, step)
            return
        began = time.monotonic()
        try:
            detail = perform(run, step)
        except (CancelledError, LeaseLostError) as error:
            if isinstance(error, LeaseLostError):
                raise
            return  # the plan sees who cancelled it
        except HeldError as error:
            run.failed(step.key, error)
            run.update(state=OperationState.HELD.value, held=error.message)
            return
        except InsightError as error:
            self._failed(run, step, error)
            return
        run.done(step.key, {**detail, "took_ms": round(1000 * (time.monotonic() - began), 1)})

    def _failed(self, run: Run, step: Step, error: InsightError) -> None:
        run.failed(step.key, error)
        is_taken_back = run.operation.failure is not None or run.operation.cancelled_by is not None
        if run.goal is not None and is_tolerated(run.goal, step):
            run.done(step.key, {"tolerated": error.message})
            return
        if is_taken_back:
            time.sleep(_RETRY_S)
            return
        failure = Failure(step.key, error.code, error.message, error.hint)
        run.update(failure=failure_to_json(failure))

    def _settle(self, run: Run, found: Plan) -> bool:
        """What follows when there is nothing to do; whether it is worth telling the caller."""
        match found:
            case NoChange(reason=reason):
                if not OperationState(run.operation.state).is_over:
                    self._end_unchanged(run, reason)
            case Refused(code=code, message=message, hint=hint):
                run.update(failure=failure_to_json(Failure("plan", code, message, hint)))
                self._end(run, OperationState.REFUSED, message)
            case Waits(reason=reason):
                return self._wait(run, reason)
            case _:
                return False
        return True

    def _end_unchanged(self, run: Run, reason: str) -> None:
        """Killed after its last entry and before that was told, it finishes once more."""
        done = run.progress().done
        for kind in (StepKind.FINISH, StepKind.FINISH_FAILED):
            if kind in done:
                self._finish(run, Step(kind))
                return
        self._end(run, OperationState.UNCHANGED, reason)

    def _wait(self, run: Run, reason: str) -> bool:
        state = OperationState.HELD if run.operation.held else OperationState.WAITING
        if run.operation.state == state.value and run.operation.summary == reason:
            return False
        run.update(state=state.value, summary=reason)
        return True

    def _finish(self, run: Run, step: Step) -> None:
        """The catalogue first: killed in between, the same is written again."""
        goal = run.goal
        if goal is None:
            return
        if goal.kind is Kind.RETIRE:
            state = self._means.journal.unit(run.operation.unit)
            self._means.journal.remember(replace(state, warm=None, warm_until=None))
            run.done(step.key)
            self._end(run, OperationState.DONE, "the warm colour was stopped")
            return
        if step.kind is StepKind.FINISH:
            self._remember(run, goal)
            run.done(step.key)
            self._end(run, OperationState.DONE, f"release {goal.release} serves")
            return
        self._finish_failed(run, goal, step)

    def _finish_failed(self, run: Run, goal: Goal, step: Step) -> None:
        cancelled = run.operation.cancelled_by
        failure = run.operation.failure
        why = f"{cancelled} cancelled it" if cancelled else str((failure or {}).get("message", ""))
        observed = self.observe(run)
        if observed.serving_release == goal.release:
            self._remember(run, goal)
            what = f"release {goal.release} serves all the same: there is nothing to go back to"
        else:
            what = f"release {observed.serving_release or 'none'} serves"
        run.done(step.key)
        state = OperationState.CANCELLED if cancelled else OperationState.FAILED
        self._end(run, state, f"release {goal.release} was taken back: {why}; {what}")

    def _remember(self, run: Run, goal: Goal) -> None:
        state = self._means.journal.unit(run.operation.unit)
        window = run.unit.source.application.release.rollback_window_s if run.unit else 0
        is_warm = goal.stays_warm and goal.previous is not None
        since = state.serving_since if state.serving == goal.release else self._means.now()
        self._means.journal.remember(
            replace(
                state,
                serving=goal.release,
                serving_since=since,
                warm=goal.previous if is_warm else None,
                warm_until=self._means.now() + timedelta(seconds=window) if is_warm else None,
            )
        )

    def _end(self, run: Run, state: OperationState, summary: str) -> None:
        run.update(state=state.value, summary=summary, held=None, ended_at=self._means.now())
        _log.info("operation %d %s: %s", run.operation.id, state, summary)
        if state is not OperationState.PLANNED:
            for url in run.unit.source.application.release.notify if run.unit else ():
                notify(url, run.operation)
        if state is OperationState.DONE:
            self._tidy(run)

    def _tidy(self, run: Run) -> None:
        """What is no longer kept goes; that it could not is no reason to call a release failed."""
        unit = run.operation.unit
        try:
            age_s = 0.0 if run.operation.parameters.get("saved") else None
            found = find_surplus(self._means, unit, self._means.now(), age_s)
            gone = remove(self._means, unit, found)
        except (InsightError, OSError) as error:
            _log.warning("old releases of %s were not removed: %s", unit, error)
            return
        if gone.releases:
            _log.info("releases %s of %s are no longer kept", ", ".join(gone.releases), unit)

    def _end_unprepared(self, run: Run, error: InsightError) -> None:
        failure = Failure("prepare", error.code, error.message, error.hint)
        run.update(failure=failure_to_json(failure))
        cancelled = isinstance(error, CancelledError)
        state = OperationState.CANCELLED if cancelled else OperationState.FAILED
        self._end(run, state, f"nothing was changed: {error.message}")

    def _give_up(self, run: Run) -> None:
        entries = self._means.journal.entries(run.operation.id)
        step = entries[-1].step if entries else "?"
        text = f"{step} came to nothing {_MOST_RETRIES} times; it was left as it is"
        error = UnavailableError(text)
        self._end(run, OperationState.FAILED, error.message)
