"""Every error as Problem Details (RFC 9457), one shape for all."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from insightengine.core.errors import InsightError

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger("api")


class FieldProblem(BaseModel):
    """One wrong part of a request."""

    field: str
    message: str


class Problem(BaseModel):
    """What every error of the API looks like. `code` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str | None = None
    request_id: str | None = None
    errors: list[FieldProblem] | None = None


def problem_response(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    hint: str | None = None,
    errors: list[FieldProblem] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    problem = Problem(
        type=f"urn:insight:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        hint=hint,
        request_id=getattr(request.state, "request_id", None),
        errors=errors,
    )
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status,
        headers=dict(headers or {}),
        media_type=MEDIA_TYPE,
    )


def install_problems(app: FastAPI) -> None:
    app.add_exception_handler(InsightError, _of_insight_error)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http_exception)
    app.add_exception_handler(Exception, _of_fault)


async def _of_insight_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, InsightError)  # noqa: S101 -- registered for this class
    headers: dict[str, str] = {}
    wait = error.context.get("retry_after_s")
    if wait is not None or error.http_status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(wait or 2)
    if error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning(error.message, code=error.code, path=request.url.path)
    return problem_response(
        request, error.http_status, error.code, error.message, hint=error.hint, headers=headers
    )


async def _of_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = [
        FieldProblem(field=".".join(map(str, item["loc"][1:])) or "body", message=item["msg"])
        for item in error.errors()
    ]
    detail = "; ".join(f"{item.field}: {item.message}" for item in found)
    return problem_response(request, 400, "invalid_request", detail, errors=found)


async def _of_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    phrase = HTTPStatus(error.status_code).phrase
    return problem_response(
        request,
        error.status_code,
        phrase.lower().replace(" ", "_"),
        f"{request.method} {request.url.path}: {error.detail or phrase}",
        headers=error.headers,
    )


async def _of_fault(request: Request, error: Exception) -> JSONResponse:
    return problem_response(
        request,
        500,
        "internal",
        "the API failed on this request; nothing more is known here",
        hint="insight logs api, and look for the request id",
    )


def error_responses() -> dict[int | str, dict[str, Any]]:
    """Documents the shape of errors for every operation."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"default": {"description": "Any error, as Problem Details.", "content": content}}
