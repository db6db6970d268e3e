"""Sends the local Devin's answers, worded by generation: whole, in half, or not at all."""

import json
from http import HTTPStatus

from aiohttp import BodyPartReader, web
from aiohttp.http import HttpProcessingError
from aiohttp.typedefs import Handler

from sandbox.devin.answers import JSON, Answer, Api
from sandbox.devin.bodies import RejectedError, missing_file

PROBLEM = "application/problem+json"


def api_of(request: web.Request) -> Api:
    """Return the generation that a request speaks."""
    return "v3" if request.path.startswith("/v3") else "v1"


def bearer(request: web.Request) -> str | None:
    """Return the key that the request carries as bearer."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key if scheme.lower() == "bearer" else None


def check_key(request: web.Request, api_key: str) -> None:
    """Raise what a request without the key is answered."""
    if bearer(request) != api_key:
        is_given = "Authorization" in request.headers
        raise RejectedError(401, "Invalid API key" if is_given else "Not authenticated")


async def uploaded_file(request: web.Request) -> tuple[str, bytes]:
    """Return the name and content of the multipart part `file`; raises FastAPI's answer to none."""
    if not request.content_type.startswith("multipart/"):
        raise missing_file()
    try:
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name == "file":
                return part.filename or "file", bytes(await part.read())
    except (ValueError, HttpProcessingError) as error:
        raise RejectedError(400, "There was an error parsing the body") from error
    raise missing_file()


def not_allowed(*allowed: str) -> Handler:
    """Return FastAPI's 405, for every verb that a path does not have."""

    async def on_other_verb(request: web.Request) -> web.Response:
        response = rejection(request, RejectedError(405, "Method Not Allowed"))
        response.headers["Allow"] = ", ".join(allowed)
        return response

    return on_other_verb


@web.middleware
async def rejecting(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a failed check of any handler."""
    try:
        return await handler(request)
    except RejectedError as rejected:
        await rejected.answer.pause()
        return rejection(request, rejected)


def rejection(request: web.Request, rejected: RejectedError) -> web.Response:
    """Return a failed check as the generation that was asked words it."""
    return _whole(rejected.answer, *_worded(rejected.answer, api_of(request), ""))


async def send(request: web.Request, answer: Answer, success: str = "null") -> web.StreamResponse:
    """End the request in the way that the answer specifies; `success` is the body of a 200."""
    body, content_type = _worded(answer, api_of(request), success)
    if answer.ending in {"drops", "refuses"}:
        return hang_up(request)
    if answer.ending == "half":
        return await send_half(request, answer.status, body.encode(), content_type, sent=1)
    return _whole(answer, body, content_type)


def _worded(answer: Answer, api: Api, success: str) -> tuple[str, str]:
    """Return the body and its type: raw, FastAPI's `detail`, a `ProblemDetail`, or the success."""
    if answer.body is not None:
        return answer.body, answer.content_type
    if api == "v3" and answer.status >= HTTPStatus.BAD_REQUEST:
        return _problem(answer.status, answer.detail), PROBLEM
    if api == "v1" and answer.detail is not None:
        return json.dumps({"detail": answer.detail}), JSON
    return success, JSON


def _problem(status: int, detail: object) -> str:
    """A `ProblemDetail` (RFC 9457), whose `errors` are FastAPI's list of what is invalid."""
    known = HTTPStatus._value2member_map_
    problem: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase if status in known else "Error",
        "status": status,
        "detail": None if isinstance(detail, list) else detail,
    }
    if isinstance(detail, list):
        problem["errors"] = detail
    return json.dumps(problem)


def _whole(answer: Answer, body: str, content_type: str) -> web.Response:
    headers = {}
    if answer.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if answer.retry_after is not None:
        headers["Retry-After"] = answer.retry_after
    return web.Response(status=answer.status, text=body, content_type=content_type, headers=headers)


def hang_up(request: web.Request) -> web.Response:
    """Close the connection; aiohttp then cannot write the response anywhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def send_half(
    request: web.Request, status: int, body: bytes, content_type: str, *, sent: int | None = None
) -> web.StreamResponse:
    """Send the headers and half of the body, or `sent` bytes of it, then close the connection."""
    response = web.StreamResponse(status=status)
    response.content_type = content_type
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2 if sent is None else sent])
    if request.transport is not None:
        request.transport.close()
    return response
