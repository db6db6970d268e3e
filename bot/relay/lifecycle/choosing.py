"""Chooses the options of a start: those that are asked for, over a channel's defaults.

Forms offer what Devin lists.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.devin.api import Devin, Unread
from bot.devin.catalog import Catalog
from bot.model import errors
from bot.model.options import (
    FIELDS,
    MOST_TAGS,
    BadDefaults,
    BadOptions,
    OptionFlaw,
    OptionProblem,
    Options,
)
from bot.model.people import UserId
from bot.slack.app.workspace import Workspace
from bot.store.state import State
from bot.text.options import parse_options
from bot.text.to_slack import escape
from bot.wording import actions
from bot.wording.lifecycle.options import Offer, playbooks_like, repositories_like
from bot.wording.message import Block

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The `options` that apply, as people know them, and as Devin takes them (`sent`).

    The playbook of these is the macro, if that can't be looked up at the moment. The channel's
    `preface`, which `by` set, precedes the `prompt`; both are Slack markup.
    """

    options: Options
    sent: Options
    prompt: str
    preface: str
    by: UserId


@dataclass(frozen=True, slots=True)
class Choosing:
    """Finds out what applies to starts, and what there is to choose from."""

    workspace: Workspace
    state: State
    devin: Devin
    catalog: Catalog

    async def of(self, channel: str, text: str, *, composes: bool = False) -> Chosen:
        """Return what a start in `channel` uses whose prompt, with its options, is `text`.

        With `composes`, no person waits for it, and a macro that can't be looked up raises
        `DevinAway`; otherwise it is let through. Raises `BadOptions`.
        """
        own, prompt = parse_options(text)
        profile = await self.state.profiles.get(channel)
        options = self._applied(own, profile.options)
        problems = list(self._problems(own, options))
        timing = self.workspace.timing
        seconds = timing.read_seconds if composes else timing.list_seconds
        found = await self._looked_up(options.playbook, seconds)
        if isinstance(found, OptionProblem):
            problems.append(found)
        if problems:
            raise BadOptions(problems)
        if isinstance(found, Unread) and composes:
            raise errors.DevinAway(found.reason, retry_after=found.retry_after)
        playbook = found if isinstance(found, str) else options.playbook
        sent = options.model_copy(update={"playbook": playbook})
        return Chosen(options, sent, prompt, profile.preface, profile.preface_by or profile.by)

    async def check(self, options: Options) -> None:
        """Check what is to be a channel's default; raises `BadDefaults`."""
        problems = list(self._problems(options, options))
        found = await self._looked_up(options.playbook, self.workspace.timing.list_seconds)
        if isinstance(found, Unread):
            found = OptionProblem(OptionFlaw.UNREAD, "playbook", options.playbook)
        problems += [found] if isinstance(found, OptionProblem) else []
        if problems:
            raise BadDefaults(problems)

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

    async def suggest(self, field: str, typed: str) -> Sequence[Block]:
        """Return the options of a form's menu for what was typed into it."""
        seconds = self.workspace.timing.list_seconds
        if field == actions.REPO_FIELD:
            names = await self.catalog.repositories(seconds)
            return repositories_like(() if isinstance(names, Unread) else names, typed)
        playbooks = await self.catalog.playbooks(seconds)
        return playbooks_like(() if isinstance(playbooks, Unread) else playbooks, typed)

    async def going_on(self, channel: str, chosen: str) -> Options:
        """Return the options `chosen` for a session, with the cap that its channel has now."""
        options, _ = parse_options(escape(chosen))
        cap = (await self.state.profiles.get(channel)).options.max_acu
        again = options if cap is None else options.model_copy(update={"max_acu": cap})
        return self._applied(Options(), again)

    def _applied(self, own: Options, channels: Options) -> Options:
        """Return the options over the channel's, of which those that Devin lacks don't count."""
        names = [FIELDS[key] for key in self.devin.lacks]
        lacking = {name: getattr(Options(), name) for name in names}
        options = own.over(channels.model_copy(update=lacking))
        settings = self.workspace.settings
        cap = settings.max_acu if options.max_acu is None else options.max_acu
        ceiling = settings.max_acu_ceiling
        if own.max_acu is None and ceiling is not None:
            cap = ceiling if cap is None else min(cap, ceiling)
        return options.model_copy(update={"max_acu": cap})

    def _problems(self, own: Options, options: Options) -> Iterator[OptionProblem]:
        for key, name in FIELDS.items():
            if key in self.devin.lacks and getattr(own, name):
                yield OptionProblem(OptionFlaw.LACKING, key)
        ceiling = self.workspace.settings.max_acu_ceiling
        if ceiling is not None and (own.max_acu or 0) > ceiling:
            yield OptionProblem(OptionFlaw.ABOVE, "max", str(ceiling))
        if len(options.tags) > MOST_TAGS:
            yield OptionProblem(OptionFlaw.TOO_MANY, "tag", str(MOST_TAGS))

    async def _looked_up(self, macro: str, seconds: float) -> str | OptionProblem | Unread:
        """Return a playbook's ID, also of a macro, or why there is none; `Unread` may pass."""
        if not macro.startswith("!"):
            return macro
        try:
            found = await asyncio.wait_for(self.devin.playbooks(), seconds)
        except TimeoutError:
            found = Unread()
        if isinstance(found, Unread):
            log.info("playbooks not read", extra={"reason": found.reason})
            unread = OptionProblem(OptionFlaw.UNREAD, "playbook", macro)
            return found if found.is_passing else unread
        fits = (one.id for one in found if one.macro.lower() == macro.lower())
        return next(fits, OptionProblem(OptionFlaw.NO_PLAYBOOK, "playbook", macro))
