"""`/devin-say`: a message for Devin from a channel, which is posted there; and answers by buttons.

What its form says is owed under the number of its ticket, so it is posted once. An answer to what
Devin asks is owed under the question's key: the first press wins. Devin's option is read from what
the watch has kept, never from the button.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from bot.model import errors
from bot.model.options import Profile
from bot.model.people import Act, UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionId, SessionState
from bot.model.threads import ThreadRef
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.relay.saying.speaking import Speaking, Spoken
from bot.runtime.logs import Event, audit
from bot.slack.app.workspace import Workspace
from bot.store.claims import Ticket
from bot.store.outbox import Owing
from bot.store.state import State
from bot.text.mrkdwn import as_typed
from bot.text.to_slack import escape
from bot.wording.forms import say_form
from bot.wording.message import View, verbatim
from bot.wording.mirror import posts as mirror_notices

ACTIVE = timedelta(days=7)
"""`/devin-say` without a session ignores sessions without traffic for longer than this."""


class SayForm(Ticket):
    """An open form for a message from `channel`, which is `text` (markup) at first."""

    kind: ClassVar[str] = "SayForm"

    channel: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Say:
    """Owes messages of a channel: which session and which thread they are for."""

    workspace: Workspace
    state: State
    accepting: Accepting
    naming: Naming
    speaking: Speaking

    async def say(
        self, channel: str, by: UserId, session: SessionId | None, text: str, key: str = ""
    ) -> None:
        """Have `text` posted under the person's name, in a thread linked to `session`, and sent.

        Without a session the channel's default is used as if it were named, or else the thread of
        the one session that was active in the channel in the last seven days, and hasn't ended.
        `text` is Slack markup, and said once for each `key`. Raises `NothingToSay`, `ChooseSession`
        and `CannotPost`.
        """
        await self.accepting.check(by, channel)
        if not text.strip():
            raise errors.NothingToSay
        if session is not None:
            session = await self.naming.whole(session, channel, by)
        else:
            session = (await self.state.profiles.get(channel)).session
        if session is not None:
            act = await self.naming.act_for(session, channel)
            await self.accepting.check(by, channel, act)
            place = ThreadRef(team=self.workspace.team, channel=channel, thread_ts="")
            await self.speaking.command(place, by, text, key, session, act)
            return
        active = await self.state.links.active(self.workspace.team, channel, ACTIVE)
        heard = [(thread, link) for thread, link in active if link.takes_replies]
        still = set(await self.naming.still_open([link.session for _, link in heard]))
        heard = [one for one in heard if one[1].session in still]
        if len({link.session for _, link in heard}) != 1:
            raise errors.ChooseSession(heard)
        thread, link = heard[0]
        await self.speaking.command(thread, by, text, key, link.session)

    async def form(self, channel: str, by: UserId, text: str = "") -> View:
        """Return the form for a message from `channel`, which is `text` (markup) at first."""
        choices = await self.naming.offered(channel, by)
        number = await self.state.tickets.issue(SayForm(by=by, channel=channel, text=text))
        return say_form(number, choices, as_typed(text))

    async def submit(self, number: str, by: UserId, session: SessionId, typed: str) -> None:
        """Say what was typed (plain), once; raises `Expired`, and as `say` does.

        What the form had at first keeps its mentions and links, unless that was changed.
        """
        form = await self.state.tickets.read(SayForm, number, by)
        text = form.text if typed == as_typed(form.text).strip() else escape(typed)
        await self.say(form.channel, by, session, text, number)

    async def default(self, channel: str, by: UserId) -> Profile:
        """Return the channel's profile, which has its default session."""
        await self.accepting.check(by, channel)
        return await self.state.profiles.get(channel)

    async def set_default(self, channel: str, by: UserId, text: str) -> SessionId | None:
        """Make the session of `text`, or none, the channel's default; or raise `BadSession`."""
        await self.accepting.check(by, channel, Act.START if text else Act.MESSAGE)
        session = await self.naming.named(text, channel, by) if text else None
        chosen = {"session": session, "session_by": by if session else UserId("")}
        await self.state.profiles.change(channel, lambda _: chosen)
        ids = {"session_id": session} if session else {}
        event = Event.DEFAULT_SET if session else Event.DEFAULT_CLEARED
        audit(event, by, team=self.workspace.team, channel=channel, **ids)
        return session


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
        `pressed` then give way. Raises `AnsweredAlready`, `MovedOn`, and as `check_link` does.
        """
        await self.accepting.check(by, thread.channel)
        await self.speaking.check_link(thread, session)
        key, people = f"answer:{session}:{asked}", self.speaking.workspace.people
        before = await self.speaking.said(key)
        if before is None:
            seen = await self.state.watches.asking(session, asked)
            if seen is None or number >= len(seen.options):
                raise errors.MovedOn
            text, is_approval = seen.options[number], seen.asked_in is SessionState.APPROVAL
            act = Act.APPROVE if is_approval else Act.MESSAGE
            await self.accepting.check(by, thread.channel, act)
            words = mirror_notices.answers(await people.name(by), text)
            since, chosen = self.accepting.before_now(), dict(verbatim(text, "rich_text_section"))
            reply = Reply(thread=thread, ts=since, author=by, text=escape(text), blocks=(chosen,))
            mine = Spoken(key=key, reply=reply, words=words, session=session, act=act)
            mine = mine.model_copy(update={"asked": asked, "pressed": pressed})
            owing = await self.speaking.say(mine)
            before = mine if owing is Owing.NEW else await self.speaking.said(key)
            if before is None:
                raise errors.UnderWay("answer")
            if before.number == mine.number:
                event = Event.APPROVED if is_approval else Event.ANSWERED
                audit(event, by, **thread.log_fields, session_id=session)
                return
        raise errors.AnsweredAlready(await people.name(before.reply.author), before.words.quote)
