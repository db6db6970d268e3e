"""The answers that people choose, one for each question of a session, and who is sending it.

Sending is begun under a token, which lapses if its process dies. A choice is noted before it is
posted, so that the next caller knows which post to look for.
"""

from dataclasses import dataclass
from datetime import timedelta

from bot.model.mirror import Answer
from bot.model.sessions import SessionId
from bot.redis.connection import Store, millis, seconds
from bot.redis.keys import Key, answer_key
from bot.store.lua import answers as lua

LEASE = timedelta(seconds=30)
"""The time for which a caller that died keeps others from answering."""

KEEP = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Question:
    """What a session `asked`; `token` names the caller that answers it."""

    session: SessionId
    asked: str
    token: str

    @property
    def key(self) -> Key:
        """The key of its answer."""
        return answer_key(self.session, self.asked)


@dataclass(frozen=True, slots=True)
class Begun:
    """The answer that was chosen before, if any, and whether it was sent."""

    answer: Answer | None
    is_sent: bool


class KeptAnswers:
    """The answers, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(self, question: Question) -> Begun | None:
        """Begin to answer, unless an answer was sent; None while another caller is at it."""
        state, raw = await lua.begin_answer(
            self._store,
            answer=question.key,
            token=question.token,
            lease_ms=millis(LEASE),
            keep=seconds(KEEP),
        )
        return None if state == "busy" else Begun(Answer.parse(raw), state == "sent")

    async def choose(self, question: Question, answer: Answer) -> bool:
        """Note the answer to be posted; return False if another caller has begun since."""
        chosen = answer.to_json()
        return bool(
            await lua.choose_answer(
                self._store, answer=question.key, token=question.token, chosen=chosen
            )
        )

    async def sent(self, question: Question) -> None:
        """End the work: the noted answer was sent."""
        await self._end(question, is_sent=True)

    async def let_go(self, question: Question) -> None:
        """End the work, if it was not ended: the next caller may answer."""
        await self._end(question, is_sent=False)

    async def _end(self, question: Question, *, is_sent: bool) -> None:
        await lua.end_answer(
            self._store, answer=question.key, token=question.token, is_sent=is_sent
        )
