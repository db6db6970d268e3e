"""The forms of starts: for a new session, for one whose start failed, and for a channel's defaults.

What is chosen in a form becomes words before its prompt, as if its person had typed them.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.delivery.compose import markdown_of
from bot.devin.api import Devin, Unread
from bot.devin.catalog import Catalog
from bot.model import errors
from bot.model.options import (
    FIELDS,
    MOST_PREFACE,
    PREFACE,
    BadDefaults,
    BadOptions,
    Changes,
    OptionFlaw,
    OptionProblem,
    Options,
    Profile,
)
from bot.model.people import Act, UserId
from bot.model.replies import Reply
from bot.model.threads import ThreadRef, is_channel, is_direct
from bot.model.times import Ts
from bot.relay.accept import Accepting
from bot.relay.lifecycle.choosing import Choosing
from bot.relay.lifecycle.prompts import Prompts, with_prompt
from bot.relay.lifecycle.starting import Start, Starting, subject_of
from bot.relay.naming import Naming
from bot.reporting.notices import Notices
from bot.runtime.logs import Event, audit
from bot.slack.app.workspace import Workspace
from bot.slack.threads import NO_SUCH_CHANNEL
from bot.store.claims import Ticket
from bot.store.outbox import Owing
from bot.store.state import State
from bot.text.content import section
from bot.text.options import parse_options
from bot.text.to_slack import escape
from bot.wording import actions
from bot.wording.lifecycle import defaults, form
from bot.wording.lifecycle.form import Offer
from bot.wording.message import Block, SlackMessage, View


class StartForm(Ticket, kind="StartForm"):
    """An open form for a new session; `direct` is the direct message in which it was opened."""

    direct: str = ""


class AgainForm(Ticket, kind="AgainForm"):
    """An open form to start again what the message `ts` of `thread` asked for the `number`th time.

    The message at `pressed` has the button. The prompt's field has `shown`, a digest, of which the
    words `beside` have no field of their own.
    """

    thread: ThreadRef
    ts: str
    number: int
    pressed: Ts
    shown: str = ""
    beside: str = ""


@dataclass(frozen=True, slots=True)
class StartForms:
    """Opens forms, fills their menus, and starts what they ask for."""

    workspace: Workspace
    state: State
    devin: Devin
    catalog: Catalog
    prompts: Prompts
    starting: Starting
    accepting: Accepting

    async def new(self, by: UserId, channel: str = "") -> View:
        """Return the form for a new session, opened in `channel`, unless another one is chosen."""
        await self.accepting.check(by, None, Act.START)
        direct = channel if is_direct(channel) else ""
        number, offer = await asyncio.gather(
            self.state.tickets.issue(StartForm(by=by, direct=direct)), self.offer()
        )
        chosen = channel if is_channel(channel) else ""
        return form.form(number, chosen, offer, is_direct=bool(direct))

    async def submit(self, number: str, by: UserId, channel: str, typed: Mapping[str, str]) -> None:
        """Start the form's session, once; raises `Expired`, and what `Starting.say` does.

        The form offers channels that the person can see; a request may name any place.
        """
        ticket = await self.state.tickets.read(StartForm, number, by)
        person, channels = await self.workspace.people.person(by), self.workspace.channels
        if not channel and ticket.direct:
            channel = ticket.direct
        elif not (is_channel(channel) and await channels.includes(person, channel)):
            raise errors.CannotPost(NO_SUCH_CHANNEL)
        prompt = typed.get(actions.PROMPT_FIELD, "").strip()
        await self.starting.say(channel, by, escape(_joined(form.written(typed), prompt)), number)

    async def again(self, ts: str, number: int, thread: ThreadRef, by: UserId, pressed: Ts) -> View:
        """Return the form to start again what the message `ts` asked for; raises `Expired`."""
        await self.accepting.check(by, thread.channel, Act.START)
        ticket = AgainForm(by=by, thread=thread, ts=ts, number=number, pressed=pressed)
        (_, message), offer = await asyncio.gather(self._repeated(ticket), self.offer())
        options, rest = _parted(message)
        beside = form.beside(options, offer).written()
        typed = _joined(beside, await markdown_of(rest, self.workspace.people))
        more = {"shown": _digest(typed), "beside": beside}
        made = await self.state.tickets.issue(ticket.model_copy(update=more))
        return form.again(made, typed, options, offer)

    async def start_again(
        self, number: str, by: UserId, typed: Mapping[str, str]
    ) -> tuple[ThreadRef, str]:
        """Start again what the form asks for, once, and return the place of the button.

        Raises `Expired`, `AlreadyDone` also if another form was first, and what `ask` does.
        """
        ticket = await self.state.tickets.read(AgainForm, number, by)
        await self.accepting.check(by, ticket.thread.channel, Act.START)
        start, message = await self._repeated(ticket)
        again = start.again(_changed(message, ticket, typed))
        if await self.starting.ask(again, by) is not Owing.NEW:
            raise errors.AlreadyDone
        return ticket.thread, ticket.pressed

    async def suggest(self, by: UserId, field: str, typed: str) -> Sequence[Block]:
        """Return the options of a form's menu for what `by` typed into it."""
        await self.accepting.check(by, None, Act.START)
        seconds = self.workspace.timing.list_seconds
        if field == actions.REPO_FIELD:
            names = await self.catalog.repositories(seconds)
            return form.repositories_like(() if isinstance(names, Unread) else names, typed)
        playbooks = await self.catalog.playbooks(seconds)
        return form.playbooks_like(() if isinstance(playbooks, Unread) else playbooks, typed)

    async def offer(self) -> Offer:
        """Return what people may choose from, waiting only shortly for Devin's lists."""
        seconds = self.workspace.timing.list_seconds
        repositories, playbooks = await asyncio.gather(
            self.catalog.repositories(seconds), self.catalog.playbooks(seconds)
        )
        return Offer(
            None if isinstance(repositories, Unread) else repositories,
            None if isinstance(playbooks, Unread) else playbooks,
            self.devin.lacks,
            self.workspace.settings.max_acu_ceiling,
        )

    async def _repeated(self, ticket: AgainForm) -> tuple[Start, Reply]:
        """Return the start that a form repeats, and its message as it is now."""
        thread = ticket.thread
        subject = subject_of(thread, ticket.ts, ticket.number)
        start = Start.parse(await self.state.outbox.content(subject))
        if start is None or start.thread != thread:
            raise errors.Expired
        try:
            message = await self.prompts.asked(start)
        except errors.SlackRefused as error:
            raise errors.Expired from error
        if message is None:
            raise errors.Expired
        if start.is_reaction:  # what it says chooses no options: it's below those of the form
            below = {}, *(message.blocks or section(message.text))
            message = message.model_copy(update={"text": "", "blocks": below})
        return start, message


