"""Version 1's requests, and its answers to what was sent: each is a value, and nothing raises.

Their form follows the API's v1 OpenAPI description (`tests/contract/devin-v1.openapi.yaml`), where
200 has two meanings: `null` for sent, and a `detail` for a session that did not confirm it.
"""

import re
from collections.abc import Sequence
from http import HTTPStatus

from pydantic import BaseModel, ConfigDict

from bot.devin.answers import DETAIL_LIMIT, failed
from bot.devin.api import Failure
from bot.devin.wire import Answer
from bot.model.lenient import encodable, parse_object, string
from bot.model.outcomes import Outcome, OutcomeKind, Wait
from bot.model.sessions import NamedSession, parse_session

PASSING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class PostMessageParams(BaseModel):
    """The request body; the contract has only `message`."""

    model_config = ConfigDict(title="PostMessageParams", hide_input_in_errors=True)

    message: str


class CreateSessionParams(BaseModel):
    """The body that starts a session; the other documented fields keep their defaults."""

    model_config = ConfigDict(hide_input_in_errors=True)

    prompt: str
    title: str | None
    tags: Sequence[str] | None


def parse_sent(answer: Answer) -> Outcome | Wait:
    """Parse Devin's answer to a message."""
    if answer.status == HTTPStatus.OK:
        if answer.body.strip() == b"null":
            return Outcome(kind=OutcomeKind.DELIVERED, status=HTTPStatus.OK)
        detail = (parse_object(answer.body) or {}).get("detail")
        if isinstance(detail, str):
            said = encodable(detail)[:DETAIL_LIMIT]
            return Outcome(kind=OutcomeKind.UNCONFIRMED, detail=said, status=HTTPStatus.OK)
    return failed(answer, PASSING)


def parse_created(answer: Answer, title: str) -> NamedSession | Failure:
    """Parse Devin's answer to the start of a session.

    The answer tells no title, so it is the `title` that was asked for. A success that does not name
    a session may have started one all the same, and so may a 503.
    """
    if answer.status == HTTPStatus.OK:
        found = parse_object(answer.body) or {}
        session = parse_session(string(found, "session_id"))
        if session is not None:
            return NamedSession(session, title, string(found, "url"))
    return failed(answer, frozenset({HTTPStatus.TOO_MANY_REQUESTS}))


def parse_uploaded(answer: Answer) -> str | Failure:
    """Parse the address of an uploaded file: a JSON string, or bare, as in the documented sample.

    An address that cannot stand between quotes on a line of its own is none.
    """
    text = answer.body.decode(errors="replace").strip().strip('"')
    if answer.status == HTTPStatus.OK and _ADDRESS.fullmatch(text) and '"' not in text:
        return text
    found = failed(answer, PASSING)
    is_wait = isinstance(found, Wait)
    return found if is_wait else Outcome(kind=OutcomeKind.REFUSED, status=answer.status)


_ADDRESS = re.compile(r"https?://[!-~]{1,2000}")
