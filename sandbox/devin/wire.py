"""Sends the local Devin's answers: whole, in half, or not at all."""

from http import HTTPStatus

from aiohttp import BodyPartReader, web
from aiohttp.typedefs import Handler

from sandbox.devin.answers import Answer
from sandbox.devin.bodies import RejectedError, missing_file


def is_authorized(request: web.Request, api_key: str) -> bool:
    """Whether the request carries the key, as bearer."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key == api_key and scheme.lower() == "bearer"


def check_key(request: web.Request, api_key: str) -> None:
    """Raise what a request without the key is answered."""
    if not is_authorized(request, api_key):
        is_given = "Authorization" in request.headers
        raise RejectedError(401, "Invalid API key" if is_given else "Not authenticated")


async def file_part(request: web.Request) -> BodyPartReader:
    """Return the multipart part named `file`; raises FastAPI's answer if there is none."""
    if not request.content_type.startswith("multipart/"):
        raise missing_file()
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name == "file":
            return part
    raise missing_file()


def not_allowed(allowed: str) -> Handler:
    """Return FastAPI's 405, for every verb that a path does not have."""

    async def on_other_verb(_request: web.Request) -> web.Response:
        response = rejection(RejectedError(405, "Method Not Allowed"))
        response.headers["Allow"] = allowed
        return response

    return on_other_verb


@web.middleware
async def rejecting(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a failed check of any handler."""
    try:
        return await handler(request)
    except RejectedError as rejected:
        return rejection(rejected)


def rejection(rejected: RejectedError) -> web.Response:
    """Return a failed check as FastAPI would answer it."""
    return _whole(rejected.answer)


async def send(request: web.Request, answer: Answer) -> web.StreamResponse:
    """End the request in the way that the answer specifies."""
    if answer.ending == "drops":
        return hang_up(request)
    if answer.ending == "half":
        return await _send_half(request, answer)
    return _whole(answer)


def _whole(answer: Answer) -> web.Response:
    headers = {}
    if answer.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if answer.retry_after is not None:
        headers["Retry-After"] = answer.retry_after
    return web.Response(
        status=answer.status, text=answer.body, content_type=answer.content_type, headers=headers
    )


def hang_up(request: web.Request) -> web.Response:
    """Close the connection; aiohttp then cannot write the response anywhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _send_half(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Send the headers and the first byte of a longer body, then close the connection."""
    response = web.StreamResponse(status=answer.status)
    response.content_type = answer.content_type
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[:1].encode())
    if request.transport is not None:
        request.transport.close()
    return response
