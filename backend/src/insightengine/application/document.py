"""YAML text to a tree that knows where everything stands.

Composed from ruamel's events, so that depth and expanded size are bounded before anything is
built: aliases share their node, and each node carries the size that it would expand to.
Scalars are typed later (`interpolation.py`), after variables are replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from insightengine.application.model import Location
from insightengine.application.problems import Problem, Problems, error_of

LARGEST_BYTES = 1024 * 1024
MOST_NODES = 50_000
MOST_CHARACTERS = 4 * LARGEST_BYTES
DEEPEST = 64
START = Location(1, 1)
_MERGE = "<<"
_KNOWN_TAGS = {
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")
}


class Merging(StrEnum):
    """What a value of an overlay asks for by its tag, instead of being merged."""

    RESET = "!reset"  # the value of the Compose file goes
    OVERRIDE = "!override"  # it is replaced whole


@dataclass(frozen=True, slots=True)
class Scalar:
    """`plain` means written without quotes, so that it may be a number or a boolean."""

    text: str
    plain: bool
    at: Location
    nodes: int = 1
    merging: Merging | None = None

    @property
    def characters(self) -> int:
        return len(self.text)


@dataclass(frozen=True, slots=True)
class Listing:
    items: tuple[Node, ...]
    at: Location
    nodes: int
    characters: int
    merging: Merging | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    key_at: Location
    value: Node


@dataclass(frozen=True, slots=True)
class Table:
    entries: Mapping[str, Entry]
    at: Location
    nodes: int
    characters: int
    merging: Merging | None = None


Node = Scalar | Listing | Table


class _RejectedError(Exception):
    """Ends composing at once; what was wrong is in `problem`."""

    def __init__(self, at: Location, message: str, hint: str) -> None:
        super().__init__(message)
        self.problem = Problem(at, "", message, hint)


@dataclass(slots=True)
class _Open:
    """A collection whose end was not seen yet."""

    is_table: bool
    at: Location
    anchor: str | None
    children: list[Node]
    merging: Merging | None


def parse_document(text: str, file: str, problems: Problems, *, overlay: bool = False) -> Table:
    """The mapping at the top of the only document in the text.

    An `overlay` may hold the tags of `Merging`, and its places name its file.

    Duplicate keys are added to `problems`. Raises InvalidInputError for what leaves no tree to
    look at: not YAML, too large, too deep, empty, more than one document.
    """
    try:
        _check_size(text)
        top = _compose(text, _Composer(problems, file if overlay else ""))
    except _RejectedError as rejected:
        raise error_of(file, [rejected.problem]) from None
    except MarkedYAMLError as error:
        raise error_of(file, [_syntax_problem(error, text)]) from None
    except ReaderError as error:
        raise error_of(file, [_character_problem(error, text)]) from None
    except (YAMLError, ValueError, OverflowError) as error:
        raise error_of(file, [Problem(START, "", f"not YAML: {_first_line(error)}")]) from None
    if isinstance(top, Table):
        return top
    kind = "a list" if isinstance(top, Listing) else "a single value"
    hint = "a Compose file is a mapping that starts with `services:`"
    raise error_of(file, [Problem(top.at, "", f"found {kind}, allowed is a mapping", hint)])


def _check_size(text: str) -> None:
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    if size_bytes > LARGEST_BYTES:
        message = f"found {size_bytes} bytes, allowed are {LARGEST_BYTES} (1 MiB)"
        raise _RejectedError(START, message, "is this the right file?")
    if not text.strip():
        raise _RejectedError(START, "the file is empty", "name at least one service: services:")


def _compose(text: str, composer: _Composer) -> Node:
    for event in _events(text):
        composer.take(event)
    if composer.top is None:
        raise _RejectedError(START, "the file is empty", "name at least one service: services:")
    return composer.top


def _events(text: str) -> Iterator[Any]:
    yaml = YAML(typ="safe", pure=True)
    yield from yaml.parse(text)


class _Composer:
    """`overlay` is the name of an overlay's file, empty for a Compose file."""

    def __init__(self, problems: Problems, overlay: str) -> None:
        self.problems = problems
        self.overlay = overlay
        self.top: Node | None = None
        self.open: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.documents = 0
        self.nodes = 0

    def take(self, event: Any) -> None:
        match event:
            case DocumentStartEvent():
                self._start_document(event)
            case ScalarEvent():
                self._place(self._scalar(event), event.anchor)
            case AliasEvent():
                self._place(self._alias(event), None)
            case SequenceStartEvent() | MappingStartEvent():
                self._start_collection(event)
            case SequenceEndEvent() | MappingEndEvent():
                self._end_collection()
            case _:
                pass

    def _start_document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            hint = "keep one document a file"
            raise _RejectedError(_at(event), "found a second document (`---`)", hint)

    def _scalar(self, event: Any) -> Scalar:
        merging = self._merging(event)
        forced_text = event.tag == "tag:yaml.org,2002:str"
        plain = event.style in (None, "") and not forced_text
        return Scalar(str(event.value), plain, self._at(event), merging=merging)

    def _at(self, event: Any) -> Location:
        return Location(event.start_mark.line + 1, event.start_mark.column + 1, self.overlay)

    def _merging(self, event: Any) -> Merging | None:
        if self.overlay and event.tag in tuple(Merging):
            return Merging(event.tag)
        _check_tag(event)
        return None

    def _alias(self, event: Any) -> Node:
        try:
            return self.anchors[event.anchor]
        except KeyError:
            message = f"the alias *{event.anchor} has no complete anchor before it"
            hint = f"write &{event.anchor} at the value that is meant"
            raise _RejectedError(_at(event), message, hint) from None

    def _start_collection(self, event: Any) -> None:
        merging = self._merging(event)
        if len(self.open) >= DEEPEST:
            message = f"nested deeper than {DEEPEST} levels"
            raise _RejectedError(_at(event), message, "a Compose file needs fewer than ten")
        is_table = isinstance(event, MappingStartEvent)
        self.open.append(_Open(is_table, self._at(event), event.anchor, [], merging))

    def _end_collection(self) -> None:
        done = self.open.pop()
        node = self._table(done) if done.is_table else _listing(done)
        if node.nodes > MOST_NODES or node.characters > MOST_CHARACTERS:
            message = f"expands to more than {MOST_NODES} values or {MOST_CHARACTERS} characters"
            raise _RejectedError(done.at, message, "use fewer aliases (`*name`)")
        self._place(node, done.anchor)

    def _place(self, node: Node, anchor: str | None) -> None:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            hint = "is this the right file?"
            raise _RejectedError(node.at, f"more than {MOST_NODES} values", hint)
        if anchor:
            self.anchors[anchor] = node
        if self.open:
            self.open[-1].children.append(node)
        else:
            self.top = node

    def _table(self, done: _Open) -> Table:
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key, value in zip(done.children[::2], done.children[1::2], strict=True):
            if not isinstance(key, Scalar):
                message, hint = "found a collection as a key", "allowed is a text"
                raise _RejectedError(key.at, message, hint)
            if key.plain and key.text == _MERGE:
                self._merge(value, merged)
            elif key.text in own:
                first = own[key.text].key_at.line
                hint = "remove one of the two"
                path = self._path(key.text)
                self.problems.add(key.at, path, f"is already given in line {first}", hint)
            else:
                own[key.text] = Entry(key.at, value)
        entries = merged | own
        values = [entry.value for entry in entries.values()]
        return Table(
            entries,
            done.at,
            1 + sum(value.nodes + 1 for value in values),
            sum(map(len, entries)) + sum(value.characters for value in values),
            done.merging,
        )

    def _path(self, last: str) -> str:
        """The path of a key in the collection that was closed last; built for messages only."""
        keys = [one.children[-1] for one in self.open if one.is_table and len(one.children) % 2]
        return ".".join([*(key.text for key in keys if isinstance(key, Scalar)), last])

    def _merge(self, value: Node, merged: dict[str, Entry]) -> None:
        """Earlier sources win over later ones, as YAML's merge keys say."""
        sources = value.items if isinstance(value, Listing) else (value,)
        for source in sources:
            if not isinstance(source, Table):
                message = "`<<` merges something that is not a mapping"
                raise _RejectedError(source.at, message, "allowed is `<<: *anchor-of-a-mapping`")
            self.nodes += len(source.entries)
            for name, entry in source.entries.items():
                merged.setdefault(name, entry)


