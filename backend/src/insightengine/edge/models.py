"""What the edge serves, as values. Rendered by `render.py`, carried out by `control.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from insightengine.core.colours import Colour
from insightengine.core.errors import InvalidInputError
from insightengine.core.settings import Settings, StateFolder

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_HOST = re.compile(r"\*|(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\]")
_ADDRESS_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-fA-F:]*:[0-9a-fA-F:]*")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@+-]{0,127}")
_ROUTE = re.compile(r"/|(/([A-Za-z0-9_.~-]+|\{[a-z_][a-z0-9_]*\}))+/?")
_NETWORK = re.compile(r"[0-9a-fA-F.:]+(/\d{1,3})?")
_SELECTION = re.compile(r"(blue|green)(?:_(?:(warm)|(\d\d)))?")
_PATH = re.compile(r"/[!#%&+,./0-9:=?@A-Z_a-z~-]{0,500}")
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")


def _refuse(what: str, value: object, allowed: str) -> InvalidInputError:
    return InvalidInputError(
        f"edge: {what} is {value!r}; allowed is {allowed}", code="invalid_edge_configuration"
    )


@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens. An IPv6 host is written without brackets."""

    host: str
    port: int

    def __post_init__(self) -> None:
        if not _ADDRESS_HOST.fullmatch(self.host):
            raise _refuse("a host", self.host, "a name or an IP address")
        if not 1 <= self.port <= 65535:
            raise _refuse("a port", self.port, "1 to 65535")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Upstream:
    """The servers of one colour, all of one release. They need not run while the colour is idle."""

    release: str
    addresses: tuple[Address, ...]

    def __post_init__(self) -> None:
        if not self.addresses:
            raise _refuse("the addresses of an upstream", (), "at least one")
        if not _LABEL.fullmatch(self.release):
            raise _refuse("a release", self.release, "letters, digits and _.:@+-")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which colour serves a unit, and what the other one does meanwhile.

    With `warm`, requests that may be repeated go to the other colour when the serving one does not
    answer. Without it they never do: the other colour may be a release that nobody has checked.
    With `share`, that percentage of visitors gets the other colour, each always the same one.
    """

    colour: Colour
    warm: bool = False
    share: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 99 or (self.share and self.warm):
            raise _refuse("a share", self.share, "0 to 99, and none while the other is warm")

    @property
    def label(self) -> str:
        if self.share:
            return f"{self.colour}_{self.share:02}"
        return f"{self.colour}_warm" if self.warm else self.colour.value

    @staticmethod
    def parse(label: str) -> Selection:
        found = _SELECTION.fullmatch(label)
        if found is None:
            raise _refuse("a selection", label, "blue, green, blue_warm, green_warm or blue_25")
        return Selection(Colour(found[1]), found[2] == "warm", int(found[3] or 0))


SELECTIONS = tuple(Selection(colour, warm) for colour in Colour for warm in (False, True))


@dataclass(frozen=True, slots=True)
class Pool:
    """Two colours of one service. `initial` counts only while no selection is persisted."""

    blue: Upstream
    green: Upstream
    initial: Selection = Selection(Colour.BLUE)

    def __post_init__(self) -> None:
        shared = set(self.blue.addresses) & set(self.green.addresses)
        if shared:
            raise _refuse("an address of both colours", str(min(map(str, shared))), "one colour")

    def of(self, colour: Colour) -> Upstream:
        return self.blue if colour is Colour.BLUE else self.green


@dataclass(frozen=True, slots=True)
class ConsoleSite:
    """The console: two colours, each a static export and the API under `/api/`.

    `pages` are the folders of the exports; that of a colour which is not named stays what it was.
    None need exist yet: until `index.html` is in it, a page tells how to build it.
    """

    listen: Address
    pages: Mapping[Colour, Path]
    api: Pool
    build_command: str = (
        "cd frontend && npm ci && npm run build && cd .. && bin/insight deploy --unit console"
    )
    name: str = "console"

    @property
    def unit(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class OtlpSite:
    """OTLP to the collector: HTTP at `listen`, and gRPC where it has an address, whose HTTP/2 ends
    at the edge. Its requests are not in the access log: they would feed back.

    `inside` is where containers reach it, on a network that is none of the outside's.
    """

    listen: Address
    collectors: tuple[Address, ...]
    name: str = "otlp"
    grpc: Address | None = None
    inside: Address | None = None


@dataclass(frozen=True, slots=True)
class ApplicationSite:
    """One published port of a service of the application.

    `routes` are path patterns such as `/products/{slug}`; they name the `route` of the access log
    where the general rule (ids become `:id`) is not enough. `name` is unique, `service` need not
    be: a service that publishes two ports has two sites. All sites of one `unit` switch colours
    together; requests to `health_path` are answered also during maintenance.
    """

    name: str
    service: str
    listen: Address
    pool: Pool
    routes: tuple[str, ...] = ()
    unit: str = ""
    health_path: str | None = None

    def __post_init__(self) -> None:
        if not self.unit:
            object.__setattr__(self, "unit", self.name)
        if self.health_path is not None and not _PATH.fullmatch(self.health_path):
            raise _refuse("a health path", self.health_path, "a path such as /up")
        for label in (self.name, self.service, self.unit):
            if not _NAME.fullmatch(label):
                raise _refuse("a site's name", label, "lower-case letters, digits and _.-")
        for route in self.routes:
            if not _ROUTE.fullmatch(route):
                raise _refuse("a route", route, "a path such as /products/{slug}")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request or one address may take. Sizes are bytes."""

    console_body_bytes: int = 1024 * 1024
    application_body_bytes: int = 32 * 1024 * 1024
    otlp_body_bytes: int = 20 * 1024 * 1024
    otlp_message_bytes: int = 4 * 1024 * 1024
    api_requests_per_s: int = 20
    api_burst: int = 40
    login_requests_per_min: int = 10
    login_burst: int = 5
    console_connections: int = 100


