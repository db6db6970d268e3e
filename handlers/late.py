"""Messages that no acknowledged event brought, read in their threads.

`conversations.replies` shows a message without its channel, and includes our own messages, which
Bolt filters from events.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from bot.catch_up.reader import Unheard
from bot.model.errors import NotAllowed, PersonError
from bot.model.record import mapping, mappings, string
from bot.model.replies import FOR_NO_SESSION, Change, Evidence, Reply
from bot.model.threads import Link, ThreadRef, is_ts, micros_ts, ts_micros
from bot.relay import UseCases
from bot.relay.accept import FRESH
from bot.store.links import GONE
from bot.store.revisions import TOO_LATE
from handlers import first_words
from handlers.failures import whisper
from handlers.mentions import act_of, claim_of
from handlers.parse.commands import is_for_bot, parse_command, parse_guess, parse_spoken
from handlers.parse.events import is_own, parse_reply


class LateEvents:
    """The `Events` of a catch-up."""

    def __init__(self, cases: UseCases) -> None:
        self._cases = cases
        self._identity = cases.workspace.identity
        self._revisions = cases.state.revisions

    def parse(self, message: Mapping[str, Any], thread: ThreadRef) -> Reply | Unheard | None:
        """Parse a reply, or a mention that is a command; None for any other message."""
        ours = self._identity
        if is_own(message, ours):
            return None
        event = {**message, "channel": thread.channel}
        words = event, thread.team, ours.user
        command = parse_command(*words) or parse_guess(*words)
        if command is not None:
            return Unheard(command.thread, command.ts, command.verb, command.by)
        return parse_reply(event, thread.team, ours.user) or parse_spoken(*words)

    async def accept(self, reply: Reply) -> Change:
        """Accept a reply that was read in its thread; answer what is for the bot itself."""
        change = await self._cases.replies.accept(reply, Evidence.THREAD)
        is_for = is_for_bot(reply.text, reply.thread.channel, self._identity.user)
        if change in FOR_NO_SESSION and is_for and not reply.bots:
            await self._answer(reply)
        return change

    async def _answer(self, spoken: Reply) -> None:
        """Answer words to the bot, unless a session has them."""
        cases = self._cases
        if await cases.state.mailbox.is_known(spoken.id):
            return
        link = await cases.state.links.get(spoken.thread)
        if link is None:
            await cases.first_words.offer(spoken)
        elif link.muted:
            await first_words.tell_muted(cases, spoken)

    async def turn_away(self, reply: Reply, error: PersonError) -> None:
        """Tell the author of a reply why it was not accepted; a bot is told nothing."""
        if not reply.bots:
            await whisper(self._cases, reply.thread, reply.ts, reply.author, error)

    async def is_heeded(self, command: Unheard) -> bool:
        """Whether `mentions` has not answered a command, and its author may give it.

        An author who may not is told so. From now on, `mentions` ignores the command; a fresh one
        is waited for first, since its event comes.
        """
        if not self._cases.accepting.is_late(command.ts):
            await asyncio.sleep(FRESH.total_seconds())
        claim = claim_of(command.thread, command.ts)
        if not await self._cases.state.claims.begin(claim, "catch-up"):
            return False
        try:
            act = act_of(command.verb)
            await self._cases.accepting.check(command.by, command.thread.channel, act)
        except NotAllowed as error:
            thread = command.thread
            await whisper(self._cases, thread, command.ts, command.by, error, each=True)
            await self.give_up(command)
            return False
        return True

    async def describe(self, thread: ThreadRef, root: Mapping[str, Any], link: Link | None) -> None:
        """Keep a thread's first words, unless they are known, or are what asked for the link."""
        if link is None or string(root, "ts") in {"", micros_ts(link.since)}:
            return
        text, blocks, at = _said(root)
        if not link.topic or at > int(link.topic_at):
            words = await self._cases.accepting.first_words(text, blocks)
            await self._cases.state.links.describe(thread, words, at)

    async def take_back(self, reply: Reply) -> bool:
        """Take a reply out of its mailbox, if it is there; return False if Devin may have it."""
        met = await self._revisions.withdraw(reply.id, may_be_ahead=False)
        return met.what not in TOO_LATE or not met.may_be_taken

    async def give_up(self, command: Unheard) -> None:
        """Keep `mentions` from answering a command."""
        await self._cases.state.claims.claim(claim_of(command.thread, command.ts))


def _said(root: Mapping[str, Any]) -> tuple[str, Sequence[Mapping[str, Any]], int]:
    """Return a message's text and blocks, and the time of the edit that made them (us)."""
    if root.get("subtype") == "tombstone":
        return "", (), GONE
    edited = string(mapping(root.get("edited")), "ts")
    at = ts_micros(edited) if is_ts(edited) else 0
    return string(root, "text"), mappings(root.get("blocks")), at
