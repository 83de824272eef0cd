"""Errors as RFC 9457 `application/problem+json`: the one place where an exception becomes HTTP."""

from __future__ import annotations

import json
import logging
import traceback
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from ermask.errors import (
    BadRequest,
    ErmaskError,
    ImageTooLarge,
    NotFound,
    TooManyAttempts,
    WrongKey,
)

log = logging.getLogger(__name__)

REQUEST_ID = web.RequestKey("ermask.request_id", str)
RETRY_AFTER_ATTEMPTS_S = 60


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What went wrong, detached from the exception and from all that its traceback keeps alive."""

    status: int
    code: str
    detail: str
    hint: str | None = None
    retry_after_s: int | None = None
    request: str | None = None
    """Id of the log line, for failures that only the log explains."""
    likely: str | None = None
    """Id of a circle, see `WrongKey`."""

    def response(self) -> web.Response:
        body = {
            "type": f"urn:ermask:error:{self.code}",
            "title": self.code.replace("_", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "hint": self.hint,
        }
        if self.request is not None:
            body["request"] = self.request
        if self.likely is not None:
            body["likely"] = self.likely
        response = web.Response(
            status=self.status,
            body=json.dumps(body).encode(),
            content_type="application/problem+json",
        )
        if self.retry_after_s is not None:
            response.headers["Retry-After"] = str(self.retry_after_s)
        return response


def from_exception(error: Exception, request_id: str) -> Problem:
    """The answer for `error`; an unforeseen one is logged with its traceback, without its text.

    The text of a foreign exception may quote what it worked on, so neither the log nor the
    client gets it.
    """
    known = error if isinstance(error, ErmaskError) else _from_http(error)
    if known is not None:
        retry = getattr(known, "retry_after_s", None)
        if isinstance(known, TooManyAttempts):
            retry = RETRY_AFTER_ATTEMPTS_S
        return Problem(
            status=known.status,
            code=known.code,
            detail=known.message,
            hint=known.hint,
            retry_after_s=retry,
            likely=known.likely if isinstance(known, WrongKey) else None,
        )
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("request %s: %s\n%s", request_id, type(error).__qualname__, frames)
    return Problem(
        status=500,
        code=ErmaskError.code,
        detail="The daemon failed in a way that was not foreseen. The photo was not changed.",
        hint=f"`ermask-daemon logs` shows it as request {request_id}.",
        request=request_id,
    )


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every exception of the inner layers into an answer."""
    try:
        return await handler(request)
    except Exception as error:
        return from_exception(error, request[REQUEST_ID]).response()


def _from_http(error: Exception) -> ErmaskError | None:
    """What aiohttp itself raises: no such route, a method it lacks, a body over the limit."""
    if not isinstance(error, web.HTTPException) or error.status >= 500:
        return None
    if error.status in (404, 405):
        return NotFound("There is no such route.")
    if error.status == 413:
        return ImageTooLarge("The upload is larger than the daemon accepts.")
    return BadRequest("The request does not follow the protocol.", hint="See docs/protocol.md.")
