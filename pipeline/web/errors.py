"""Every error in one shape: `{"error": {"code", "message", "hint"}}` and a fitting status."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pipeline.errors import ReelworksError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

logger = logging.getLogger(__name__)

#: Code of an error → HTTP status; others are 422, the request was understood but can't be done.
STATUS = {
    "no_such_job": HTTPStatus.NOT_FOUND,
    "no_such_file": HTTPStatus.NOT_FOUND,
    "not_watched": HTTPStatus.NOT_FOUND,
    "wrong_state": HTTPStatus.CONFLICT,
    "source_changed": HTTPStatus.CONFLICT,
    "refused_format": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "upload_cut_short": HTTPStatus.BAD_REQUEST,
    "bad_request": HTTPStatus.BAD_REQUEST,
    "forbidden": HTTPStatus.FORBIDDEN,
    "no_space": HTTPStatus.INSUFFICIENT_STORAGE,
    "unreachable": HTTPStatus.SERVICE_UNAVAILABLE,
}


def install(app: FastAPI) -> None:
    """Answer every kind of error in the one shape."""
    app.add_exception_handler(ReelworksError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)


def answer(status: int, code: str, message: str, hint: str = "") -> JSONResponse:
    """Build the answer about one error."""
    return JSONResponse({"error": {"code": code, "message": message, "hint": hint}}, status)


async def _ours(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, ReelworksError):
        raise error
    status = STATUS.get(error.code, HTTPStatus.UNPROCESSABLE_ENTITY)
    return answer(status, error.code, error.message, error.hint)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return answer(error.status_code, code, str(error.detail))


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    return answer(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_request", f"{place}: {first['msg']}")
