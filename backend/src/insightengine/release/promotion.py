"""May a release go on from one environment to the next, and what is different there? Pure.

The same unit is promoted: the digests that were tested, not a second build of the same source.
Whatever an environment needs of its own has to be configuration.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from insightengine.application.model import Application
from insightengine.release.models import OperationState, StepKind
from insightengine.release.plan import Refused

_HIDDEN = ("environment", "args", "build", "env_file", "labels")
_BUILDS = (("build",), ("image",), ("x-insight", "local", "build"))
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """A release in the environment that it is promoted from.

    `state` is the outcome of the operation that released it there, `done` are the steps that
    succeeded in it; None and nothing when no operation did.
    """

    environment: str
    release: str
    serving: str | None
    state: str | None = None
    done: frozenset[str] = frozenset()
    has_tests: bool = False
    instances: int = 0
    failing: int = 0
    under_way: bool = False


def why_not(standing: Standing) -> Refused | None:
    """Why it may not go on; None when it was released, tested, and is well."""
    one, what = standing, f"release {standing.release} in {standing.environment}"
    again = f"insight deploy --env {one.environment}"
    if one.under_way:
        return _refused(f"{one.environment} is being changed", "insight release watch")
    if one.serving != one.release:
        return _refused(f"{what} does not serve; {one.serving or 'nothing'} does", again)
    if one.state != OperationState.DONE:
        return _refused(f"{what} was not released to its end: {one.state or 'never'}", again)
    if one.has_tests and StepKind.TESTS not in one.done:
        return _refused(f"the tests of {what} did not pass", again)
    if one.instances == 0 or one.failing:
        well = one.instances - one.failing
        message = f"{well} of {one.instances} processes of {what} are well"
        return _refused(message, f"insight status --env {one.environment}")
    return None


def _refused(message: str, hint: str) -> Refused:
    return Refused("not_promotable", f"nothing was promoted: {message}", hint)


@dataclass(frozen=True, slots=True)
class Difference:
    """A key that is not the same. Values that may be secret are left out."""

    key: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None and self.after is None:
            return f"{self.key} differs"
        return f"{self.key}: {self.before or 'not given'} → {self.after or 'not given'}"


def differences(before: Application, after: Application) -> tuple[Difference, ...]:
    """What two environments of one application do not have in common, in the order of keys."""
    one = dict(_leaves(json.loads(before.document), ()))
    other = dict(_leaves(json.loads(after.document), ()))
    found = []
    for path in sorted(one.keys() | other.keys()):
        if one.get(path) != other.get(path):
            is_hidden = any(part in _HIDDEN for part in path)
            shown = (None, None) if is_hidden else (_shown(one, path), _shown(other, path))
            found.append(Difference(".".join(path), *shown))
    return tuple(found)


def built_otherwise(before: Application, after: Application) -> str | None:
    """The first key by which a service would be built otherwise: then it was not tested."""
    one, other = json.loads(before.document), json.loads(after.document)
    for service in after.services:
        if service.supplied is not None:
            continue
        for path in _BUILDS:
            whole = ("services", service.name, *path)
            if _at(one, whole) != _at(other, whole):
                return ".".join(whole)
    return None


def _leaves(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, Mapping) and value:
        for key, one in value.items():
            yield from _leaves(one, (*path, str(key)))
    else:
        yield path, value


def _shown(values: Mapping[tuple[str, ...], object], path: tuple[str, ...]) -> str | None:
    if path not in values:
        return None
    text = json.dumps(values[path], ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _at(value: object, path: tuple[str, ...]) -> object:
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value
