"""What the journal keeps of a step that failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from insightengine.core.errors import ConflictError
from insightengine.release.run import Run
from insightengine.stores.journal.port import Lease, Operation

AT = datetime(2026, 5, 1, tzinfo=UTC)


@dataclass
class Notes:
    kept: list[dict[str, Any]] = field(default_factory=list)

    def note(self, _lease: Any, _operation: int, *what: Any) -> None:
        self.kept.append(dict(what[2]))


def failed_with(error: ConflictError) -> dict[str, Any]:
    notes = Notes()
    means: Any = SimpleNamespace(journal=notes, now=lambda: AT)
    Run(means, Lease("web", 1), Operation(1, "web", "deploy", "running", "a", AT, "", {})).failed(
        "watch", error
    )
    return notes.kept[0]


def test_the_numbers_of_a_failed_gate_stay_beside_its_sentence() -> None:
    verdict = {"outcome": "fail", "results": []}
    kept = failed_with(ConflictError("p95 is twice as long", context={"verdict": verdict}))
    assert kept["verdict"] == verdict
    assert kept["message"] == "p95 is twice as long"


def test_a_failure_without_a_verdict_has_none() -> None:
    kept = failed_with(ConflictError("no", hint="insight logs", context={"pid": 7}))
    assert kept == {"code": "conflict", "message": "no", "hint": "insight logs"}
