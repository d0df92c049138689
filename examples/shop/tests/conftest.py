"""The shop as it runs in production, once for all tests; a fresh browser for each."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from examples.shop.tests.servers import alembic, application, new_database, postgres, valkey
from examples.shop.tests.sink import Sink, listening


@dataclass(frozen=True)
class Running:
    """Addresses of what runs; `folder` holds the logs."""

    folder: Path
    postgres: str
    database: str
    web: str
    environment: dict[str, str]
    sink: Sink


@pytest.fixture(scope="session")
def shop() -> Iterator[Running]:
    folder = Path(tempfile.mkdtemp(prefix="shop-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        sink = stack.enter_context(listening())
        server = stack.enter_context(postgres(folder))
        cache = stack.enter_context(valkey(folder))
        database = stack.enter_context(new_database(server))
        alembic(database, "upgrade", "head")
        environment = {
            "DATABASE_URL": database,
            "CACHE_URL": cache,
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_PYTHON_FASTAPI_EXCLUDED_URLS": "/up",
        }
        charges = application("payments", "shop.payments:app", folder, environment)
        environment["PAYMENTS_URL"] = stack.enter_context(charges)
        web = stack.enter_context(application("web", "shop.web:app", folder, environment))
        yield Running(folder, server, database, web, environment, sink)


@pytest.fixture
def browser(shop: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shop.web, follow_redirects=True, timeout=10) as client:
        yield client


@pytest.fixture
def database(shop: Running) -> Iterator[str]:
    """An empty database, dropped afterwards."""
    with new_database(shop.postgres) as url:
        yield url
