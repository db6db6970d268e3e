"""*Follow* and *Unfollow* on a thread's card, which shows the result."""

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.model.errors import NoSuchReply
from bot.model.lenient import first_of, string
from bot.model.mirror import Follow
from bot.relay import Relay
from bot.wording import actions
from handlers.askers import Asker
from handlers.failures import ignored, telling
from handlers.parse.events import Payload
from handlers.parse.interactions import parse_press, parse_unlink


def register(app: AsyncApp, relay: Relay) -> None:
    """Listen to the buttons."""

    @app.action(actions.FOLLOW)
    @app.action(actions.UNFOLLOW)
    async def on_follow(ack: AsyncAck, body: Payload, respond: AsyncRespond) -> None:
        await ack()
        press = parse_press(body, relay.workspace.team)
        if press is None:
            ignored(body)
            return
        thread, by = press.thread, press.by
        async with telling(Asker(relay, respond, by, thread.channel, thread.thread_ts)):
            session = parse_unlink(press)
            if session is None:
                raise NoSuchReply(already_sent=False)
            pressed = string(first_of(body.get("actions")), "action_id")
            how = Follow.ALL if pressed == actions.FOLLOW else Follow.OFF
            await relay.follow(thread, by, how, session)
