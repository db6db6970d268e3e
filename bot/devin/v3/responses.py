"""Version 3's requests, and its answers to what was sent: each is a value, and nothing raises."""

import re
from collections.abc import Sequence
from http import HTTPStatus

from pydantic import BaseModel, ConfigDict

from bot.devin.answers import failed
from bot.devin.api import Failure
from bot.devin.v3.sessions import parse_record, parse_state
from bot.devin.wire import Answer
from bot.model.lenient import parse_object, string
from bot.model.outcomes import Outcome, OutcomeKind, Wait
from bot.model.sessions import NamedSession, SessionState

PASSING = frozenset({HTTPStatus.TOO_MANY_REQUESTS})
"""Only a rate limit certainly processed nothing; Devin's own client also repeats no other POST
(CognitionAI/terraform-provider-devin, `client.go`)."""


class SessionMessageCreateRequest(BaseModel):
    """The body that sends a message; `message_as_user_id` is left out."""

    model_config = ConfigDict(hide_input_in_errors=True)

    message: str
    attachment_urls: Sequence[str] | None = None


class SessionCreateRequest(BaseModel):
    """The body that starts a session; the other documented fields keep their defaults."""

    model_config = ConfigDict(hide_input_in_errors=True)

    prompt: str
    title: str | None = None
    tags: Sequence[str] | None = None


def parse_sent(answer: Answer) -> Outcome | Wait:
    """Parse Devin's answer to a message: the session, which has ended or goes on."""
    state = parse_state(answer.body) if answer.status == HTTPStatus.OK else None
    if state is None:
        return failed(answer, PASSING)
    if state is SessionState.ENDED:
        return Outcome(kind=OutcomeKind.ENDED, status=answer.status)
    return Outcome(kind=OutcomeKind.DELIVERED, status=answer.status)


def parse_created(answer: Answer, title: str) -> NamedSession | Failure:
    """Parse Devin's answer to the start of a session.

    Devin may tell no title yet: then it is the `title` that was asked for. A success that does not
    name a session may have started one all the same.
    """
    found = parse_record(answer.body) if answer.status == HTTPStatus.OK else None
    if found is None:
        return failed(answer, PASSING)
    return NamedSession(found.session, found.title or title, found.url)


def parse_uploaded(answer: Answer) -> str | Failure:
    """Parse the address in an `AttachmentResponse`; after a 503, the file may be sent again."""
    url = string(parse_object(answer.body) or {}, "url")
    if answer.status == HTTPStatus.OK and _ADDRESS.fullmatch(url):
        return url
    found = failed(answer, PASSING | {HTTPStatus.SERVICE_UNAVAILABLE})
    is_wait = isinstance(found, Wait)
    return found if is_wait else Outcome(kind=OutcomeKind.REFUSED, status=answer.status)


_ADDRESS = re.compile(r"https?://[!-~]{1,2070}")
"""`attachment_urls` takes addresses of at most 2,083 characters."""
