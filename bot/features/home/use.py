"""App Home: a person's linked threads, with a menu to mute, unmute and unlink each.

A thread is shown only to people who can see its channel, and to nobody if Slack does not say.
A choice is checked by the same rules as the view.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from bot.features.home import words
from bot.features.home.words import ThreadShown
from bot.model import errors
from bot.model.people import Act, Person, Standing, UserId
from bot.model.sessions import SessionId, Watched
from bot.model.threads import Link, ThreadRef, follow_of, is_direct
from bot.model.times import Millis
from bot.redis.keep import PROMPTED
from bot.relay import UseCases
from bot.relay.accept import Accepting
from bot.relay.linking import Linking
from bot.relay.naming import Naming
from bot.reporting.notices import Notices
from bot.slack.api import call
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.state import State
from bot.wording import refusals, thread_links
from bot.wording.listing import MOST_LINES
from bot.wording.message import SlackMessage, View

log = logging.getLogger(__name__)

SUGGEST = "assistant.threads.setSuggestedPrompts"

MOST_LISTED = 5_000
"""Most threads, of all channels, among which a person's are looked for."""

MOST_CHANNELS = 200
MOST_THREADS = 1_000
"""Only the latest of each are shown; Slack is asked about each channel once every few minutes, and
about no more of them at a time than leaves room for others."""


