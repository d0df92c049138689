"""The nginx configuration of an `EdgeConfiguration`: text from values, no I/O."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from insightengine.core.colours import Colour
from insightengine.core.errors import InvalidInputError
from insightengine.edge.installed import describe
from insightengine.edge.models import (
    SELECTIONS,
    ApplicationSite,
    EdgeConfiguration,
    EdgePaths,
    Pool,
    Selection,
)
from insightengine.edge.pages import CODES, TITLES, page, problem, unbuilt_page

ROUTE_DEPTH = 6  # /api/v1/telemetry/traces/:id has five
_FAILING = "max_fails=1 fail_timeout=1s"
# google.rpc.Status(code=14, details=[google.rpc.RetryInfo(retry_delay=2 s)]), as gRPC writes it
_RETRY_DETAILS = "CA4aMAoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIECgIIAg"
_GENERATION = "generation-not-known-yet"

# One character of well-formed UTF-8 (Unicode 15, table 3-7), byte by byte.
_UTF8 = (
    r"(?:[\x00-\x7F]|[\xC2-\xDF][\x80-\xBF]|\xE0[\xA0-\xBF][\x80-\xBF]"
    r"|[\xE1-\xEC\xEE\xEF][\x80-\xBF]{2}|\xED[\x80-\x9F][\x80-\xBF]"
    r"|\xF0[\x90-\xBF][\x80-\xBF]{2}|[\xF1-\xF3][\x80-\xBF]{3}|\xF4[\x80-\x8F][\x80-\xBF]{2})"
)
_TRACEPARENT_PARTS = (
    ("trace", "$edge_incoming_trace_id", ""),
    ("span", "$edge_parent_span_id", ""),
    ("flags", "$edge_incoming_flags", "01"),
)


@dataclass(frozen=True, slots=True)
class _Header:
    """A security header, set where the application sent none of its own."""

    name: str
    console: str
    application: str | None = None  # what no ordinary application is broken by

    @property
    def variable(self) -> str:
        return self.name.lower().replace("-", "_")


_HEADERS = (
    _Header("X-Content-Type-Options", "nosniff", "nosniff"),
    _Header("Referrer-Policy", "same-origin", "strict-origin-when-cross-origin"),
    _Header("X-Frame-Options", "DENY", "SAMEORIGIN"),
    _Header("Content-Security-Policy", "frame-ancestors 'none'"),
    _Header("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    _Header("Cross-Origin-Opener-Policy", "same-origin"),
    _Header("Cross-Origin-Resource-Policy", "same-origin"),
)


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    label: str
    servers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _ColourNames:
    name: str
    patterns: tuple[str, ...]  # match "<site> <upstream_addr>" when this colour answered


@dataclass(frozen=True, slots=True)
class _PoolText:
    site: str
    groups: tuple[_Group, ...]
    colours: tuple[_ColourNames, ...]


@dataclass(frozen=True, slots=True)
class _Route:
    pattern: str
    name: str


# Whether two digits, as a number, are below two others: "07:25". The tens decide, else the ones.
_BELOW = (
    r"~^(?:" + "|".join(rf"{tens}.:[{tens + 1}-9]" for tens in range(9)) + ")",
    r"~^(.)(?:" + "|".join(rf"{ones}:\1[{ones + 1}-9]" for ones in range(9)) + ")",
)


def _group(site: str, pool: Pool, selection: Selection) -> _Group:
    serving = [f"{address} {_FAILING}" for address in pool.of(selection.colour).addresses]
    warm = pool.of(selection.colour.other).addresses if selection.warm else ()
    standby = [f"{address} {_FAILING} backup" for address in warm]
    return _Group(f"{site}_{selection.label}", selection.label, (*serving, *standby))


def _colour_names(site: str, pool: Pool, colour: Colour) -> _ColourNames:
    upstream = pool.of(colour)
    patterns = tuple(
        rf"~^{re.escape(site)} (?:.* )?{re.escape(str(address))}$" for address in upstream.addresses
    )
    return _ColourNames(colour.value, patterns)


def _pool_text(site: str, pool: Pool) -> _PoolText:
    return _PoolText(
        site,
        tuple(_group(site, pool, selection) for selection in SELECTIONS),
        tuple(_colour_names(site, pool, colour) for colour in Colour),
    )


def _routes(site: ApplicationSite) -> list[_Route]:
    """Patterns of the declared routes, literal ones before those with parameters."""
    declared = sorted(site.routes, key=lambda route: (route.count("{"), route))
    return [
        _Route(
            "~^"
            + re.escape(site.name)
            + " "
            + "[^/]+".join(re.escape(part) for part in re.split(r"\{\w+\}", route.rstrip("/")))
            + "/?$",
            re.sub(r"\{(\w+)\}", r":\1", route.rstrip("/")) or "/",
        )
        for route in declared
    ]


def _traceparent_patterns(part: str) -> tuple[str, str]:
    """Version 00 has exactly four fields; later ones may add some; ff is forbidden."""

    def named(name: str, pattern: str) -> str:
        return f"(?<edge_in_{name}>{pattern})" if name == part else pattern

    fields = (
        "(?!0{32})"
        + named("trace", "[0-9a-f]{32}")
        + "-(?!0{16})"
        + named("span", "[0-9a-f]{16}")
        + "-"
        + named("flags", "[0-9a-f]{2}")
    )
    return f"~^00-{fields}$", f"~^(?!00|ff)[0-9a-f]{{2}}-{fields}(?:-.*)?$"


def _quoted(path: Path) -> str:
    """A path as a parameter; nginx would read `$` in some of them as a variable."""
    text = str(path)
    if re.search(r"[\x00-\x1f\x7f\"$\\]", text):
        raise InvalidInputError(
            f"edge: the path {text!r} holds a character that nginx cannot read",
            code="invalid_edge_configuration",
            hint='use a folder without $, ", backslash and control characters',
        )
    return f'"{text}"'


def _text(content: str) -> str:
    escaped = content.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


@cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701  the output is no HTML
        loader=PackageLoader("insightengine.edge"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"quoted": _quoted, "text": _text, "escaped": re.escape}
    return environment


def render(configuration: EdgeConfiguration) -> str:
    """The whole nginx.conf. The same values give the same text.

    Raises InvalidInputError for a path that cannot be written in it.
    """
    text = (
        _environment()
        .get_template("nginx.conf.j2")
        .render(
            c=configuration,
            paths=configuration.paths,
            pools=[_pool_text(site, pool) for site, pool in configuration.pools.items()],
            routes=[route for site in configuration.applications for route in _routes(site)],
            units=list(configuration.units),
            label_pattern=r"(?:blue|green)(?:_(?:warm|[0-9][0-9]))?",
            headers=_HEADERS,
            titles=TITLES,
            codes=CODES,
            page=page,
            problem=problem,
            unbuilt=unbuilt_page(configuration.console.build_command),
            utf8=_UTF8,
            depth=ROUTE_DEPTH,
            below=_BELOW,
            traceparent_parts=_TRACEPARENT_PARTS,
            traceparent_patterns=_traceparent_patterns,
            retry_details=_RETRY_DETAILS,
            generation=_GENERATION,
            installed=describe(configuration),
        )
    )
    text = re.sub(r"\n{3,}", "\n\n", text)
    return text.replace(_GENERATION, hashlib.sha256(text.encode()).hexdigest()[:12])


def render_selections(selections: dict[str, Selection]) -> str:
    """Lines of an nginx `map`: the colours that a started edge begins with."""
    return "".join(f'"{site}" "{chosen.label}";\n' for site, chosen in sorted(selections.items()))


def parse_selections(text: str) -> dict[str, Selection]:
    """The inverse of `render_selections`."""
    return {
        site: Selection.parse(label) for site, label in re.findall(r'"([^"]+)" "([^"]+)";', text)
    }


def render_releases(releases: Mapping[str, str]) -> str:
    """Lines of an nginx `map`: which release a started edge finds in each colour."""
    return "".join(f'"{key}" "{release}";\n' for key, release in sorted(releases.items()))


def render_closed(units: Iterable[str]) -> str:
    """Lines of an nginx `map`: the units that a started edge keeps closed."""
    return "".join(f'"{unit}" "on";\n' for unit in sorted(units))


def parse_closed(text: str) -> frozenset[str]:
    """The inverse of `render_closed`."""
    return frozenset(re.findall(r'"([^"]+)" "on";', text))


def edge_argv(binary: Path, paths: EdgePaths) -> tuple[str, ...]:
    """nginx in the foreground; it logs to stderr and keeps all files in the state folder."""
    folder, configuration = str(paths.folder), str(paths.configuration)
    return (str(binary), "-p", folder, "-e", "stderr", "-c", configuration)


def edge_test_argv(binary: Path, paths: EdgePaths) -> tuple[str, ...]:
    """Whether nginx would take the candidate."""
    return (*edge_argv(binary, paths)[:-1], str(paths.candidate), "-t", "-q")