def _parted(message: Reply) -> tuple[Options, Reply]:
    """Return the options of a message, and the rest of it; all of it, if they can't be read."""
    try:
        options, rest = parse_options(message.text)
    except BadOptions:
        return Options(), message
    return options, with_prompt(message, rest)


def _changed(message: Reply, ticket: AgainForm, typed: Mapping[str, str]) -> Reply:
    """Return the message with what the form has in place of its prompt and its options.

    Who changes the prompt becomes its author; who doesn't sends what its author wrote.
    """
    chosen, prompt = form.written(typed), typed.get(actions.PROMPT_FIELD)
    if prompt is None or _digest(prompt) == ticket.shown:
        _, rest = _parted(message)
        options = escape(_joined(chosen, ticket.beside))
        sender = None if ticket.by == message.author else ticket.by
        kept = with_prompt(message, _joined(options, rest.text))
        return kept.model_copy(update={"sent_by": sender})
    text = escape(_joined(chosen, prompt.strip()))
    by_them = {"author": ticket.by, "bots": (), "home": "", "sent_by": None}
    return message.model_copy(update={"text": text, "blocks": (), **by_them})


def _joined(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _digest(text: str) -> str:
    """Return a digest of a text, whatever blanks Slack's client makes of those in it."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


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
        return defaults.shown(await self._shown(channel, await self.state.profiles.get(channel)))

    async def change(self, place: ThreadRef, by: UserId, changes: Changes, once: str) -> None:
        """Change the defaults of the channel of `place`, and say there and in it who did, once.

        If nothing changes, they are shown at `place`. Raises `BadDefaults`.
        """
        channel, claims, made = place.channel, self.state.claims, f"defaults made:{once}"
        await self.accepting.check(by, channel, Act.START)
        await self.choosing.check(changes.of(Options()))
        if changes.to(await self.state.profiles.get(channel), by):
            await claims.claim(made)  # a repeat finds the change made
        profile = await self.state.profiles.change(channel, lambda one: changes.to(one, by))
        if await claims.is_claimed(made):
            ids = {"team": place.team, "channel": channel, "options": " ".join(changes.named)}
            audit(Event.DEFAULTS_CHANGED, by, **ids)
            told = defaults.changed(changes, await self._shown(channel, profile, by))
            await self.notices.announce(place, told, once=once)
        else:
            told = defaults.shown(await self._shown(channel, profile))
            await self.notices.say(place, told, once=once)

    async def form(self, place: ThreadRef, by: UserId) -> View:
        """Return the form with the defaults of the channel of `place`."""
        await self.accepting.check(by, place.channel, Act.START)
        profile, offer = await asyncio.gather(
            self.state.profiles.get(place.channel), self.forms.offer()
        )
        preface = await self._plain(profile.preface)
        cap = profile.options.max_acu
        lowered = {"max_acu": cap and min(cap, offer.ceiling or cap)}
        options = profile.options.model_copy(update=lowered)
        ticket = DefaultsForm(by=by, place=place, options=options, preface=preface)
        return defaults.change(await self.state.tickets.issue(ticket), options, preface, offer)

    async def submit(self, number: str, by: UserId, typed: Mapping[str, str]) -> None:
        """Change what is otherwise in the form than it was shown, once; raises as `change` does."""
        ticket = await self.state.tickets.read(DefaultsForm, number, by)
        changes = _changes(ticket, typed, self.forms.devin.lacks)
        if changes.named:
            made = hashlib.sha256(repr(changes).encode()).hexdigest()[:16]
            await self.change(ticket.place, by, changes, f"defaults:{number}:{made}")

    async def _shown(
        self, channel: str, profile: Profile, by: UserId | None = None
    ) -> defaults.ProfileShown:
        """Return the profile as people see it: what `by` has made of it, or who changed it last."""
        who, options = by or profile.by, profile.options
        lacks = (key for key in FIELDS if key in self.forms.devin.lacks)
        session = None
        if profile.session is not None and by is None:
            session = await self.naming.one(profile.session, channel, profile.session_by)
        return defaults.ProfileShown(
            profile=profile,
            preface=await self._plain(profile.preface),
            by=await self.workspace.people.name(who) if who else "",
            session=session,
            ignored=[key for key in lacks if getattr(options, FIELDS[key])],
            ceiling=self.workspace.settings.max_acu_ceiling,
            cap=self.workspace.settings.max_acu or self.workspace.settings.max_acu_ceiling,
        )

    async def _plain(self, markup: str) -> str:
        """Return Slack markup as people read it: with names, and without entities."""
        if not markup:
            return ""
        said = Reply(thread=self.workspace.place(""), ts="", author=UserId(""), text=markup)
        return await markdown_of(said, self.workspace.people)


def _changes(ticket: DefaultsForm, typed: Mapping[str, str], lacks: frozenset[str]) -> Changes:
    """Return what a submitted form changes; it has no input for what Devin lacks."""
    was, tags = ticket.options, typed.get(actions.TAGS_FIELD, "")
    if tags == defaults.tags_of(was):
        chosen = was.tags  # one of them may have a comma
    else:
        chosen = tuple(filter(None, (one.strip() for one in tags.split(","))))
    text = f"{form.written(typed)} {Options(tags=chosen).written()}"
    options, _ = parse_options(escape(text.strip()))
    fields = {key: name for key, name in FIELDS.items() if key not in lacks}
    named = [key for key, name in fields.items() if getattr(options, name) != getattr(was, name)]
    preface = typed.get(actions.PREFACE_FIELD, ticket.preface).strip()
    if preface.split() != ticket.preface.split():  # Slack's client may change blanks
        named.append(PREFACE)
    preface = escape(preface)
    if len(preface) > MOST_PREFACE and PREFACE in named:
        raise BadDefaults([OptionProblem(OptionFlaw.TOO_LONG, PREFACE, str(MOST_PREFACE))])
    return Changes(options=options, preface=preface, named=tuple(named))
