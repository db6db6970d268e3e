"""The Protocol by version 1: every method is one operation, and every failure is a value."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from urllib.parse import quote

from bot.devin.answers import REFUSALS, explained, failed, may_be_over
from bot.devin.api import (
    Cursor,
    Failure,
    MessagePage,
    OutgoingFile,
    SessionSummary,
    Unread,
    utc_now,
)
from bot.devin.http import LIST_SECONDS, LOOK_SECONDS, STATE_SECONDS, DevinHttp, Param
from bot.devin.v1.responses import (
    PASSING,
    CreateSessionParams,
    PostMessageParams,
    parse_created,
    parse_sent,
    parse_uploaded,
)
from bot.devin.v1.sessions import behind, cursor_of, parse_list, parse_messages, parse_record
from bot.devin.wire import Answer
from bot.model.findings import Finding
from bot.model.outcomes import Outcome, Refusal, Wait
from bot.model.sessions import SessionId, SessionState


class DevinV1:
    """A client for Devin's sessions by version 1 of its API.

    Messages come only with their whole session, so `messages` reads all of it each time. No call
    returns the states of several sessions, so `states` reads each by its own call, concurrently.
    """

    def __init__(self, http: DevinHttp) -> None:
        self._http = http

    async def begin(self) -> None:
        """Do nothing: the key is enough."""

    async def post_message(
        self, session: SessionId, message: str, attachments: Sequence[str] = ()
    ) -> Outcome | Wait:
        """Send `message` to `session`, once: a lost answer is `UNCERTAIN`, never sent again."""
        params = PostMessageParams(message=self.listed(message, attachments))
        body = params.model_dump_json().encode()
        answer = await self._http.post(f"{_path(session)}/message", body)
        if not isinstance(answer, Answer):
            return answer
        outcome = parse_sent(answer)
        if not may_be_over(outcome):
            return outcome
        found = await self._summary(session, STATE_SECONDS)
        state = None if found is None else found.state
        # A finished session that does not confirm a message is over; one that takes it goes on.
        return explained(outcome, SessionState.ENDED if state is SessionState.FINISHED else state)

    def listed(self, message: str, attachments: Sequence[str] = ()) -> str:
        """Return the message with a line for each file.

        Devin takes a line of this form for a file (docs.devin.ai, "Upload files for Devin to work
        with"), and lists it with the message.
        """
        lines = "\n".join(f'ATTACHMENT:"{address}"' for address in attachments)
        return f"{message}\n\n{lines}" if lines else message

    async def messages(
        self,
        session: SessionId,
        after: Cursor | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> MessagePage | Unread:
        """Read the session, and keep the messages behind the one whose id is `after`."""
        answer = await self._http.get(_path(session), LOOK_SECONDS, clock=clock)
        if isinstance(answer, Unread):
            return answer
        found = parse_messages(answer.body)
        if found is None:
            return Unread(answer.status)
        return MessagePage(behind(found, after), cursor_of(found, after), answer.skew)

    async def states(self, sessions: Sequence[SessionId]) -> Sequence[SessionSummary]:
        """Read each of `sessions`; one that takes longer than `LIST_SECONDS` is left out."""
        reading = (self._summary(session, LIST_SECONDS) for session in sessions)
        return [one for one in await asyncio.gather(*reading) if one is not None]

    async def _summary(self, session: SessionId, seconds: float) -> SessionSummary | None:
        answer = await self._http.get(_path(session), seconds)
        return None if isinstance(answer, Unread) else parse_record(session, answer.body)

    async def recent(
        self, limit: int, tags: Sequence[str] = ()
    ) -> Sequence[SessionSummary] | Unread:
        """List the latest sessions, at most `limit`, within `LIST_SECONDS`."""
        params: dict[str, Param] = {"limit": limit, "tags": tags}
        answer = await self._http.get("/v1/sessions", LIST_SECONDS, params)
        if isinstance(answer, Unread):
            return answer
        found = parse_list(answer.body)
        return Unread(answer.status) if found is None else found[:limit]

    async def upload(self, file: OutgoingFile) -> str | Failure:
        """Upload a file and return its address.

        `POST /v1/attachments` with the field `file` returns the address
        (docs.devin.ai, "Upload files for Devin to work with").
        """
        answer = await self._http.upload("/v1/attachments", file)
        return parse_uploaded(answer) if isinstance(answer, Answer) else answer

    async def create(
        self, prompt: str, title: str = "", tags: Sequence[str] = ()
    ) -> SessionId | Failure:
        """Start a session (docs.devin.ai, "Create a new Devin session"), once.

        `idempotent` is left out: it would return an earlier session for the same prompt.
        """
        params = CreateSessionParams(prompt=prompt, title=title or None, tags=tags or None)
        answer = await self._http.post("/v1/sessions", params.model_dump_json().encode())
        return parse_created(answer) if isinstance(answer, Answer) else answer

    async def end(self, session: SessionId) -> Failure | None:
        """Terminate the session (docs.devin.ai, "Terminate a session")."""
        answer = await self._http.delete(_path(session))
        if not isinstance(answer, Answer):
            return answer
        return None if answer.status == HTTPStatus.OK else failed(answer, PASSING)

    async def probe(self) -> Sequence[Finding]:
        """Test the key by a message that lacks its required field, which reaches no session.

        Such a message is refused before any session sees it: 401 and 403 mean a bad key, 404 and
        422 a valid one.
        """
        answer = await self._http.post("/v1/sessions/devin-0/message", b"{}")
        said = str(answer.status) if isinstance(answer, Answer) else _reason(answer)
        if said in {"404", "422"}:
            says = f"takes the key for API v1 (answer {said} to a probe)"
            return [Finding("Devin", is_good=True, says=says)]
        refusal = REFUSALS.get(int(said)) if said.isdigit() else None
        unusable = f"no usable answer ({said}): look at DEVIN_API_URL"
        says = _REMEDIES.get(refusal or Refusal.OTHER, unusable)
        return [Finding("Devin", is_good=False, says=says)]


_REMEDIES = {
    Refusal.KEY_REJECTED: "rejects DEVIN_API_KEY: check that it was copied whole, or make a new "
    "one (cog_…) in Devin's settings, under Service users",
    Refusal.FORBIDDEN: "the key may not write to sessions: give it that permission, or use another",
}


def _reason(answer: Failure) -> str:
    return answer.reason if isinstance(answer, Wait) else answer.detail


def _path(session: SessionId) -> str:
    return f"/v1/sessions/{quote(session, safe='')}"
