"""Web API methods that upload a file in three steps: an address, the bytes, and the message.

Errors from docs.slack.dev/reference/methods/files.completeUploadExternal. Slack does not say which
message the file came in, nor does it take metadata.
"""

import mimetypes
from typing import Any

from sandbox.slack.api.requests import (
    Method,
    Params,
    Refused,
    need_joined,
    thread_root,
    visible_channel,
)
from sandbox.slack.world.shapes import file_json
from sandbox.slack.world.state import SlackState
from sandbox.slack.world.uploads import Upload
from sandbox.slack.world.workspace import JSON, Channel, Message, SlackFile

UPLOAD_PATH = "/upload/v1/"


def get_upload_url(state: SlackState, params: Params) -> JSON:
    """Implement files.getUploadURLExternal: `length` is the number of bytes, at least one."""
    name = params.required("filename")
    length = params.text("length")
    if not length.isdigit():
        raise Refused("invalid_arguments", "[ERROR] must be an integer: length")
    if int(length) == 0:
        raise Refused("missing_argument")
    upload = state.uploads.start(name, int(length))
    url = f"{state.base_url}{UPLOAD_PATH}{upload.key}"
    return {"upload_url": url, "file_id": upload.file_id}


def complete_upload(state: SlackState, params: Params) -> JSON:
    """Implement files.completeUploadExternal: without a channel, the files stay private."""
    uploads = _uploads(state, params)
    channel = thread_ts = None
    if params.text("channel_id"):
        channel = visible_channel(state, params, "channel_id")
        need_joined(state, channel)
        thread_ts = thread_root(channel, params)
    files = [_file(state, upload, title) for upload, title in uploads]
    if channel is not None:
        _share(state, channel, files, params.text("initial_comment"), thread_ts)
    return {"files": [file_json(state.workspace, file) for file in files]}


def _uploads(state: SlackState, params: Params) -> list[tuple[Upload, str]]:
    """Return the uploads that are named, with their titles; each may be named once."""
    given: Any = params.raw.get("files")
    if not isinstance(given, list) or not given:
        raise Refused("invalid_arguments", "[ERROR] missing required field: files")
    found = []
    for entry in given:
        upload = state.uploads.find(str(entry.get("id"))) if isinstance(entry, dict) else None
        if upload is None:
            raise Refused("file_not_found")
        found.append((upload, str(entry.get("title") or upload.name)))
    return found


def _file(state: SlackState, upload: Upload, title: str) -> SlackFile:
    mimetype = mimetypes.guess_type(upload.name)[0] or "application/octet-stream"
    file = state.workspace.add_file(
        upload.name,
        user=state.bot.id,
        content=upload.content or b"",
        mimetype=mimetype,
        file_id=upload.file_id,
    )
    file.title = title
    state.uploads.finish(upload)
    return file


def _share(
    state: SlackState, channel: Channel, files: list[SlackFile], text: str, thread: str | None
) -> None:
    bot = state.bot
    ts = state.workspace.clock.next_ts()
    message = Message(channel.id, ts, user=bot.id, text=text, thread_ts=thread, files=files)
    message.bot_id, message.app_id, message.subtype = bot.bot_id, bot.app_id, "file_share"
    state.post(message)


METHODS = {
    "files.getUploadURLExternal": Method(get_upload_url, "files:write"),
    "files.completeUploadExternal": Method(complete_upload, "files:write"),
}
