"""The app's answers through a response URL, or in the acknowledgement of a command."""

import json
from typing import Any

from aiohttp import web

from sandbox.slack.acts.response_urls import ResponseUrl
from sandbox.slack.acts.views import with_ids
from sandbox.slack.api.blocks import block_problems
from sandbox.slack.world.payloads import message_json
from sandbox.slack.world.state import SlackState
from sandbox.slack.world.workspace import JSON, Message


async def serve_response(state: SlackState, request: web.Request) -> web.Response:
    """Answer one POST to `/response/<id>`: `ok`, or a status and Slack's error."""
    url, error = state.response_urls.use(request.match_info["key"])
    if url is None:
        return web.json_response({"ok": False, "error": error}, status=404)
    try:
        body = json.loads(await request.text())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return web.Response(status=400, text="invalid_payload")
    error = apply_response(state, url, body)
    if error is not None:
        return web.Response(status=400, text=error)
    return web.Response(text="ok")


def apply_response(state: SlackState, url: ResponseUrl, body: JSON) -> str | None:
    """Apply the app's response; return Slack's error if it is refused.

    Without `response_type` the answer is ephemeral, and without `thread_ts` it is not in a thread.
    """
    original = _original(state, url)
    if body.get("delete_original") is True:
        return _delete(state, original)
    blocks: Any = body.get("blocks") or []
    if block_problems(blocks):
        return "invalid_blocks"
    if not body.get("text") and not blocks:
        return "no_text"
    if body.get("replace_original") is True and original is not None:
        _replace(state, original, body)
        return None
    message = Message(
        url.channel,
        state.workspace.clock.next_ts(),
        user=state.bot.id,
        bot_id=state.bot.bot_id,
        app_id=state.bot.app_id,
        text=str(body.get("text", "")),
        blocks=with_ids(blocks),
        thread_ts=body.get("thread_ts"),
    )
    if body.get("response_type") == "in_channel":
        state.post(message)
    else:
        message.ephemeral_to = url.user
        state.post_ephemeral(message)
    return None


def _original(state: SlackState, url: ResponseUrl) -> Message | None:
    if url.message_ts is None:
        return None
    if url.is_ephemeral:
        return next((it for it in state.ephemerals if it.ts == url.message_ts), None)
    return state.workspace.channel(url.channel).messages.get(url.message_ts)


def _delete(state: SlackState, original: Message | None) -> str | None:
    if original is None:
        return "message_not_found"
    if original.ephemeral_to is None:
        state.delete(original)
    else:
        state.ephemerals.remove(original)
        state.notify("ephemeral", channel=original.channel, ts=original.ts)
    return None


def _replace(state: SlackState, original: Message, body: JSON) -> None:
    previous = message_json(state.workspace, original)
    original.text = str(body.get("text", ""))
    original.blocks = with_ids(body.get("blocks") or [])
    if original.ephemeral_to is None:
        original.edited = {"user": state.bot.id, "ts": state.workspace.clock.next_ts()}
        state.changed(original, previous)
    else:
        state.notify("ephemeral", channel=original.channel, ts=original.ts)
