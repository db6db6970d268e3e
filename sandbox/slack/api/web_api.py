"""The Web API: `/api/<method>`, with Slack's tokens, scopes, refusals and planned faults.

It also serves private files; like the real one, it answers a request without the right token with a
sign-in page, not an error.
"""

import asyncio
import json
import time

from aiohttp import web

from sandbox.ids import new_id
from sandbox.slack.api import (
    agent_methods,
    assistant_methods,
    chat_methods,
    file_methods,
    read_methods,
    view_methods,
)
from sandbox.slack.api.faults import ApiCall, Download, Fault
from sandbox.slack.api.requests import Caller, Method, Params, Refused, need
from sandbox.slack.transport.socket_mode import SocketModeTransport
from sandbox.slack.world.state import SlackState
from sandbox.slack.world.workspace import JSON

METHODS: dict[str, Method] = {
    **agent_methods.METHODS,
    **assistant_methods.METHODS,
    **chat_methods.METHODS,
    **file_methods.METHODS,
    **read_methods.METHODS,
    **view_methods.METHODS,
}
CONNECTIONS_OPEN = "apps.connections.open"
UPLOAD = "upload"
"""The name of a POST to an upload address, in the ledger and for planned failures."""
DOWNLOAD = "download"
"""The name of a GET of a private file, for planned failures."""
_UNAVAILABLE = "<!DOCTYPE html><html><head><title>Server Error | Slack</title></head></html>"
_SIGN_IN = "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head></html>"


