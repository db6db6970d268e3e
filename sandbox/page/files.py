"""The files of Slack's messages, as the page offers them: pictures are shown, others saved."""

from aiohttp import web

from sandbox.slack.world.workspace import SlackFile

PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Types that no browser runs a script of; others are only ever saved."""


def file_response(file: SlackFile | None) -> web.Response:
    """Return the response with a file's content; raises aiohttp's 404 if there is none."""
    if file is None:
        raise web.HTTPNotFound(text="There is no such file.")
    if file.mimetype in PICTURES:
        return web.Response(body=file.content, content_type=file.mimetype)
    headers = {"Content-Disposition": "attachment"}
    return web.Response(body=file.content, content_type="application/octet-stream", headers=headers)
