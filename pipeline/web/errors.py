"""Every error in one shape: a code, a sentence, a hint, and a fitting status.

Programs get it as JSON; a browser that asks for a page gets a page that says the same.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pipeline.errors import ReelworksError, TransientError
from pipeline.web.access import wants_page
from pipeline.web.answers import answer
from pipeline.web.security import HEADERS
from pipeline.web.templating import templates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request, Response

logger = logging.getLogger(__name__)

#: Code of an error → HTTP status. Of the others, those that may pass are 503, and the rest 422:
#: the request was understood but can't be done.
STATUS = {
    "no_such_job": HTTPStatus.NOT_FOUND,
    "no_such_file": HTTPStatus.NOT_FOUND,
    "not_watched": HTTPStatus.NOT_FOUND,
    "no_such_profile": HTTPStatus.NOT_FOUND,
    "wrong_state": HTTPStatus.CONFLICT,
    "source_changed": HTTPStatus.CONFLICT,
    "source_gone": HTTPStatus.CONFLICT,
    "refused_format": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "upload_cut_short": HTTPStatus.BAD_REQUEST,
    "bad_request": HTTPStatus.BAD_REQUEST,
    "no_space": HTTPStatus.INSUFFICIENT_STORAGE,
    "unwritable": HTTPStatus.INTERNAL_SERVER_ERROR,
    "unreadable": HTTPStatus.INTERNAL_SERVER_ERROR,
    "configuration": HTTPStatus.INTERNAL_SERVER_ERROR,
}
#: What to do about a value that can't be taken.
TAKEN = "What each address takes is said at `/api/v1/openapi.json`."
#: What to say of statuses that nobody explained further.
SAID = {
    HTTPStatus.NOT_FOUND: (
        "There is nothing at this address.",
        "The library is at `/`, the API's description at `/api/v1/openapi.json`.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "This address does not take that kind of request.",
        "The API's description is at `/api/v1/openapi.json`.",
    ),
}


def install(app: FastAPI) -> None:
    """Answer every kind of error in the one shape."""
    app.add_exception_handler(ReelworksError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)


def status_of(error: ReelworksError) -> HTTPStatus:
    """Choose the HTTP status that fits an error."""
    if isinstance(error, TransientError):
        return STATUS.get(error.code, HTTPStatus.SERVICE_UNAVAILABLE)
    return STATUS.get(error.code, HTTPStatus.UNPROCESSABLE_ENTITY)


async def _ours(request: Request, error: Exception) -> Response:
    if not isinstance(error, ReelworksError):
        raise error
    return _say(request, status_of(error), error.code, error.message, error.hint)


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    code = status.phrase.lower().replace(" ", "_")
    message, hint = SAID.get(status, (str(error.detail), ""))
    return _say(request, status, code, message, hint, error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    mistakes = [
        f"{'.'.join(str(part) for part in mistake['loc'][1:])}: {mistake['msg']}"
        for mistake in error.errors()
    ]
    return _say(
        request, HTTPStatus.UNPROCESSABLE_ENTITY, "bad_request", f"{'; '.join(mistakes)}.", TAKEN
    )


async def _unexpected(request: Request, error: Exception) -> Response:
    # It is logged with its traceback by whoever runs the application: uvicorn, or a test.
    return _say(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "unexpected",
        f"The web part met an error it does not know: {type(error).__name__}.",
        "Its log says more. Please report it.",
        HEADERS,  # this answer is made outside of what else adds them
    )


def _in_words(status: HTTPStatus) -> str:
    """Say to a person what kind of error it is: the codes are for programs."""
    if status is HTTPStatus.NOT_FOUND:
        return "Not found"
    server = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return "Something is wrong here" if server else "This can't be done"


def _say(
    request: Request,
    status: HTTPStatus,
    code: str,
    message: str,
    hint: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    response: Response
    if wants_page(request):
        facts = {"said": _in_words(status), "message": message, "hint": hint}
        response = templates.TemplateResponse(request, "error.html", facts, status)
    else:
        response = answer(status, code, message, hint)
    response.headers.update(headers or {})
    return response
