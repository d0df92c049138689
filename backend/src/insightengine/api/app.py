"""The application: routes, problems, access rules. Everything it works with is handed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from insightengine.api.access import Rule
from insightengine.api.cancellation import CancelWhenGone
from insightengine.api.middleware import RequestFrame
from insightengine.api.problems import Problem, error_responses, install_problems
from insightengine.api.routes import (
    audit,
    auth,
    health,
    ingest,
    metrics,
    monitoring,
    platform,
    recovery,
    releases,
    search,
    sql,
    telemetry,
    tokens,
    upkeep,
    users,
    views,
)
from insightengine.wiring.console import Services

PREFIX = "/api/v1"
_FEATURES = (
    *(auth, tokens, users, audit, platform, monitoring, search, telemetry),
    *(metrics, sql, upkeep, ingest, views, releases, recovery),
)


def create_app(services: Services | None) -> FastAPI:
    """`services` may be None to describe the API only; no request can then be answered."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if services is not None:
            await services.start()
        yield
        if services is not None:
            await services.close()

    app = FastAPI(
        title="InsightEngine",
        version=version("insightengine"),
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        responses=error_responses(),
    )
    app.state.services = services
    for feature in _FEATURES:
        app.include_router(feature.router, prefix=PREFIX)
    app.include_router(health.router)
    install_problems(app)
    app.add_middleware(CancelWhenGone)
    app.add_middleware(RequestFrame)
    app.openapi = lambda: _with_rules(FastAPI.openapi(app))  # type: ignore[method-assign]
    return app


def _operation_id(route: APIRoute) -> str:
    """`monitoring_overview`: the feature, and what is done."""
    feature = str(route.tags[0]) if route.tags else "api"
    return route.name if route.name.startswith(feature) else f"{feature}_{route.name}"


def _with_rules(document: dict[str, Any]) -> dict[str, Any]:
    """Adds the role of each operation and the shape of errors; done once, then kept."""
    if "Problem" not in document["components"]["schemas"]:
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        nested = schema.pop("$defs", {})
        document["components"]["schemas"] |= {"Problem": schema, **nested}
        for path, route in api_routes():
            for method in route.methods or ():
                operation = document["paths"][path][method.lower()]
                rule = rule_of(route)
                operation["x-insight-access"] = rule.label if rule else None
    return document


def api_routes() -> list[tuple[str, APIRoute]]:
    """Every operation with its full path."""
    routers = [(PREFIX, feature.router) for feature in _FEATURES] + [("", health.router)]
    return [
        (prefix + route.path_format, route)
        for prefix, router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
    ]


def rule_of(route: APIRoute) -> Rule | None:
    """The strictest rule of a route, or None where somebody forgot it."""
    rules: list[Rule] = []
    for dependency in route.dependant.dependencies:
        call: object = dependency.call
        if isinstance(call, Rule):
            rules.append(call)
    return max(rules, key=lambda rule: rule.rank, default=None)
