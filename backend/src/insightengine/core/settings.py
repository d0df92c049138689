"""Every setting of the platform, with its default. Read once at the edge, passed as a value.

A setting `base_port` is given as `INSIGHT_BASE_PORT` in the environment or in the project's `.env`
file; the environment wins. `docs/reference/settings.md` is generated from this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from insightengine.core.errors import InvalidInputError
from insightengine.core.places import PREFIX as PREFIX
from insightengine.core.places import Environment as Environment
from insightengine.core.places import Runtime as Runtime
from insightengine.core.places import StateFolder as StateFolder

LOOPBACK = "127.0.0.1"


class PortOffset:
    """Where each server listens, counted from `base_port`.

    With the default base 4300 the well-known endings stay recognisable: 4317 (gRPC) and 4318 for
    OTLP, 4332 for PostgreSQL (5432), 4379 for Valkey (6379), 4323 for ClickHouse HTTP (8123).
    """

    CONSOLE = 0
    PUBLIC = 1  # free for what an application publishes: `$INSIGHT_PUBLIC_PORT` in its file
    API_BLUE = 10
    API_GREEN = 11
    CONSOLE_DEV = 12  # `next dev` of `insight dev --console`
    OTLP_GRPC = 17
    OTLP_HTTP = 18
    COLLECTOR = 19
    EDGE_ADMIN = 20  # loopback only: the edge's status and the switch of colours
    STORE = 23
    BACKUPS = 24
    POSTGRES = 32
    REPLICA = 33
    VALKEY = 79
    APPLICATION = 40  # two ports (blue, green) for each service of the application, in order


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Settings(BaseModel):
    """The validated settings. Sizes are bytes and durations seconds, as the names say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: Environment = Field(
        Environment.DEVELOPMENT, description="Which environment this platform serves."
    )
    runtime: Runtime = Field(
        Runtime.LOCAL,
        description="What the application runs in: local processes, or containers (compose).",
    )
    docker_subnet: str | None = Field(
        None,
        description="Network between the edge and containers, such as 10.201.0.0/16; default is "
        "one that Docker finds free.",
    )
    bind_host: str = Field("127.0.0.1", description="Address on which the edge listens.")
    listen_host: str = Field(
        LOOPBACK,
        description="Address on which the platform's servers listen for each other; the edge's own "
        "is `bind_host`.",
    )
    edge_host: str = Field(
        LOOPBACK,
        description="Where the platform's servers meet the edge; client addresses that it tells "
        "are believed.",
    )
    api_host: str = Field(LOOPBACK, description="Where the API is reached.")
    collector_host: str = Field(LOOPBACK, description="Where the collector is reached.")
    store_host: str = Field(LOOPBACK, description="Where the telemetry store is reached.")
    postgres_host: str = Field(LOOPBACK, description="Where PostgreSQL is reached.")
    valkey_host: str = Field(LOOPBACK, description="Where Valkey is reached.")
    base_port: Annotated[int, Field(ge=1024, le=65435)] = Field(
        4300, description="First of the 100 ports of this platform; all others are offsets from it."
    )
    public_url: str | None = Field(
        None, description="Address of the console as users type it; default is the edge's own."
    )
    log_level: LogLevel = Field(LogLevel.INFO, description="Lowest level of the platform's logs.")
    otlp_max_body_bytes: Annotated[int, Field(ge=1024)] = Field(
        20 * 1024 * 1024,
        description="Largest decompressed OTLP request; larger ones get 413.",
    )
    otlp_grpc_max_message_bytes: Annotated[int, Field(ge=1024)] = Field(
        4 * 1024 * 1024,
        description="Largest decompressed message over gRPC; larger ones get RESOURCE_EXHAUSTED.",
    )
    otlp_allowed_origins: str = Field(
        "",
        description=(
            "Origins whose pages may send telemetry from a browser, separated by spaces; `*` for "
            "all. Pages of the collector's own host always may."
        ),
    )
    otlp_require_key: bool = Field(
        default=False,
        description="Whether senders need an ingest key; a wrong one is refused in any case.",
    )
    redact_fields: str = Field(
        "",
        description=(
            "Names of attributes whose values are never stored, separated by spaces; `password` "
            "also means `db.user.password`."
        ),
    )
    redact_patterns: str = Field(
        "",
        description=(
            "What is taken out of all text before it is stored: `card` (numbers of payment cards), "
            "`token` (access tokens and private keys), `email`; separated by spaces."
        ),
    )
    spool_max_bytes: Annotated[int, Field(ge=1024 * 1024)] = Field(
        2 * 1024**3, description="Size of the telemetry spool from which on senders get 503."
    )
    spool_segment_bytes: Annotated[int, Field(ge=1024)] = Field(
        12_000_000, description="Size at which a spool segment is closed and inserted."
    )
    spool_segment_age_s: Annotated[float, Field(gt=0, le=60)] = Field(
        1.0, description="Age at which a spool segment is closed and inserted."
    )
    telemetry_retention_days: Annotated[int, Field(ge=1)] = Field(
        14, description="Days that logs, spans and metrics are kept where nothing else was decided."
    )
    telemetry_max_bytes: Annotated[int, Field(ge=64 * 1024 * 1024)] | None = Field(
        None, description="Size of all telemetry from which on the oldest days are removed."
    )
    clickhouse_url: str | None = Field(
        None, description="HTTP address of a ClickHouse server that keeps telemetry instead of us."
    )
    clickhouse_user: str = Field("insight", description="User there, who may create tables.")
    clickhouse_cluster: str | None = Field(
        None, description="Name of its cluster; tables are then replicated and distributed."
    )
    clickhouse_cold_policy: Annotated[str, Field(pattern=r"^\w+$")] | None = Field(
        None, description="Storage policy there, whose volume `cold` takes older records."
    )
    clickhouse_cold_days: Annotated[int, Field(ge=1)] = Field(
        7, description="Days after which records move to that volume."
    )
    store_memory_bytes: Annotated[int, Field(ge=64 * 1024 * 1024)] = Field(
        1024**3, description="Memory that queries of the telemetry store may use together."
    )
    query_timeout_s: Annotated[float, Field(gt=0)] = Field(
        20.0, description="Time after which a telemetry query is ended."
    )
    host_metrics_interval_s: Annotated[float, Field(gt=0)] = Field(
        5.0, description="Interval at which host and process metrics are read."
    )
    session_idle_s: Annotated[int, Field(ge=60)] = Field(
        1800, description="Idle time after which a log-in ends."
    )
    session_absolute_s: Annotated[int, Field(ge=60)] = Field(
        43200, description="Time after which a log-in ends in any case."
    )
    restart_backoff_max_s: Annotated[float, Field(gt=0)] = Field(
        30.0, description="Longest pause before a died process is started again."
    )
    start_timeout_s: Annotated[float, Field(gt=0)] = Field(
        60.0, description="Time a process has to become ready."
    )
    service_user: str | None = Field(
        None, description="User that services run as when the platform is started by root."
    )

    def port(self, offset: int) -> int:
        """The port of one server; `offset` is one of `PortOffset`."""
        return self.base_port + offset

    @property
    def console_url(self) -> str:
        """Address of the console, without a trailing slash."""
        return (self.public_url or f"http://{self.bind_host}:{self.base_port}").rstrip("/")


def settings_from(
    variables: Mapping[str, str], source: str, origins: Mapping[str, str] | None = None
) -> Settings:
    """Settings from environment-like variables; those without the prefix are ignored.

    `origins` says where a variable was given; `source` stands for those that it does not name.
    Raises InvalidInputError that names each wrong variable, where it was given, what was found and
    what is allowed.
    """
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in variables.items()
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).lower() in Settings.model_fields
    }
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        wrong: dict[str, list[str]] = {}
        for item in error.errors():
            name = f"{PREFIX}{str(item['loc'][0]).upper()}"
            told = wrong.setdefault((origins or {}).get(name, source), [])
            told.append(f"{name}={item['input']!r}: {item['msg'].lower()}")
        raise InvalidInputError(
            "; ".join(f"{where}: {'; '.join(told)}" for where, told in wrong.items()),
            code="invalid_setting",
            hint="see docs/reference/settings.md for the allowed values",
        ) from None
