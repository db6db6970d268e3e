"""A POST of the control API: its JSON is checked by a model, and refused with a sentence."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import web
from pydantic import ValidationError

from sandbox.page.commands import Command

Reply = dict[str, Any]
C = TypeVar("C", bound=Command)


def post(path: str, model: type[C], act: Callable[[C], Awaitable[Reply]]) -> web.RouteDef:
    """Return the route of a command: its JSON is checked, and acted on."""

    async def on_command(request: web.Request) -> web.Response:
        try:
            command = model.model_validate_json(await request.read(), strict=True)
        except ValidationError as error:
            return _refusal(_sentence(error))
        try:
            return web.json_response(await act(command))
        except (LookupError, ValueError, RuntimeError) as error:
            return _refusal(str(error))

    return web.post(path, on_command)


def _sentence(error: ValidationError) -> str:
    """Describe a body's errors in plain words, without repeating its values."""
    parts = []
    for entry in error.errors(include_input=False, include_url=False):
        where = ".".join(str(step) for step in entry["loc"])
        parts.append(f"{where}: {entry['msg']}" if where else entry["msg"])
    return "The request cannot be used: " + "; ".join(parts) + "."


def _refusal(sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=400)
