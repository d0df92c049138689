"""What a drill proves, in a form that a person can hand to an auditor. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import TypeAdapter

from insightengine.recovery.procedures import PROCEDURES, DrillKind


@dataclass(frozen=True, slots=True)
class StageResult:
    """One step as it was run. `failure` is None for one that did what it should."""

    key: str
    title: str
    counts: bool
    started_at: datetime
    seconds: float
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What was rehearsed, by what and where."""

    application: str
    host: str
    insight_version: str
    server_version: str
    cluster: str


@dataclass(frozen=True, slots=True)
class DrillReport:
    """`findings` are what was wrong, `remarks` what a reader has to know of the conditions."""

    id: str
    kind: DrillKind
    asked_by: str
    subject: Subject
    started_at: datetime
    ended_at: datetime
    stages: tuple[StageResult, ...]
    rto_target_s: float | None
    figures: Mapping[str, float | int | str] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def not_run(self) -> tuple[str, ...]:
        """Steps of the procedure that the drill did not come to."""
        ran = {stage.key for stage in self.stages}
        return tuple(s.title for s in PROCEDURES[self.kind].stages if s.key not in ran)

    @property
    def passed(self) -> bool:
        """Every step was run, none failed, and nothing was found."""
        is_whole = not self.not_run and all(stage.failure is None for stage in self.stages)
        return is_whole and not self.findings

    @property
    def rto_s(self) -> float | None:
        """Seconds of the steps that count; None unless the drill passed."""
        if not self.passed:
            return None
        return round(sum(stage.seconds for stage in self.stages if stage.counts), 2)

    @property
    def verdict(self) -> str:
        if not self.passed:
            return "FAILED"
        if self.rto_target_s is not None and (self.rto_s or 0) > self.rto_target_s:
            return "PASSED, but slower than the objective"
        return "PASSED"


REPORTS: TypeAdapter[DrillReport] = TypeAdapter(DrillReport)


def as_markdown(report: DrillReport) -> str:
    return "\n".join(_lines(report)) + "\n"


def _lines(report: DrillReport) -> Iterator[str]:
    procedure, subject = PROCEDURES[report.kind], report.subject
    yield f"# Recovery drill: {procedure.title.lower()}"
    yield ""
    yield f"**{report.verdict}**"
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield f"| report | {report.id} |"
    yield f"| application | {_cell(subject.application)} on {_cell(subject.host)} |"
    yield f"| cluster | {subject.cluster}, PostgreSQL {subject.server_version} |"
    yield f"| run by | {_cell(report.asked_by)}, InsightEngine {subject.insight_version} |"
    yield f"| from | {_moment(report.started_at)} |"
    yield f"| to | {_moment(report.ended_at)} |"
    yield f"| recovery time measured | {_seconds(report.rto_s)} |"
    yield f"| recovery time allowed | {_seconds(report.rto_target_s, 'no objective is set')} |"
    yield ""
    yield f"**Situation.** {procedure.situation}"
    yield ""
    yield f"**Rehearsed on.** {procedure.copy}"
    yield ""
    yield from _steps(report)
    yield from _listed("What was found", report.findings)
    yield from _listed("Conditions", report.remarks)
    if report.figures:
        yield from ["", "## Figures", "", "| figure | value |", "|---|---|"]
        yield from (f"| {_cell(name)} | {_cell(str(v))} |" for name, v in report.figures.items())


def _steps(report: DrillReport) -> Iterator[str]:
    yield from [
        "## Steps",
        "",
        "| step | began | seconds | counts | outcome |",
        "|---|---|---|---|---|",
    ]
    for number, stage in enumerate(report.stages, start=1):
        outcome = "done" if stage.failure is None else f"FAILED: {_cell(stage.failure)}"
        counts = "yes" if stage.counts else "no"
        began = f"{stage.started_at:%H:%M:%S}"
        yield f"| {number}. {stage.title} | {began} | {stage.seconds:.2f} | {counts} | {outcome} |"
    for title in report.not_run:
        yield f"| {title} | | | | not run |"


def _listed(title: str, sentences: tuple[str, ...]) -> Iterator[str]:
    if sentences:
        yield from ["", f"## {title}", ""]
        yield from (f"- {' '.join(sentence.split())}" for sentence in sentences)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _seconds(value: float | None, otherwise: str = "none: the drill did not pass") -> str:
    return otherwise if value is None else f"{value:g} s"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
