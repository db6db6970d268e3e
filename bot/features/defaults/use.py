"""Channels' defaults: what the sessions that start in one use, unless a prompt says otherwise."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from bot.delivery.compose import markdown_of
from bot.features.defaults import words
from bot.features.defaults.changes import Changes
from bot.model.options import (
    FIELDS,
    MOST_PREFACE,
    PREFACE,
    BadDefaults,
    OptionFlaw,
    OptionProblem,
    Options,
    Profile,
)
from bot.model.people import Act, UserId
from bot.model.replies import Reply
from bot.model.threads import ThreadRef
from bot.relay import UseCases
from bot.runtime.logs import audit
from bot.store.claims import Ticket
from bot.text.options import parse_options
from bot.text.to_slack import escape
from bot.wording import actions
from bot.wording.lifecycle.options import written
from bot.wording.message import SlackMessage, View

CHANGED = "defaults changed"
"""The name of a change in the audit trail."""


class DefaultsForm(Ticket, kind="DefaultsForm"):
    """An open form for the defaults of the channel of `place`; both are told of a change.

    It shows the `options`, and the `preface` without markup.
    """

    place: ThreadRef
    options: Options
    preface: str


@dataclass(frozen=True, slots=True)
class Defaults:
    """Shows and changes the profiles of channels."""

    core: UseCases

    async def show(self, channel: str, by: UserId) -> SlackMessage:
        """Return the words that show the channel's defaults."""
        await self.core.accepting.check(by, channel)
        return words.shown(await self._shown(channel, await self.core.state.profiles.get(channel)))

    async def change(self, place: ThreadRef, by: UserId, changes: Changes, once: str) -> None:
        """Change the defaults of the channel of `place`, and say there and in it who did, once.

        If nothing changes, they are shown at `place`. Raises `BadDefaults`.
        """
        channel, claims, made = place.channel, self.core.state.claims, f"defaults made:{once}"
        await self.core.accepting.check(by, channel, Act.START)
        await self.core.prompts.choosing.check(changes.of(Options()))
        if changes.to(await self.core.state.profiles.get(channel), by):
            await claims.claim(made)  # a repeat finds the change made
        profile = await self.core.state.profiles.change(channel, lambda one: changes.to(one, by))
        if await claims.is_claimed(made):
            audit(CHANGED, by, team=place.team, channel=channel, options=" ".join(changes.named))
            told = words.changed(changes, await self._shown(channel, profile, by))
            await self.core.notices.announce(place, told, once=once)
        else:
            told = words.shown(await self._shown(channel, profile))
            await self.core.notices.say(place, told, once=once)

    async def form(self, place: ThreadRef, by: UserId) -> View:
        """Return the form with the defaults of the channel of `place`."""
        await self.core.accepting.check(by, place.channel, Act.START)
        profile, offer = await asyncio.gather(
            self.core.state.profiles.get(place.channel), self.core.prompts.choosing.offer()
        )
        preface = await self._plain(profile.preface)
        cap = profile.options.max_acu
        lowered = {"max_acu": cap and min(cap, offer.ceiling or cap)}
        options = profile.options.model_copy(update=lowered)
        ticket = DefaultsForm(by=by, place=place, options=options, preface=preface)
        return words.change(await self.core.state.tickets.issue(ticket), options, preface, offer)

    async def submit(self, number: str, by: UserId, typed: Mapping[str, str]) -> None:
        """Change what is otherwise in the form than it was shown, once; raises as `change` does."""
        ticket = await self.core.state.tickets.read(DefaultsForm, number, by)
        changes = _changes(ticket, typed, self.core.devin.lacks)
        if changes.named:
            made = hashlib.sha256(repr(changes).encode()).hexdigest()[:16]
            await self.change(ticket.place, by, changes, f"defaults:{number}:{made}")

    async def _shown(
        self, channel: str, profile: Profile, by: UserId | None = None
    ) -> words.ProfileShown:
        """Return the profile as people see it: what `by` has made of it, or who changed it last."""
        who, settings = by or profile.by, self.core.workspace.settings
        lacks = (key for key in FIELDS if key in self.core.devin.lacks)
        session = None
        if profile.session is not None and by is None:
            session = await self.core.naming.one(profile.session, channel, profile.session_by)
        return words.ProfileShown(
            profile=profile,
            preface=await self._plain(profile.preface),
            by=await self.core.workspace.people.name(who) if who else "",
            session=session,
            ignored=[key for key in lacks if getattr(profile.options, FIELDS[key])],
            ceiling=settings.max_acu_ceiling,
            cap=settings.max_acu or settings.max_acu_ceiling,
        )

    async def _plain(self, markup: str) -> str:
        """Return Slack markup as people read it: with names, and without entities."""
        if not markup:
            return ""
        said = Reply(thread=self.core.workspace.place(""), ts="", author=UserId(""), text=markup)
        return await markdown_of(said, self.core.workspace.people)


def _changes(ticket: DefaultsForm, typed: Mapping[str, str], lacks: frozenset[str]) -> Changes:
    """Return what a submitted form changes; it has no input for what Devin lacks."""
    was, tags = ticket.options, typed.get(actions.TAGS_FIELD, "")
    if tags == words.tags_of(was):
        chosen = was.tags  # one of them may have a comma
    else:
        chosen = tuple(filter(None, (one.strip() for one in tags.split(","))))
    text = f"{written(typed)} {Options(tags=chosen).written()}"
    options, _ = parse_options(escape(text.strip()))
    fields = {key: name for key, name in FIELDS.items() if key not in lacks}
    named = [key for key, name in fields.items() if getattr(options, name) != getattr(was, name)]
    preface = typed.get(words.PREFACE_FIELD, ticket.preface).strip()
    if preface.split() != ticket.preface.split():  # Slack's client may change blanks
        named.append(PREFACE)
    preface = escape(preface)
    if len(preface) > MOST_PREFACE and PREFACE in named:
        raise BadDefaults([OptionProblem(OptionFlaw.TOO_LONG, PREFACE, str(MOST_PREFACE))])
    return Changes(options=options, preface=preface, named=tuple(named))
