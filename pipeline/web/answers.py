"""The one shape of an answer about an error."""

from __future__ import annotations

from fastapi.responses import JSONResponse


def answer(status: int, code: str, message: str, hint: str = "") -> JSONResponse:
    """Build the answer `{"error": {"code", "message", "hint"}}`."""
    return JSONResponse({"error": {"code": code, "message": message, "hint": hint}}, status)
