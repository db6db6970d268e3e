"""The Protocol by version 1: every method is one operation, and every failure is a value."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from http import HTTPStatus

from pydantic_core import to_json

from bot.devin import answers, api
from bot.devin.answers import Read
from bot.devin.api import Failure, SessionSummary, Unread
from bot.devin.http import DevinHttp, Param, path_of
from bot.devin.v1 import sessions as v1
from bot.model.findings import Finding
from bot.model.options import Options, Playbook
from bot.model.replies import Outcome, OutcomeKind, Refusal, Wait
from bot.model.sessions import NamedSession, SessionId, SessionState

log = logging.getLogger(__name__)

LISTED = 1000
"""The latest sessions, among which a survey looks; no document bounds `limit`, and a public client
sends at most this (gassara-kys/go-devin)."""

DEFAULT_LISTED = 100
"""What the list has by default, should Devin refuse more, or give more than can be read."""

MISSING = Unread(why="not in API v1", is_forbidden=True)

SINGLE = 5
"""The sessions that a survey reads by a call for each, at most."""


class DevinV1:
    """A client for version 1, which gives messages only with their whole session.

    No call returns the states of chosen sessions: `survey` looks for them among the latest.
    """

    lacks = frozenset({"repo", "mode"})
    is_legacy = True
    over = frozenset({SessionState.FINISHED, SessionState.ENDED})

    def __init__(self, http: DevinHttp) -> None:
        self._http = http
        self.open_file = http.downloads.open

    async def begin(self) -> None:
        (key,) = await self.probe()  # which is enough; one that Devin rejects ends no start
        if key.says == answers.REJECTED:
            log.error("Devin rejects the key", extra={"reason": f"{key.says}. {key.fix}"})

    async def post_message(
        self,
        session: SessionId,
        message: str,
        attachments: Sequence[str] = (),
        as_user: str = "",  # noqa: ARG002  (no such parameter)
    ) -> Outcome | Wait:
        body = to_json({"message": self.listed(message, attachments)})
        answer = await self._http.post(f"{_path(session)}/message", body)
        outcome = answers.written(answer, v1.parse_sent, answers.AWAY)
        if not answers.may_be_over(outcome):
            return outcome
        found = await self._summary(session, self._http.timing.state_seconds)
        state = None if isinstance(found, Unread) else found.state
        # A finished session that does not confirm a message is over; one that takes it goes on.
        return answers.explained(
            outcome, SessionState.ENDED if state is SessionState.FINISHED else state
        )

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
        after: api.Cursor | None = None,
        clock: Callable[[], datetime] | None = None,
        slow: int = 0,
    ) -> api.MessagePage | Unread:
        path, (_, times) = _path(session), api.patience(slow)
        seconds = times * self._http.timing.read_seconds
        answer = await self._http.get(Read.MESSAGES, path, seconds, clock=clock)
        if isinstance(answer, Unread):
            return answer
        return answers.parsed(answer, partial(v1.parse_messages, after=after, skew=answer.skew))

    async def survey(self, sessions: Sequence[SessionId]) -> api.Survey | Unread:
        """Look for several `sessions` in the list, and read the first few others singly.

        If Devin asks to wait, or none can be read, that is the answer for all.
        """
        wanted = dict.fromkeys(sessions)
        found: dict[SessionId, SessionSummary] = {}
        reads = 0
        if len(wanted) > 1:
            listed, reads = await self._listed(DEFAULT_LISTED if len(wanted) <= SINGLE else LISTED)
            if isinstance(listed, Unread):
                return listed
            found = {one.session: one for one in listed if one.session in wanted}
        missing = [session for session in wanted if session not in found][:SINGLE]
        reading = (self._summary(session, self._http.timing.read_seconds) for session in missing)
        singly = zip(missing, await asyncio.gather(*reading), strict=True)
        unread, reads = dict[SessionId, Unread](), reads + len(missing)
        for session, one in singly:
            if not isinstance(one, Unread):
                found[session] = one
            elif one.status != HTTPStatus.NOT_FOUND:
                unread[session] = one
        for why in unread.values():
            if why.retry_after or not (found or why.is_too_long):
                return replace(why, reads=reads)
        return api.Survey(found, reads, unread)

    async def _listed(self, limit: int) -> tuple[Sequence[SessionSummary] | Unread, int]:
        """List the latest sessions, or fewer if that fails for their number; count the calls."""
        seconds = self._http.timing.read_seconds
        found = await self._list(Read.STATES, seconds, {"limit": limit})
        if limit <= DEFAULT_LISTED or not isinstance(found, Unread):
            return found, 1
        if not (found.is_too_long or found.status == HTTPStatus.UNPROCESSABLE_ENTITY):
            return found, 1
        return await self._list(Read.STATES, seconds, {"limit": DEFAULT_LISTED}), 2

    async def _summary(self, session: SessionId, seconds: float) -> SessionSummary | Unread:
        answer = await self._http.get(Read.SESSION, _path(session), seconds)
        return answers.parsed(answer, partial(v1.parse_record, session))

    async def recent(
        self, limit: int, tags: Sequence[str] = ()
    ) -> Sequence[SessionSummary] | Unread:
        seconds = self._http.timing.read_seconds if tags else self._http.timing.list_seconds
        found = await self._list(Read.LIST, seconds, {"limit": limit, "tags": tags})
        return found if isinstance(found, Unread) else found[:limit]

    async def _list(
        self, kind: Read, seconds: float, params: Mapping[str, Param]
    ) -> Sequence[SessionSummary] | Unread:
        return answers.parsed(
            await self._http.get(kind, "/v1/sessions", seconds, params), v1.parse_list
        )

    async def playbooks(self) -> Sequence[Playbook] | Unread:
        """List the playbooks (docs.devin.ai, "List playbooks")."""
        seconds = self._http.timing.read_seconds
        answer = await self._http.get(Read.PLAYBOOKS, "/v1/playbooks", seconds)
        found = answers.parsed(answer, v1.parse_array)
        return found if isinstance(found, Unread) else answers.playbooks(found)

    async def member(self, *_: object) -> Unread:
        """Return why nothing is read: version 1 has no call for it."""
        return MISSING

    matching = review = repositories = member

    async def archive(self, _: object) -> Failure:
        """Refuse: version 1 has no such call."""
        return Outcome(kind=OutcomeKind.REFUSED, refusal=Refusal.OTHER)

    ask_review = archive

    async def upload(self, file: api.OutgoingFile) -> str | Failure:
        """Upload a file (docs.devin.ai, "Upload files for Devin to work with")."""
        answer = await self._http.upload("/v1/attachments", file)
        return answers.written(answer, v1.parse_uploaded, answers.AWAY)

    async def create(
        self,
        prompt: str,
        options: Options,
        tag: str,
        as_user: str = "",  # noqa: ARG002  (no such parameter)
    ) -> NamedSession | Failure:
        """Start a session (docs.devin.ai, "Create a new Devin session"), once.

        `idempotent` is left out: it would return an earlier session for the same prompt.
        """
        answer = await self._http.post("/v1/sessions", answers.creation(prompt, options, tag))
        return answers.written(answer, partial(v1.parse_created, title=options.title))

    async def end(self, session: SessionId) -> Failure | None:
        # docs.devin.ai, "Terminate a session"
        return answers.confirmed(await self._http.delete(_path(session)), answers.AWAY)

    async def probe(self) -> Sequence[Finding]:
        """Test the key and the address by a list of one session, such as polls need."""
        found = await self._list(Read.LIST, self._http.timing.read_seconds, {"limit": 1})
        if isinstance(found, Unread):
            return [answers.untested(found)]
        return [Finding(answers.KEY, is_good=True, says="accepted, for API v1")]


def _path(session: SessionId) -> str:
    return path_of("v1", "sessions", session)
