"""Builds what the API works with from the platform's context."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import structlog

from insightengine.core.errors import UnavailableError
from insightengine.core.secrets import Secret
from insightengine.core.settings import PortOffset, Settings, StateFolder
from insightengine.protection.accounts import SETUP_TOKEN_S, AccountService
from insightengine.protection.passwords import Passwords
from insightengine.protection.sessions import Sessions
from insightengine.runtimes.local.status import read_status
from insightengine.stores.audit import PostgresAuditLog
from insightengine.stores.cache import RedisCache
from insightengine.stores.port import Accounts, AuditLog, SavedViews
from insightengine.stores.postgres import PostgresAccounts, console_engine
from insightengine.stores.reading import Reading
from insightengine.stores.views import PostgresViews
from insightengine.telemetry.clickhouse import ClickHouseStore
from insightengine.telemetry.ingest_keys import IngestKeys
from insightengine.telemetry.port import TelemetryStore
from insightengine.telemetry.query import (
    Asker,
    MetricQueries,
    SearchQueries,
    TelemetryQueries,
)
from insightengine.wiring.environment import PlatformContext, read_secret
from insightengine.wiring.recovery_health import check_objectives
from insightengine.wiring.store_commands import StoreCommands, store_commands

_log = structlog.get_logger("api")
_RENEW_CHECK_S = 600

Check = Callable[[], Awaitable[None]]
Counters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Services:
    """`checks` raise when their dependency does not answer; `close` ends all connections."""

    settings: Settings
    state: StateFolder
    account_store: Accounts
    audit_log: AuditLog
    accounts: AccountService
    views: SavedViews
    sessions: Sessions
    queries: TelemetryQueries
    searches: SearchQueries
    metrics: MetricQueries
    telemetry: TelemetryStore
    store_commands: StoreCommands
    ingest_keys: IngestKeys
    ingest_counters: Callable[[], Awaitable[tuple[Counters | None, Counters | None]]]
    checks: Mapping[str, Check]
    start: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]

    @property
    def is_https(self) -> bool:
        return self.settings.console_url.startswith("https://")

    @property
    def cookie_name(self) -> str:
        """The `__Host-` prefix lets no sub-domain set it, but browsers want TLS for it."""
        return "__Host-insight_session" if self.is_https else "insight_session"


def console_services(context: PlatformContext) -> Services:
    """Connects nothing yet: every store connects at its first use, and again after a loss."""
    settings, state = context.settings, context.state
    host, password = settings.postgres_host, read_secret(state, "postgres_insight_password")
    engine = console_engine(host, settings.port(PortOffset.POSTGRES), password)
    replica = console_engine(
        host, settings.port(PortOffset.REPLICA), password, "insight-api-reading"
    )
    reading = Reading(engine, replica)
    store = PostgresAccounts(engine)
    cache = RedisCache(
        settings.valkey_host,
        settings.port(PortOffset.VALKEY),
        read_secret(state, "valkey_password"),
    )
    telemetry = ClickHouseStore(
        settings.store_host,
        settings.port(PortOffset.STORE),
        "insight",
        read_secret(state, "store_password"),
    )
    asker = Asker(telemetry, cache=cache, timeout_s=settings.query_timeout_s)
    sessions = Sessions(cache, settings.session_idle_s, settings.session_absolute_s)
    accounts = AccountService(store, cache, sessions, Passwords())
    web = httpx.AsyncClient(timeout=1.0)
    inviting: list[asyncio.Task[None]] = []

    async def start() -> None:
        inviting.append(asyncio.create_task(_keep_inviting(accounts, state)))

    async def close() -> None:
        for task in inviting:
            task.cancel()
        await web.aclose()
        await telemetry.close()
        await cache.close()
        await reading.close()
        await store.close()

    return Services(
        settings=settings,
        state=state,
        account_store=store,
        audit_log=PostgresAuditLog(engine, reading),
        accounts=accounts,
        views=PostgresViews(engine),
        sessions=sessions,
        queries=TelemetryQueries(asker),
        searches=SearchQueries(asker),
        metrics=MetricQueries(asker),
        telemetry=telemetry,
        store_commands=store_commands(context),
        ingest_keys=IngestKeys(state.collector),
        ingest_counters=lambda: _ingest_counters(context, web),
        checks=_checks(context, store, cache, web),
        start=start,
        close=close,
    )


def _checks(
    context: PlatformContext, store: PostgresAccounts, cache: RedisCache, web: httpx.AsyncClient
) -> Mapping[str, Check]:
    settings = context.settings

    def answers(host: str, offset: int, path: str) -> Check:
        async def check() -> None:
            url = f"http://{host}:{settings.port(offset)}{path}"
            try:
                answer = await web.get(url)
            except httpx.HTTPError as error:
                raise UnavailableError(f"{error.__class__.__name__}: {error}") from None
            if not answer.is_success:
                raise UnavailableError(f"it answered {answer.status_code}")

        return check

    async def supervisor() -> None:
        status = await asyncio.to_thread(read_status, context.state.run / "status.json")
        if status is None or status["stale"]:
            raise UnavailableError("it has not written its status for more than 10 s")

    return {
        "postgres": store.ping,
        "cache": cache.ping,
        "store": answers(settings.store_host, PortOffset.STORE, "/ping"),
        "collector": answers(settings.collector_host, PortOffset.COLLECTOR, "/healthz"),
        "supervisor": supervisor,
        "recovery": partial(check_objectives, settings, context.state, web),
    }


async def _ingest_counters(
    context: PlatformContext, web: httpx.AsyncClient
) -> tuple[Counters | None, Counters | None]:
    """The collector's and the store's; None for one that does not answer."""
    settings = context.settings

    async def read(host: str, offset: int, auth: tuple[str, str] | None) -> Counters | None:
        try:
            answer = await web.get(f"http://{host}:{settings.port(offset)}/counters", auth=auth)
            return dict(answer.raise_for_status().json())
        except (httpx.HTTPError, ValueError):
            return None

    password = read_secret(context.state, "store_password").reveal()
    collector = read(settings.collector_host, PortOffset.COLLECTOR, None)
    store = read(settings.store_host, PortOffset.STORE, ("insight", password))
    found = await asyncio.gather(collector, store)
    return found[0], found[1]


async def _keep_inviting(accounts: AccountService, state: StateFolder) -> None:
    """Keeps a valid set-up link in place until the first administrator has a password."""
    path = state.secret("setup_token")
    pause_s = 1
    while True:
        try:
            if not path.exists() or _age_s(path.stat().st_mtime) > SETUP_TOKEN_S - 3600:
                token = await accounts.prepare_first_administrator()
                if token is None:
                    path.unlink(missing_ok=True)
                    return
                write_secret(state, "setup_token", token)
                _log.info("a set-up link is ready", hint="insight setup-link")
            pause_s = _RENEW_CHECK_S
        except (UnavailableError, OSError) as error:
            _log.warning("no set-up link yet", reason=str(error))
        await asyncio.sleep(pause_s)


def _age_s(modified: float) -> float:
    return datetime.now(UTC).timestamp() - modified


def write_secret(state: StateFolder, name: str, secret: Secret) -> None:
    """Replaces the file; never readable for others, never half-written."""
    path = state.secret(name)
    temporary = path.with_name(f".{name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secret.reveal())
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)
