"""The web process: pages, JSON, and what is shown when something fails."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import redis
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException as StarletteHTTPException

from shop import api, logs, pages
from shop.checkout import PaymentGatewayError
from shop.errors import log_unhandled
from shop.requests import with_session
from shop.settings import settings_from_environment
from shop.shop import Shop

log = logging.getLogger("shop.web")
_NOT_CHARGED = "The payment service had a problem. We could not confirm that your card was charged."
_AWAY = "Something behind the shop is away for a moment. Please try again shortly."
_UNREADABLE = "Something in the form was not filled in as we need it."


def create_app() -> FastAPI:
    logs.configure("web")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.shop = Shop(settings_from_environment())
        yield
        app.state.shop.close()

    app = FastAPI(title="Kettle & Linen", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(pages.router, include_in_schema=False)
    app.include_router(api.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_api_route("/up", up, include_in_schema=False)
    app.middleware("http")(with_session)
    app.middleware("http")(unhandled)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(PaymentGatewayError, _gateway_failed)
    app.add_exception_handler(redis.RedisError, _dependency_away)
    app.add_exception_handler(DBAPIError, _dependency_away)
    return app


def up(request: Request) -> Response:
    """200 while the shop can serve: its database answers. Leaves no trace, as nobody asked."""
    shop: Shop = request.app.state.shop
    try:
        with suppress_instrumentation():
            shop.check()
    except DBAPIError:
        return JSONResponse({"status": "the database does not answer"}, status_code=503)
    return JSONResponse({"status": "ok"})


async def unhandled(
    request: Request, following: Callable[[Request], Awaitable[Response]]
) -> Response:
    return await log_unhandled(log, request, following)


def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException | StarletteHTTPException) else 500
    detail = str(getattr(error, "detail", ""))
    return _failure(request, status, "That page is not here." if detail == "Not Found" else detail)


def _unreadable(request: Request, error: Exception) -> Response:
    if request.method == "GET":
        return _failure(request, 404, "That page is not here.")
    return _failure(request, 422, _UNREADABLE)


def _gateway_failed(request: Request, error: Exception) -> Response:
    _record("payment failed", error)
    return _failure(request, 502, _NOT_CHARGED)


def _dependency_away(request: Request, error: Exception) -> Response:
    _record("a dependency is away", error)
    return _failure(request, 503, _AWAY)


def _record(event: str, error: Exception) -> None:
    log.error(event, exc_info=error)
    trace.get_current_span().record_exception(error)


def _failure(request: Request, status: int, detail: str) -> Response:
    if request.url.path.startswith("/api/"):
        problem = {"title": detail, "status": status}
        return JSONResponse(problem, status, media_type="application/problem+json")
    return pages.page(request, "failure", status=status, code=status, detail=detail)


app = create_app()