def _listing(done: _Open) -> Listing:
    return Listing(
        tuple(done.children),
        done.at,
        1 + sum(item.nodes for item in done.children),
        sum(item.characters for item in done.children),
        done.merging,
    )


def _check_tag(event: Any) -> None:
    tag = str(event.tag) if event.tag else None
    if tag is not None and tag != "!" and tag not in _KNOWN_TAGS:
        short = tag.replace("tag:yaml.org,2002:", "!!")
        raise _RejectedError(_at(event), f"found the tag {short}", "remove it; none is needed here")


def _at(event: Any) -> Location:
    return Location(event.start_mark.line + 1, event.start_mark.column + 1)


def _syntax_problem(error: MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    at = Location(mark.line + 1, mark.column + 1) if mark else START
    lines = text.splitlines()
    line = lines[at.line - 1] if at.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in str(error.problem):
        hint = "replace the tabs at the start of the line by spaces"
        return Problem(at, "", "found a tab in the indentation, allowed are spaces", hint)
    detail = error.problem or error.context or "cannot be read"
    hint = "look at this line and the one before: indentation, quotes, a missing colon"
    return Problem(at, "", f"not YAML: {detail}", hint)


def _character_problem(error: ReaderError, text: str) -> Problem:
    before = text[: error.position]
    at = Location(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
    found = text[error.position : error.position + 1]
    message = f"found the character {found!a}, which YAML does not allow"
    return Problem(at, "", message, "is this a text file?")


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:200]
