"""The requests that both generations have: a message for a session, and the upload of a file."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from aiohttp import web

from sandbox.devin.answers import STATES, Answer, Api
from sandbox.devin.bodies import RejectedError
from sandbox.devin.record import Record
from sandbox.devin.sessions import DevinAttachment, DevinPost, DevinSession, place_of
from sandbox.devin.wire import hang_up, send, uploaded_file

PLAIN_FILES = "/attachments"


@dataclass(frozen=True, slots=True)
class Speech:
    """What differs by generation: who may write, how a message is read, and what a success says."""

    api: Api
    check: Callable[[web.Request], None]
    parse: Callable[[bytes, str], DevinPost]
    success: Callable[[DevinSession, Answer], str]


async def answer_message(
    record: Record, request: web.Request, session: DevinSession | None, speech: Speech
) -> web.StreamResponse:
    """Check the key, the body and the session, in the order in which FastAPI would."""
    if session is not None:
        session.go_on()
    with record.counted(session):
        if session is not None and session.answer.ending == "refuses":
            answer = session.next_answer(speech.api)
            record.note(request, session, answer, DevinPost(), speech.api)
            return hang_up(request)
        raw = await request.read()
        try:
            speech.check(request)
            post = speech.parse(raw, request.content_type)
        except RejectedError as rejected:
            record.note(request, session, rejected.answer, DevinPost(), speech.api)
            raise
        answer = _take(record, session, post, speech.api)
        record.note(request, session, answer, post, speech.api)
        success = "null" if session is None else speech.success(session, answer)
        await answer.pause()
        return await send(request, answer, success)


def _take(record: Record, session: DevinSession | None, post: DevinPost, api: Api) -> Answer:
    """Return the session's answer, after it has taken the message, if it takes it.

    The limit on messages is that of the key, so it comes first.
    """
    if session is None:
        return STATES["missing"]
    wait = record.message_limit.retry_after() if record.message_limit else None
    if wait is not None:
        return replace(STATES["rate_limited"], retry_after=str(wait))
    answer = session.next_answer(api)
    if answer.takes:
        if answer.resumes and "sleeps on" not in record.quirks:
            record.behave(session.session_id, "running")
        record.take(session, post.message, "user_message", post.attachments)
    return answer


async def upload(record: Record, request: web.Request, prefix: str) -> DevinAttachment:
    """Keep the uploaded file, under an address that begins with `prefix`."""
    name, content = await uploaded_file(request)
    if record.upload_failures:
        raise RejectedError(record.upload_failures.pop(0), "Not now")
    id_ = str(uuid.uuid4())
    url = f"{request.url.origin()}{prefix}/{place_of(id_, name)}"
    attachment = DevinAttachment(url, name, content, id_)
    record.attachments.append(attachment)
    return attachment
