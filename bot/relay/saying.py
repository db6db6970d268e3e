"""`/devin-say` sends Devin a message from a channel, to its default session or another one."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from bot.model import errors
from bot.model.options import Profile
from bot.model.people import Act, UserId
from bot.model.sessions import SessionId
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.relay.speaking import Speaking
from bot.runtime.logs import Event, audit
from bot.slack.app.workspace import Workspace
from bot.store.claims import Ticket
from bot.store.state import State
from bot.text.mrkdwn import as_typed
from bot.text.to_slack import escape
from bot.wording.forms import say_form
from bot.wording.message import View

log = logging.getLogger(__name__)

ACTIVE = timedelta(days=7)
"""`/devin-say` without a session ignores sessions without traffic for longer than this."""


class SayForm(Ticket, kind="SayForm"):
    """An open form for a message from `channel`, which is `text` (markup) at first."""

    channel: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Say:
    """Owes messages by `/devin-say`: which session and which thread they are for."""

    workspace: Workspace
    state: State
    accepting: Accepting
    naming: Naming
    speaking: Speaking

    async def say(
        self, channel: str, by: UserId, session: SessionId | None, text: str, key: str = ""
    ) -> None:
        """Have `text` (markup) posted under the person's name, and sent, once for each `key`.

        Without a session it is the channel's default, in a new thread as if it were named, or else
        the only open one that was `ACTIVE`. Raises `NothingToSay`, `ChooseSession`, `CannotPost`.
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
            place = self.workspace.place(channel)
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
        """Say what was typed (plain), once; raises `Expired`, and as `say` does."""
        form = await self.state.tickets.read(SayForm, number, by)
        # What the form had at first keeps its mentions and links.
        text = form.text if typed == as_typed(form.text).strip() else escape(typed)
        await self.say(form.channel, by, session, text, number)

    async def default(self, channel: str, by: UserId) -> Profile:
        """Return the channel's profile, which has its default session."""
        await self.accepting.check(by, channel)
        return await self.state.profiles.get(channel)

    async def set_default(self, channel: str, by: UserId, text: str) -> None:
        """Make the session of `text`, or none, the channel's default; or raise `BadSession`."""
        await self.accepting.check(by, channel, Act.START if text else Act.MESSAGE)
        session = await self.naming.named(text, channel, by) if text else None
        chosen = {"session": session, "session_by": by if session else UserId("")}
        await self.state.profiles.change(channel, lambda _: chosen)
        ids = {"session_id": session} if session else {}
        event = Event.DEFAULT_SET if session else Event.DEFAULT_CLEARED
        audit(event, by, team=self.workspace.team, channel=channel, **ids)