@dataclass(frozen=True, slots=True)
class Home:
    """Publishes the app's Home tab, carries out what is chosen there, and offers prompts."""

    workspace: Workspace
    state: State
    accepting: Accepting
    naming: Naming
    notices: Notices
    linking: Linking

    @classmethod
    def of(cls, core: UseCases) -> Self:
        """Build it on the core."""
        parts = core.workspace, core.state, core.accepting, core.naming, core.notices
        return cls(*parts, core.linking)

    async def show(self, viewer: UserId, note: str = "") -> None:
        """Publish the threads of `viewer`, with a `note` about the last action, or why it can't."""
        try:
            view = await self._page(viewer, note)
            await call(self.workspace.client, "views.publish", user_id=viewer, view=view)
        except (errors.SlackAway, errors.SlackRefused) as error:
            log.warning("home not published", extra={"user": viewer, "reason": str(error)})

    async def _page(self, viewer: UserId, note: str) -> View:
        try:
            return await self._view(viewer, note)
        except (errors.NotIdentified, errors.StoreAway) as error:
            log.warning("home without threads", extra={"reason": str(error)})
            return words.only(refusals.passing(error))

    async def suggest(self, viewer: UserId, direct: str) -> None:
        """Offer prompts, once a day, to who may message Devin in the direct message they opened."""
        if self.workspace.settings.agent == "off":
            return
        try:
            standing = await self.workspace.permissions.may(Act.MESSAGE, viewer, direct)
            once = f"prompts:{viewer}"
            if standing is Standing.ALLOWED and await self.state.claims.claim(once, PROMPTED):
                offered = [{"title": name, "message": text} for name, text in words.PROMPTS]
                shown = {"title": words.PROMPTS_TITLE, "prompts": offered}
                await call(self.workspace.client, SUGGEST, channel_id=direct, **shown)
        except (errors.PassingError, errors.SlackRefused) as error:
            log.info("no prompts offered", extra={"user": viewer, "reason": str(error)})

    async def listed(self, viewer: UserId, channel: str) -> SlackMessage:
        """Return the first threads of `viewer`, who asks in `channel`, for them alone."""
        await self.accepting.check(viewer, channel)
        person = await self.workspace.people.person(viewer)
        found, is_whole = await self._found(person)
        shown = await self._standings(person, found[:MOST_LINES])
        note = "" if is_whole else words.PARTIAL
        return words.listed(shown, len(found), note, has_form=self.workspace.identity.has_form)

    async def mute(self, thread: ThreadRef, session: SessionId, by: UserId, *, muted: bool) -> None:
        """Mute or unmute the link of `thread` to `session`, and tell the thread who did.

        Raises `NotLinked`, also if `by` may not see the link, `LinkedElsewhere` and `SlackAway`.
        """
        person, link = await self._check(thread, session, by)
        if link.muted is not muted:
            clock = self.workspace.clock
            link = await self.linking.mute(thread, by, clock.now, session, muted=muted)
            await self.notices.say(thread, thread_links.muted(link, person.name))

    async def unlink(self, thread: ThreadRef, session: SessionId, by: UserId) -> None:
        """End the link of `thread` to `session`, and tell who did; raises as `mute` does."""
        person, _ = await self._check(thread, session, by)
        named = await self.naming.one(session, thread.channel, by)
        await self.linking.unlink(thread, by, session)
        await self.notices.say(thread, thread_links.unlinked(named, person.name))

    async def _check(
        self, thread: ThreadRef, session: SessionId, by: UserId
    ) -> tuple[Person, Link]:
        await self.accepting.check(by, thread.channel)
        person = await self.workspace.people.person(by)
        link = await self.state.links.get(thread)
        # Checked in any case, so that the answer does not reveal whether there is a link.
        if thread.is_direct:
            is_seen = link is not None and link.by == person.id
        else:
            is_seen = await self.workspace.channels.includes(person, thread.channel)
        if link is None or link.session != session or not is_seen:
            raise errors.NotLinked
        return person, link

    async def _view(self, viewer: UserId, note: str) -> View:
        person = await self.workspace.people.person(viewer)
        standing = await self.workspace.permissions.may(Act.MESSAGE, viewer, None)
        if standing is not Standing.ALLOWED:
            return words.only(words.closed(standing, self.workspace.admin))
        found, is_whole = await self._found(person)
        if not is_whole:
            note = "\n".join(filter(None, (note, words.PARTIAL)))
            if not found:
                return words.only(SlackMessage(note))
        shown = await self._standings(person, found[: words.MOST_SHOWN])
        return words.threads(shown, len(found), note, has_form=self.workspace.identity.has_form)

    async def _found(self, person: Person) -> tuple[Sequence[tuple[ThreadRef, Link, Millis]], bool]:
        """Return the linked threads that `person` can see, with their last traffic.

        Those that wait for someone come first. In direct messages, people see the links that they
        made. The second value is False if some channels are left out.
        """
        listed = await self.state.links.latest(MOST_LISTED)
        named = dict.fromkeys(thread.channel for thread, _ in listed)
        allowed = [one for one in named if self.workspace.permissions.allows_channel(one)]
        others = [one for one in allowed if not is_direct(one)]
        asked = others[:MOST_CHANNELS]
        seen = await asyncio.gather(*(self._shows(person, one) for one in asked))
        channels = {one for one, is_seen in zip(asked, seen, strict=True) if is_seen}
        channels.update(filter(is_direct, allowed))
        active = [one for one in listed if one[0].channel in channels]
        links = await self.state.links.of([thread for thread, _ in active])
        found = [
            (thread, link, at)
            for (thread, at), link in zip(active, links, strict=True)
            if link is not None and (not thread.is_direct or link.by == person.id)
        ][:MOST_THREADS]
        if not self.naming.audience.bars(person):
            states = await self.state.watches.seen([link.session for _, link, _ in found])
            pairs = zip(found, states, strict=True)
            found = [one for one, _ in sorted(pairs, key=lambda pair: not pair[1].needs_someone)]
        return found, None not in seen and asked == others

    async def _shows(self, person: Person, channel: str) -> bool | None:
        """Return whether Slack shows `channel` to `person`; None if Slack does not answer."""
        try:
            return await self.workspace.channels.includes(person, channel, Need.CARDS)
        except errors.SlackAway:
            return None

    async def _standings(
        self, person: Person, linked: Sequence[tuple[ThreadRef, Link, Millis]]
    ) -> Sequence[ThreadShown]:
        sessions = list({link.session for _, link, _ in linked})
        watches, length_of = self.state.watches, self.state.mailbox.length
        lasts, lengths, named, watched = await asyncio.gather(
            asyncio.gather(
                *(watches.last_outcome(link.session, thread) for thread, link, _ in linked)
            ),
            asyncio.gather(*(length_of(session) for session in sessions)),
            self.naming.shown_to(person, sessions, fresh=True),
            watches.seen(sessions),
        )
        if self.naming.audience.bars(person):
            watched = [Watched()] * len(sessions)
        seen = dict(zip(sessions, watched, strict=True))
        mail = dict(zip(sessions, lengths, strict=True))
        return [
            ThreadShown(
                thread=thread,
                link=link,
                session=named[link.session],
                address=self.workspace.address(thread),
                active=at,
                mail=mail[link.session],
                last=last,
                seen=seen[link.session],
                follow=follow_of(link, self.workspace.settings.mirror),
            )
            for (thread, link, at), last in zip(linked, lasts, strict=True)
        ]
