"""People's commands in threads, each given again until it is obeyed."""

import asyncio
from collections.abc import Callable
from functools import partial

from chaos.carrier import LOOK_SECONDS, Carrier
from chaos.entries import Kind
from chaos.ledger import Ledger
from chaos.sentences import is_unheard
from chaos.speech import Place
from chaos.surfaces import PERSON
from sandbox.slack.server import Message, SlackSandbox


class Commands:
    """Gives commands, which Slack delivers until they are acknowledged."""

    def __init__(self, slack: SlackSandbox, ledger: Ledger, carrier: Carrier) -> None:
        self._slack = slack
        self._ledger = ledger
        self._carrier = carrier

    async def give(
        self,
        session: str,
        place: Place,
        command: str,
        is_answer: Callable[[Message, bool], bool],
        *,
        user: str = PERSON,
    ) -> None:
        """Give a command until it is obeyed.

        `is_answer` tells that by a message of the relay in the thread, and by whether that message
        is later than the command.
        """
        while not await self._is_obeyed(session, place, command, is_answer, user):
            pass

    async def _is_obeyed(
        self,
        session: str,
        place: Place,
        command: str,
        is_answer: Callable[[Message, bool], bool],
        user: str,
    ) -> bool:
        """Give a command and wait for its answer; return False if it was not heard."""
        entry = self._ledger.write(session, Kind.ORDER)
        before = len(self._slack.deliveries)
        text = f"<@{self._slack.bot_user_id}> {command}"
        ts = await self._slack.say(text, user=user, channel=place.channel, thread=place.root)
        for delivery in self._slack.deliveries[before:]:
            self._carrier.track(partial(setattr, entry, "acked"), delivery)
        verb = command.split(maxsplit=1)[0]
        while True:
            for one in self._shown(place):
                is_later = float(one.ts) > float(ts)
                is_obeyed = is_answer(one, is_later)
                is_refusal = one.ephemeral_to or is_unheard(one, verb)
                if is_obeyed or (is_later and is_refusal):
                    entry.is_answered = True
                    return is_obeyed
            await asyncio.sleep(LOOK_SECONDS)

    def _shown(self, place: Place) -> list[Message]:
        """Return the relay's messages in a thread."""
        shown = [
            *self._slack.thread(place.channel, place.root),
            *self._slack.ephemerals(place.channel),
        ]
        bot = self._slack.bot_user_id
        return [one for one in shown if one.user == bot and one.root_ts == place.root]
