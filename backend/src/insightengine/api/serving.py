"""The API of one colour, on its port, until it is told to end."""

from __future__ import annotations

import os
from importlib.metadata import version

import uvicorn

from insightengine.api.app import create_app
from insightengine.api.tracing import install_tracing
from insightengine.core.settings import PortOffset
from insightengine.wiring.console import console_services
from insightengine.wiring.environment import load
from insightengine.wiring.logs import configure


def serve() -> None:
    context = load()
    settings = context.settings
    configure("api", settings.log_level)
    colour = os.environ.get("INSIGHT_COLOUR", "blue")
    port = settings.port(PortOffset.API_GREEN if colour == "green" else PortOffset.API_BLUE)
    app = create_app(console_services(context))
    collector = f"http://{settings.collector_host}:{settings.port(PortOffset.COLLECTOR)}"
    release = os.environ.get("INSIGHT_RELEASE") or version("insightengine")
    tracing = install_tracing(app, collector, release, colour)
    uvicorn.run(
        app,
        host=settings.listen_host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.edge_host,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=75,
        # The next request of a connection would else begin within the span of the one before.
        reset_contextvars=True,
    )
    tracing.shutdown()
