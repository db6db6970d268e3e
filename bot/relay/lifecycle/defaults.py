"""A channel's defaults: what its sessions start with, as its people see and change it.

They apply to every way of starting a session in the channel, and to no other channel. They don't
widen what anybody may do: who starts a session there is checked as ever.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bot.delivery.compose import shown
from bot.model.options import (
    FIELDS,
    MOST_WORDS,
    WORDS,
    BadDefaults,
    Changes,
    OptionFlaw,
    OptionProblem,
    Options,
    Profile,
)
from bot.model.people import Act, UserId
from bot.model.replies import Reply
from bot.model.threads import ThreadRef
from bot.relay.accept import Accepting
from bot.relay.lifecycle.forms import StartForms
from bot.relay.lifecycle.starting import Choosing
from bot.relay.naming import Naming
from bot.reporting.reporter import Notices
from bot.runtime.logs import Event, audit
from bot.slack.app.workspace import Workspace
from bot.store.claims import Ticket
from bot.store.state import State
from bot.text.options import parse_options
from bot.text.to_slack import escape
from bot.wording import actions
from bot.wording.lifecycle import defaults, form
from bot.wording.message import SlackMessage, View


class DefaultsForm(Ticket):
    """An open form for the defaults of the channel of `place`, where a change is told.

    It shows the `options`, and the standing `words` without markup.
    """

    kind: ClassVar[str] = "DefaultsForm"

    place: ThreadRef
    options: Options
    words: str


@dataclass(frozen=True, slots=True)
class Defaults:
    """Shows and changes the profiles of channels."""

    workspace: Workspace
    state: State
    choosing: Choosing
    forms: StartForms
    accepting: Accepting
    naming: Naming
    notices: Notices

    async def show(self, channel: str, by: UserId) -> SlackMessage:
        """Return the words that show the channel's defaults."""
        await self.accepting.check(by, channel)
        return defaults.shown(await self._shown(await self.state.profiles.get(channel)))

    async def change(self, place: ThreadRef, by: UserId, changes: Changes, once: str) -> None:
        """Change the defaults of the channel of `place`, and say there who did. Idempotent.

        Of several with the same `once`, which repeat each other, one is told.

        Raises:
            BadDefaults: sessions can't be started with them.
        """
        await self.accepting.check(by, place.channel, Act.START)
        await self.choosing.check(changes.of(Options()))

        def change(was: Profile) -> Mapping[str, object]:
            return changes.to(was, by)

        profile = await self.state.profiles.change(place.channel, change)
        ids = {"team": place.team, "channel": place.channel}
        audit(Event.DEFAULTS_CHANGED, by, **ids, options=" ".join(changes.named))
        told = defaults.changed(changes, await self._shown(profile, by))
        await self.notices.say(place, told, once=once)

    async def form(self, place: ThreadRef, by: UserId) -> View:
        """Return the form with the defaults of the channel of `place`, where a change is told."""
        await self.accepting.check(by, place.channel, Act.START)
        profile, offer = await asyncio.gather(
            self.state.profiles.get(place.channel), self.forms.offer()
        )
        words = await self._plain(profile.words)
        ticket = DefaultsForm(by=by, place=place, options=profile.options, words=words)
        return defaults.change(await self.state.tickets.issue(ticket), profile, words, offer)

    async def submit(self, number: str, by: UserId, typed: Mapping[str, str]) -> None:
        """Change what is otherwise in the form than it was shown; a repeat is told once.

        Raises:
            FormGone: the form is too old, or belongs to somebody else.
            RelayError: as for `change`.
        """
        ticket = await self.state.tickets.read(DefaultsForm, number, by)
        changes = _changes(ticket, typed, self.forms.devin.lacks)
        if changes.named:
            made = hashlib.sha256(repr(changes).encode()).hexdigest()[:16]
            await self.change(ticket.place, by, changes, f"defaults:{number}:{made}")

    async def _shown(self, profile: Profile, by: UserId | None = None) -> defaults.Shown:
        """Return the profile as people see it: what `by` has made of it, or who changed it last."""
        who, options = by or profile.by, profile.options
        lacks = (key for key in FIELDS if key in self.forms.devin.lacks)
        session = None
        if profile.session is not None and by is None:
            session = await self.naming.one(profile.session)
        return defaults.Shown(
            profile=profile,
            words=await self._plain(profile.words),
            by=await self.workspace.people.name(who) if who else "",
            session=session,
            ignored=[key for key in lacks if getattr(options, FIELDS[key])],
            ceiling=self.workspace.settings.max_acu_ceiling,
        )

    async def _plain(self, words: str) -> str:
        """Return Slack markup as people read it: with names, and without entities."""
        if not words:
            return ""
        nowhere = ThreadRef(team=self.workspace.team, channel="", thread_ts="")
        said = Reply(thread=nowhere, ts="", author=UserId(""), text=words)
        return await shown(said, self.workspace.people)


def _changes(ticket: DefaultsForm, typed: Mapping[str, str], lacks: frozenset[str]) -> Changes:
    """Return what a submitted form changes; it has no input for what Devin lacks.

    Raises:
        BadDefaults, BadOptions: it can't be read.
    """
    was, tags = ticket.options, typed.get(actions.TAGS_FIELD, "")
    if tags == defaults.tags_of(was):
        chosen = was.tags  # one of them may have a comma
    else:
        chosen = tuple(filter(None, (one.strip() for one in tags.split(","))))
    text = f"{form.written(typed)} {Options(tags=chosen).words()}"
    options, _ = parse_options(escape(text.strip()))
    fields = {key: name for key, name in FIELDS.items() if key not in lacks}
    named = [key for key, name in fields.items() if getattr(options, name) != getattr(was, name)]
    words = typed.get(actions.WORDS_FIELD, ticket.words).strip()
    if words.split() != ticket.words.split():  # Slack's client may change blanks
        named.append(WORDS)
    words = escape(words)
    if len(words) > MOST_WORDS and WORDS in named:
        raise BadDefaults([OptionProblem(OptionFlaw.TOO_LONG, WORDS, str(MOST_WORDS))])
    return Changes(options=options, words=words, named=tuple(named))
