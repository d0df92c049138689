"""Watches the new release with the gates until they can decide, on visitors or on probes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from insightengine.application.policy import OnInconclusive, ReleasePolicy, SmokeRequest
from insightengine.core.colours import Colour
from insightengine.core.errors import ConflictError, UnavailableError
from insightengine.release.checks import problem_of, send
from insightengine.release.gates import Measured, Outcome, Traffic, Verdict, bucket_of, judge
from insightengine.release.models import Step
from insightengine.release.run import HeldError, Run
from insightengine.runtimes.port import Instance, Unit

_LOOK_S = 0.5
_BASELINE = timedelta(hours=1)
_PROBES_A_LOOK = 25
_MOST_PROBES = 5000


class GateError(ConflictError):
    """The new release is worse than can be accepted."""

    default_code = "gate_failed"


class Watch:
    """One watch of one colour; requests of before the killed predecessor count as well."""

    def __init__(self, run: Run, step: Step, unit: Unit) -> None:
        self._run = run
        self._step = step
        self._unit = unit
        self._policy: ReleasePolicy = unit.source.application.release
        self._began = run.since(step.key)
        self._probed: dict[Colour, Traffic] = {}

    def until_decided(self) -> dict[str, object]:
        """The verdict as JSON. Raises GateError, HeldError, CancelledError."""
        shortest, longest = self._limits()
        while True:
            self._run.refuse_cancelled()
            verdict = self._look()
            elapsed = (self._run.means.now() - self._began).total_seconds()
            if verdict.outcome is Outcome.FAIL:
                raise GateError(
                    f"the gates failed after {elapsed:.0f} s: {verdict.sentence}",
                    context={"verdict": asdict(verdict)},
                )
            if elapsed >= shortest and verdict.outcome is Outcome.PASS:
                return {"verdict": asdict(verdict)}
            if elapsed >= longest:
                return self._undecided(verdict, elapsed)
            time.sleep(_LOOK_S)

    def _limits(self) -> tuple[float, float]:
        if self._step.subject:  # a share of visitors
            return self._policy.canary_step_s, max(
                self._policy.canary_step_s, self._policy.watch_limit_s
            )
        return self._policy.watch_s, self._policy.watch_limit_s

    def _undecided(self, verdict: Verdict, elapsed: float) -> dict[str, object]:
        reason = f"the gates could not decide within {elapsed:.0f} s: {verdict.sentence}"
        match self._policy.on_inconclusive:
            case OnInconclusive.ACCEPT:
                return {"verdict": asdict(verdict), "accepted": "by the application's policy"}
            case OnInconclusive.ROLL_BACK:
                raise GateError(reason, context={"verdict": asdict(verdict)})
            case OnInconclusive.HOLD:
                raise HeldError(reason, context={"verdict": asdict(verdict)})

    def _look(self) -> Verdict:
        """Of visitors; of probes to both colours when there are too few visitors to decide.

        Visitors who decide later still count: they are asked first at every look.
        """
        limits = self._policy.gates
        verdict = judge(self._measured(), self._previous(), limits)
        if verdict.outcome is not Outcome.INCONCLUSIVE:
            return verdict
        self._probe()
        new, old = self._probed.get(self._colour), self._probed.get(self._colour.other)
        if new is None:
            return verdict
        previous = Measured(old) if old is not None else None
        extra = replace(self._measured(), traffic=new)
        return judge(extra, previous, limits, basis="probes")

    @property
    def _colour(self) -> Colour:
        return self._step.colour or Colour.BLUE

    def _measured(self) -> Measured:
        means, now = self._run.means, self._run.means.now()
        instances = self._instances(self._colour)
        restarts = sum(one.restarts for one in instances)
        try:
            traffic = self._traffic(self._unit.release, self._began, now)
            memory = means.memory(self._unit.release, self._began, now)
        except UnavailableError:
            traffic, memory = Traffic(), None  # not known is not good
        return Measured(traffic, restarts, memory)

    def _previous(self) -> Measured | None:
        old = self._run.old
        if old is None:
            return None
        means = self._run.means
        since = self._began - _BASELINE
        try:
            traffic = means.measure(self._sites(), old.release, since, self._began)
            return Measured(traffic, 0, means.memory(old.release, since, self._began))
        except UnavailableError:
            return Measured()

    def _traffic(self, release: str, since: datetime, until: datetime) -> Traffic:
        """Errors count from the switch on, latency only when caches had time to fill."""
        means, sites = self._run.means, self._sites()
        whole = means.measure(sites, release, since, until)
        warm = since + timedelta(seconds=self._policy.warm_up_s)
        if until <= warm:
            return replace(whole, latency={})
        return replace(whole, latency=means.measure(sites, release, warm, until).latency)

    def _sites(self) -> tuple[str, ...]:
        return self._run.means.sites(self._unit)

    def _instances(self, colour: Colour) -> list[Instance]:
        found = self._run.means.runtime.instances(self._unit.name)
        return [one for one in found if one.colour is colour]

    def _probe(self) -> None:
        """The same requests to both colours by turns, so that both meet the same moment."""
        targets = {colour: self._instances(colour) for colour in Colour}
        if self._run.old is None:
            targets.pop(self._colour.other)
        for _ in range(_PROBES_A_LOOK):
            for colour, instances in targets.items():
                if sum(self._probed.get(colour, Traffic()).latency.values()) < _MOST_PROBES:
                    self._send(colour, instances)

    def _send(self, colour: Colour, instances: list[Instance]) -> None:
        before = self._probed.get(colour, Traffic())
        latency, errors, sent = Counter(before.latency), before.errors, before.requests
        for request, instance in _probes(self._unit, instances):
            answered = send(instance.host or "127.0.0.1", instance.port or 0, request)
            sent += 1
            errors += problem_of(request, answered) is not None
            latency[bucket_of(1000 * answered.took_s)] += 1
        if sent:
            self._probed[colour] = Traffic(sent, errors, latency)


def _probes(unit: Unit, instances: list[Instance]) -> Iterator[tuple[SmokeRequest, Instance]]:
    """The reading ones among the smoke requests, else the health path."""
    for instance in instances:
        service = unit.source.application.service(instance.service)
        if service is None or instance.port is None:
            continue
        reading = [one for one in service.smoke if one.method in ("GET", "HEAD")]
        if not reading and service.health is not None:
            reading = [SmokeRequest(service.health.path)]
        for request in reading:
            yield request, instance