class WebApi:
    """Answers Web API calls on one state."""

    def __init__(
        self, state: SlackState, tokens: dict[str, Caller], socket_mode: SocketModeTransport | None
    ) -> None:
        self.base_url = ""
        self._state = state
        self._tokens = tokens
        self._socket_mode = socket_mode

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one call, or fail it as planned."""
        call, fault = await self._begin(request.match_info["method"])
        if fault.drop:
            return _dropped(request)
        answer, warning = await self._answer(request, call, fault)
        self._state.notify("call", method=call.method, error=call.error)
        if fault.drop_after:
            return _dropped(request)
        call.status = answer.status
        return self._finished(answer, call.method, warning)

    async def serve_upload(self, request: web.Request) -> web.Response:
        """Take the bytes of an upload, raw or as a form's only file; the address is the secret.

        What Slack answers to another length than was announced is not documented.
        """
        call, fault = await self._begin(UPLOAD)
        if fault.drop:
            return _dropped(request)
        content = await _uploaded(request)
        call.params = {"length": len(content)}
        if fault.replaces_answer:
            call.status = fault.status
            return _failed(call, fault)
        is_taken = self._state.uploads.receive(request.match_info["key"], content)
        if fault.drop_after:
            return _dropped(request)
        call.status, text = (200, f"OK - {len(content)}") if is_taken else (400, "invalid upload")
        return web.Response(status=call.status, text=text)

    async def _begin(self, method: str) -> tuple[ApiCall, Fault]:
        """Add a call to the ledger, and return its fault after the time that this takes."""
        call = ApiCall(method, {}, time.monotonic())
        self._state.calls.append(call)
        fault = self._state.faults.take(method) or Fault()
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.until is not None:
            await fault.until.wait()
        return call, fault

    async def serve_file(self, request: web.Request) -> web.Response:
        """Answer the download of a private file: its content, the sign-in page, or a redirect."""
        caller = self._tokens.get(_bearer(request))
        origin = str(request.url.origin())
        self._state.downloads.append(Download(origin, caller is not None))
        fault = self._state.faults.take(DOWNLOAD) or Fault()
        if fault.drop:
            return _dropped(request)
        if fault.replaces_answer:
            return _failed(ApiCall(DOWNLOAD, {}, 0.0), fault)
        lead = self._state.faults.files_lead_to
        if lead is not None and origin == self.base_url:
            raise web.HTTPFound(f"{lead}{request.raw_path}")
        file = self._state.workspace.files.get(request.match_info["file"])
        if caller is None or file is None or "files:read" not in self._state.scopes:
            return web.Response(text=_SIGN_IN, content_type="text/html")
        return web.Response(body=file.content, content_type=file.mimetype)

    async def _answer(
        self, request: web.Request, call: ApiCall, fault: Fault
    ) -> tuple[web.Response, str]:
        warning = ""
        try:
            raw, warning = await _read(request)
            token = str(raw.pop("token", "")) or _bearer(request)
            params = Params(raw)
            call.params = params.raw
            if call.method == "chat.postMessage" and self._is_too_soon(params):
                fault = Fault(status=429, retry_after=1)
            if fault.replaces_answer:
                return _failed(call, fault), ""
            if self._is_refusing(call.method):
                call.error = "service_unavailable"
                return _html(503), ""
            body = {"ok": True, **self._run(call.method, token, params)}
            warning = ",".join(filter(None, (warning, body.pop("warning", ""))))
        except Refused as refused:
            call.error = refused.error
            body = {"ok": False, "error": refused.error, **refused.facts}
            if refused.messages:
                body["response_metadata"] = {"messages": list(refused.messages)}
        return web.json_response(_with_warning(body, warning)), warning

    def _is_too_soon(self, params: Params) -> bool:
        return self._state.faults.posts.is_over(str(params.raw.get("channel")))

    def _is_refusing(self, method: str) -> bool:
        socket_mode = self._socket_mode
        return method == CONNECTIONS_OPEN and socket_mode is not None and socket_mode.is_refusing

    def _run(self, method: str, token: str, params: Params) -> JSON:
        known = METHODS.get(method)
        if known is None and method != CONNECTIONS_OPEN:
            raise Refused("unknown_method", req_method=method)
        if known is not None and not known.tokens:
            return known.run(self._state, params)
        caller = self._caller(token)
        if known is None:
            return self._open_connection(caller)
        if method == "auth.test" and caller.kind == "app":
            return {"app_name": self._state.bot.real_name, "app_id": self._state.bot.app_id}
        if caller.kind not in known.tokens:
            raise Refused("not_allowed_token_type")
        need(self._state, known.scope)
        return known.run(self._state, params)

    def _caller(self, token: str) -> Caller:
        if not token:
            raise Refused("not_authed")
        if token in self._state.steps.running.values():
            return Caller("step", token)
        caller = self._tokens.get(token)
        if caller is None:
            raise Refused("invalid_auth")
        return caller

    def _open_connection(self, caller: Caller) -> JSON:
        if caller.kind != "app":
            raise Refused("not_allowed_token_type")
        if self._socket_mode is None:
            raise Refused("access_denied")
        return {"url": self._socket_mode.new_url(self.base_url)}

    def _finished(self, answer: web.Response, method: str, warning: str) -> web.Response:
        known = METHODS.get(method)
        answer.headers["x-oauth-scopes"] = ",".join(self._state.scopes)
        answer.headers["x-accepted-oauth-scopes"] = known.scope if known else ""
        answer.headers["x-slack-req-id"] = new_id("", 32).lower()
        if warning:
            answer.headers["x-slack-warning"] = warning
        return answer


async def _read(request: web.Request) -> tuple[JSON, str]:
    """Return the call's parameters and Slack's warning about the charset, if any."""
    raw: JSON = dict(request.query)
    has_charset = request.charset is not None
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError:
            raise Refused("invalid_json") from None
        if not isinstance(body, dict):
            raise Refused("json_not_object")
        return raw | body, "" if has_charset else "missing_charset"
    raw |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    return raw, "superfluous_charset" if has_charset else ""


async def _uploaded(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    parts = [part for part in (await request.post()).values() if isinstance(part, web.FileField)]
    return parts[0].file.read() if parts else b""


def _with_warning(body: JSON, warning: str) -> JSON:
    if not warning:
        return body
    metadata = body.get("response_metadata", {})
    metadata = {**metadata, "warnings": warning.split(",")}
    return {"warning": warning, **body, "response_metadata": metadata}


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _html(status: int) -> web.Response:
    return web.Response(status=status, text=_UNAVAILABLE, content_type="text/html")


def _failed(call: ApiCall, fault: Fault) -> web.Response:
    if fault.body is not None:
        return web.json_response({"ok": True, **fault.body})
    call.error = fault.error or ("ratelimited" if fault.status == 429 else "internal_error")  # noqa: PLR2004 - HTTP's own number
    if fault.page or (fault.status >= 500 and fault.error is None):  # noqa: PLR2004 - the 5xx class
        return _html(fault.status)
    answer = web.json_response({"ok": False, "error": call.error}, status=fault.status)
    if fault.retry_after is not None:
        answer.headers["Retry-After"] = str(fault.retry_after)
    return answer


def _dropped(request: web.Request) -> web.Response:
    """Cut the connection; the response goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
