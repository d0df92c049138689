"""Patterns of log texts that differ in words only, joined into one. Pure.

After Drain (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017):
patterns of as many words that begin alike are compared; those that share enough words are one, with
a placeholder where they differ. The store has replaced numbers and ids before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from insightengine.telemetry.schema.views import PATTERN_REST, PATTERN_VALUE

SIMILAR: Final = 0.5  # share of words that must be the same; Drain's authors use 0.3 to 0.7
_LEADING: Final = 2


@dataclass(frozen=True, slots=True)
class Counted:
    """A pattern as the store has it. `level` is the index of its severest severity."""

    pattern: str
    entries: int
    services: frozenset[str]
    level: int


@dataclass(slots=True)
class _Cluster:
    words: list[str]
    entries: int = 0
    services: set[str] = field(default_factory=set)
    level: int = 0

    def add(self, counted: Counted) -> None:
        self.entries += counted.entries
        self.services |= counted.services
        self.level = max(self.level, counted.level)

    def generalise(self, words: list[str]) -> None:
        pairs = zip(self.words, words, strict=True)
        self.words = [mine if mine == theirs else PATTERN_VALUE for mine, theirs in pairs]

    def likeness(self, words: list[str]) -> float:
        same = sum(mine == theirs for mine, theirs in zip(self.words, words, strict=True))
        return same / len(words)


def joined(patterns: Iterable[Counted]) -> list[Counted]:
    """The most frequent first. What only its beginning is known of joins the one that begins so."""
    ordered = sorted(patterns, key=lambda each: (-each.entries, each.pattern))
    clusters: list[_Cluster] = []
    leaves: dict[tuple[object, ...], list[_Cluster]] = {}
    for each in ordered:
        if not each.pattern.endswith(PATTERN_REST):
            _place(each, clusters, leaves)
    for each in ordered:
        if each.pattern.endswith(PATTERN_REST):
            _place_beginning(each, clusters)
    return _by_text(clusters)


def _place(
    counted: Counted, clusters: list[_Cluster], leaves: dict[tuple[object, ...], list[_Cluster]]
) -> None:
    words = counted.pattern.split(" ")
    leaf = leaves.setdefault((len(words), *words[:_LEADING]), [])
    best = max(leaf, key=lambda cluster: cluster.likeness(words), default=None)
    if best is None or best.likeness(words) < SIMILAR:
        best = _Cluster(words)
        leaf.append(best)
        clusters.append(best)
    best.generalise(words)
    best.add(counted)


def _place_beginning(counted: Counted, clusters: list[_Cluster]) -> None:
    words = counted.pattern.removesuffix(PATTERN_REST).split()
    fitting = [cluster for cluster in clusters if cluster.words[: len(words)] == words]
    if len(fitting) != 1:
        fitting = [_Cluster([*words, PATTERN_REST])]
        clusters.append(fitting[0])
    fitting[0].add(counted)


def _by_text(clusters: Iterable[_Cluster]) -> list[Counted]:
    """Placeholders in a row are one: how many words a value had tells nothing."""
    found: dict[str, _Cluster] = {}
    for cluster in clusters:
        words = [
            word
            for index, word in enumerate(cluster.words)
            if word != PATTERN_VALUE or index == 0 or cluster.words[index - 1] != PATTERN_VALUE
        ]
        same = found.setdefault(" ".join(words), _Cluster(words))
        same.add(Counted("", cluster.entries, frozenset(cluster.services), cluster.level))
    made = [
        Counted(text, one.entries, frozenset(one.services), one.level)
        for text, one in found.items()
    ]
    return sorted(made, key=lambda each: (-each.entries, each.pattern))