@dataclass(frozen=True, slots=True)
class EdgePaths:
    """Where nginx keeps its files; all inside the state folder."""

    folder: Path
    access_log: Path

    @staticmethod
    def of(state: StateFolder) -> EdgePaths:
        return EdgePaths(state.edge, state.logs / "edge.access.log")

    @property
    def configuration(self) -> Path:
        return self.folder / "nginx.conf"

    @property
    def candidate(self) -> Path:
        return self.folder / "nginx.candidate.conf"

    @property
    def selections(self) -> Path:
        return self.folder / "selections.conf"

    @property
    def releases(self) -> Path:
        return self.folder / "releases.conf"

    @property
    def maintenance(self) -> Path:
        return self.folder / "maintenance.conf"

    @property
    def admin_token(self) -> Path:
        return self.folder / "admin-token.conf"

    def pages(self, colour: Colour) -> Path:
        """A link to the console's export of that colour: another one needs no reload."""
        return self.folder / f"pages.{colour}"

    @property
    def pid(self) -> Path:
        return self.folder / "nginx.pid"


Site = ConsoleSite | OtlpSite | ApplicationSite


@dataclass(frozen=True, slots=True)
class EdgeConfiguration:
    """Everything that nginx serves.

    `hosts` are the names under which clients may ask (`*` allows all); others are answered with
    421. `trusted_proxies` are networks whose `X-Forwarded-For` is believed. `https` says that
    users come over TLS. Raises InvalidInputError when sites collide.
    """

    console: ConsoleSite
    otlp: OtlpSite
    admin: Address
    paths: EdgePaths
    applications: tuple[ApplicationSite, ...] = ()
    hosts: tuple[str, ...] = LOOPBACK_HOSTS
    trusted_proxies: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    workers: int = 2
    https: bool = False

    def __post_init__(self) -> None:
        names = [site.name for site in self.sites]
        ports = [str(site.listen.port) for site in self.sites] + [str(self.admin.port)]
        if self.otlp.grpc is not None:
            ports.append(str(self.otlp.grpc.port))
        for what, values in (("site name", names), ("listening port", ports)):
            twice = {value for value in values if values.count(value) > 1}
            if twice:
                raise _refuse(f"a {what} used twice", min(twice), "each once")
        for host in self.hosts:
            if not _HOST.fullmatch(host):
                raise _refuse("a host", host, "a name, an IP address, [IPv6] or *")
        for network in self.trusted_proxies:
            if not _NETWORK.fullmatch(network):
                raise _refuse("a trusted proxy", network, "an IP address or network")
        if not 1 <= self.workers <= 64:
            raise _refuse("workers", self.workers, "1 to 64")

    @property
    def sites(self) -> tuple[Site, ...]:
        return (self.console, self.otlp, *self.applications)

    @property
    def pools(self) -> Mapping[str, Pool]:
        """The pool of each site that has two colours, by the site's name."""
        pools = {self.console.name: self.console.api}
        return pools | {site.name: site.pool for site in self.applications}

    @property
    def units(self) -> Mapping[str, Pool]:
        """The units that are switched; of several sites the first one's pool stands for all."""
        pools = {self.console.unit: self.console.api}
        for site in self.applications:
            pools.setdefault(site.unit, site.pool)
        return pools

    @property
    def releases(self) -> Mapping[str, str]:
        """The release in each colour of each unit, by `UNIT/COLOUR`."""
        return {
            f"{unit}/{colour}": pool.of(colour).release
            for unit, pool in self.units.items()
            for colour in Colour
        }


def hosts_of(settings: Settings) -> tuple[str, ...]:
    """The names under which the platform may be asked: its public one, its address, loopback."""
    public = re.sub(r"^[a-z]+://", "", settings.console_url).split("/")[0]
    public = re.sub(r":\d+$", "", public)
    wanted = (public, settings.bind_host, *LOOPBACK_HOSTS, settings.edge_host)
    return tuple(dict.fromkeys(host for host in wanted if host not in ("0.0.0.0", "::")))  # noqa: S104
