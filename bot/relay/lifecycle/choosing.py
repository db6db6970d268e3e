"""What a start uses: the options before its prompt, over the profile of its channel.

Nothing is started with options that can't be used; they are checked when a person asks, and again
when the prompt is composed from the message as it is then. A macro that can't be looked up at the
moment is looked up then.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.devin.api import Devin, Unread, listed
from bot.model.errors import DevinAway
from bot.model.options import (
    MOST_TAGS,
    BadDefaults,
    BadOptions,
    OptionFlaw,
    OptionProblem,
    Options,
    Profile,
)
from bot.model.people import UserId
from bot.slack.app.workspace import Workspace
from bot.store.state import State
from bot.text.options import parse_options
from bot.text.to_slack import escape

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The `options` that apply, as people know them, and the ID of their playbook.

    It is the macro, if that can't be looked up at the moment.
    The channel's standing `words`, which `by` set, precede the `prompt`; both are Slack markup.
    """

    options: Options
    playbook: str
    prompt: str
    words: str
    by: UserId

    @property
    def sent(self) -> Options:
        """The options as Devin takes them."""
        return self.options.model_copy(update={"playbook": self.playbook})


@dataclass(frozen=True, slots=True)
class Choosing:
    """Finds out what applies to starts."""

    workspace: Workspace
    state: State
    devin: Devin

    async def of(self, channel: str, text: str, *, composes: bool = False) -> Chosen:
        """Return what a start in `channel` uses whose prompt, with its options, is `text`.

        With `composes`, no person waits for it, and the playbook is one that Devin takes.

        Raises:
            BadOptions: they can't be used; it has all problems that could be found.
            DevinAway: it `composes`, and its macro can't be looked up at the moment.
            StoreAway: the profile can't be read.
        """
        own, prompt = parse_options(text)
        profile = await self.state.profiles.get(channel)
        options = self._applied(own, profile)
        problems = list(self._problems(own, options))
        playbook = options.playbook
        if playbook.startswith("!"):
            timing = self.workspace.timing
            seconds = timing.read_seconds if composes else timing.list_seconds
            found = await self._looked_up(playbook, seconds)
            if isinstance(found, OptionProblem):
                problems.append(found)
            elif isinstance(found, str):
                playbook = found
            elif composes and not problems:
                raise DevinAway(found.reason, retry_after=found.retry_after)
        if problems:
            raise BadOptions(problems)
        return Chosen(options, playbook, prompt, profile.words, profile.by)

    async def check(self, options: Options) -> None:
        """Check what is to be a channel's default.

        Raises:
            BadDefaults: starts can't use it; it has all problems that could be found.
        """
        problems = list(self._problems(options, options))
        if options.playbook.startswith("!"):
            found = await self._looked_up(options.playbook, self.workspace.timing.list_seconds)
            if isinstance(found, Unread):
                found = OptionProblem(OptionFlaw.UNREAD, "playbook", options.playbook)
            problems += [found] if isinstance(found, OptionProblem) else []
        if problems:
            raise BadDefaults(problems)

    async def going_on(self, channel: str, chosen: str) -> Options:
        """Return the options with which to go on from a session that was started with `chosen`.

        Its cap is the one that applies to the channel now, or else the same again.
        """
        options, _ = parse_options(escape(chosen))
        now = self._applied(Options(), await self.state.profiles.get(channel)).max_acu
        return options if now is None else options.model_copy(update={"max_acu": now})

    def _applied(self, own: Options, profile: Profile) -> Options:
        """Return the options over the channel's, of which those that Devin lacks don't count."""
        channels = profile.options
        if "repo" in self.devin.lacks:
            channels = channels.model_copy(update={"repos": ()})
        if "mode" in self.devin.lacks:
            channels = channels.model_copy(update={"mode": ""})
        options, settings = own.over(channels), self.workspace.settings
        cap = settings.max_acu if options.max_acu is None else options.max_acu
        ceiling = settings.max_acu_ceiling
        if own.max_acu is None and ceiling is not None:
            cap = ceiling if cap is None else min(cap, ceiling)
        return options.model_copy(update={"max_acu": cap})

    def _problems(self, own: Options, options: Options) -> Iterator[OptionProblem]:
        named: Mapping[str, object] = {"repo": own.repos, "mode": own.mode}
        for key, value in named.items():
            if value and key in self.devin.lacks:
                yield OptionProblem(OptionFlaw.LACKING, key)
        ceiling = self.workspace.settings.max_acu_ceiling
        if ceiling is not None and (own.max_acu or 0) > ceiling:
            yield OptionProblem(OptionFlaw.ABOVE, "max", str(ceiling))
        if len(options.tags) > MOST_TAGS:
            yield OptionProblem(OptionFlaw.TOO_MANY, "tag", str(MOST_TAGS))

    async def _looked_up(self, macro: str, seconds: float) -> str | OptionProblem | Unread:
        """Return the ID of the playbook with that macro, or why it is not known.

        It is looked for in what could be read of the list; `Unread` is a failure that passes.
        """
        try:
            found = await asyncio.wait_for(self.devin.playbooks(), seconds)
        except TimeoutError:
            found = Unread()
        part = listed(found)
        for one in () if isinstance(part, Unread) else part:
            if one.macro.lower() == macro.lower():
                return one.id
        if not isinstance(found, Unread):
            return OptionProblem(OptionFlaw.NO_PLAYBOOK, "playbook", macro)
        log.info("playbooks not read", extra={"reason": found.reason})
        if found.is_passing:
            return found
        return OptionProblem(OptionFlaw.UNREAD, "playbook", macro)
