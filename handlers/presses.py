"""Listeners of buttons: a press is parsed, its work is done, and its failure is told.

Anyone who can press a button can forge its value, so a value counts only in the place of the press.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from slack_bolt.async_app import AsyncAck

from bot.model.record import string
from bot.relay import UseCases
from bot.wording.message import SlackMessage
from handlers.askers import Asker
from handlers.failures import ours, telling
from handlers.parse.events import Payload
from handlers.parse.interactions import Press, TicketPress, parse_press, parse_ticket_press

T = TypeVar("T", Press, TicketPress)
Listener = Callable[[AsyncAck, Payload], Awaitable[None]]


def button_press(cases: UseCases) -> Callable[[Callable[[Press], Awaitable[str | None]]], Listener]:
    """Make a listener for Bolt of one that does the work of a press that everybody sees.

    The note that it returns replaces the message's buttons. A press that comes a second time does
    nothing, whatever was done since.
    """

    def listener_of(work: Callable[[Press], Awaitable[str | None]]) -> Listener:
        async def do(_: Asker, press: Press) -> None:
            claim = f"pressed:{press.channel}:{press.by}:{press.ts}"
            if press.ts and await cases.state.claims.is_claimed(claim):
                return
            note = await work(press)
            if note is not None:
                cases.notices.press(press.message, press.channel, note)
            if press.ts:
                await cases.state.claims.claim(claim)

        return listening(cases, parse_press, do, work.__name__)

    return listener_of


def ticket_press(
    cases: UseCases,
) -> Callable[[Callable[[TicketPress], Awaitable[SlackMessage | None]]], Listener]:
    """Make a listener of one that does the work of a button with a ticket, which one person sees.

    The message that it returns replaces the one with the button.
    """

    def listener_of(work: Callable[[TicketPress], Awaitable[SlackMessage | None]]) -> Listener:
        async def do(asker: Asker, press: TicketPress) -> None:
            words = await work(press)
            if words is not None:
                await asker.tell(words, replaces=True)

        return listening(cases, parse_ticket_press, do, work.__name__)

    return listener_of


def listening(
    cases: UseCases,
    parse: Callable[[Payload, str], T | None],
    do: Callable[[Asker, T], Awaitable[None]],
    name: str,
) -> Listener:
    """Return a listener that does `do` for each press that `parse` understands."""

    async def telling_failures(press: T, response_url: str) -> None:
        asker = Asker(cases, response_url, press.by, press.channel, press.thread_ts)
        async with telling(asker):
            await do(asker, press)

    async def listener(ack: AsyncAck, body: Payload) -> None:
        await ack()
        press = ours(parse, body, cases)
        if press is not None:
            await cases.background.soon(telling_failures(press, string(body, "response_url")))

    # Bolt logs the name. With `functools.wraps`, Bolt 1.30 would fill the parameters of `do`.
    listener.__name__ = name
    return listener
