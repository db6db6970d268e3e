"""Buttons that carry the number of a ticket, in a message that one person sees."""

from collections.abc import Awaitable, Callable

from slack_bolt.async_app import AsyncAck, AsyncRespond

from bot.relay import Relay
from bot.wording.message import SlackMessage
from handlers.askers import Asker
from handlers.failures import ignored, telling
from handlers.parse.events import Payload
from handlers.parse.interactions import TicketPress, parse_ticket_press

Work = Callable[[TicketPress], Awaitable[SlackMessage | None]]
Listener = Callable[[AsyncAck, Payload, AsyncRespond], Awaitable[None]]


def ticket_press(relay: Relay) -> Callable[[Work], Listener]:
    """Make a listener for Bolt of one that does the work of a press.

    The message that it returns replaces the one with the button; of a failure the person is told.
    """

    def listener_of(work: Work) -> Listener:
        async def replace(press: TicketPress, respond: AsyncRespond) -> None:
            asker = Asker(relay, respond, press.by, press.channel, press.thread_ts)
            async with telling(asker):
                words = await work(press)
                if words is not None:
                    await asker.tell(words, replaces=True)

        async def listener(ack: AsyncAck, body: Payload, respond: AsyncRespond) -> None:
            await ack()
            press = parse_ticket_press(body, relay.workspace.team)
            if press is None:
                ignored(body)
            else:
                await relay.background.soon(replace(press, respond))

        # Bolt logs the name. With `functools.wraps`, Bolt 1.30 would fill the parameters of `work`.
        listener.__name__ = work.__name__
        return listener

    return listener_of
