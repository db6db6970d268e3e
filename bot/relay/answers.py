"""Answers to what Devin asks, chosen by a button; the first press wins.

An answer is said like any words of the person who pressed (`relay/saying/speaking.py`), under the
question's key, and so once. Devin's option is read from what the watch has kept, never from the
button.
"""

from dataclasses import dataclass

from bot.model.errors import AnsweredAlready, MovedOn, UnderWay
from bot.model.mirror import Watched
from bot.model.people import Act, UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionId, SessionState
from bot.model.threads import ThreadRef
from bot.relay.accept import Accepting
from bot.relay.saying.speaking import Speaking, Spoken
from bot.runtime.logs import Event, audit
from bot.store.outbox import Owing
from bot.store.state import State
from bot.text.to_slack import escape
from bot.wording.message import verbatim
from bot.wording.mirror import posts as mirror_notices


@dataclass(frozen=True, slots=True)
class Answers:
    """Owes the answers that people choose."""

    state: State
    accepting: Accepting
    speaking: Speaking

    async def answer(
        self,
        thread: ThreadRef,
        pressed: str,
        session: SessionId,
        asked: str,
        number: int,
        by: UserId,
    ) -> None:
        """Answer what was `asked` with the option `number`, once.

        An approval has the one option 0, and is an act of its own. The buttons of the message at
        `pressed` then give way.

        Raises:
            AnsweredAlready: somebody has chosen an answer before.
            MovedOn: the question is not open any more.
            NotLinked, LinkChanged, IsMuted: the thread sends nothing to the session.
        """
        await self.accepting.check(by, thread.channel)
        await self.speaking.check_link(thread, session)
        key, people = f"answer:{session}:{asked}", self.speaking.workspace.people
        before = await self.speaking.said(key)
        if before is None:
            seen = await self.state.watches.asking(session, asked)
            text = None if seen is None else _text_of(seen, number)
            if seen is None or text is None:
                raise MovedOn
            is_approval = seen.state is SessionState.APPROVAL
            act = Act.APPROVE if is_approval else Act.MESSAGE
            await self.accepting.check(by, thread.channel, act)
            words = mirror_notices.answers(await people.name(by), text)
            since, chosen = self.speaking.since(), dict(verbatim(text, "rich_text_section"))
            reply = Reply(thread=thread, ts=since, author=by, text=escape(text), blocks=(chosen,))
            about = {"session": session, "asked": asked, "pressed": pressed}
            mine = Spoken.of(key, reply, words, act=act, **about)
            owing = await self.speaking.say(mine)
            before = mine if owing is Owing.NEW else await self.speaking.said(key)
            if before is None:
                raise UnderWay("answer")
            if before.number == mine.number:
                event = Event.APPROVED if is_approval else Event.ANSWERED
                audit(event, by, **thread.log_fields, session_id=session)
                return
        raise AnsweredAlready(await people.name(before.reply.author), before.words.quote)


def _text_of(seen: Watched, number: int) -> str | None:
    if seen.state is SessionState.APPROVAL:
        return mirror_notices.APPROVED if number == 0 else None
    return seen.options[number] if number < len(seen.options) else None
