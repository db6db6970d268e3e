"""Replies in linked threads: each is accepted for its session, then acknowledged to Slack.

The acknowledgement is sent when the listener returns (`process_before_response`), so an exception
means that Slack sends the event again.
"""

from bot.model.errors import SlackRefused
from bot.model.lenient import string
from bot.model.replies import ASTRAY, Change, Voucher
from bot.relay import Relay
from bot.slack.threads import NO_SUCH_THREAD
from bot.text import asides
from bot.wording import refusals
from handlers import link_offers
from handlers.parse.events import Payload, is_in_thread, parse_reply, parse_thread


async def accept(relay: Relay, event: Payload, bot_user: str) -> None:
    """Accept a message that is not for the bot itself, or offer a link for it."""
    change = await take(relay, event, bot_user)
    if change is Change.UNLINKED and link_offers.names_session(event):
        await link_offers.offer(relay, event, bot_user)


async def take(relay: Relay, event: Payload, bot_user: str) -> Change:
    """Accept a reply as delivered, or, if that may be outdated, as it is in its thread now."""
    reply = parse_reply(event, relay.workspace.team, bot_user)
    if reply is None:
        await _tell_aside(relay, event, bot_user)
        return Change.UNLINKED
    change = await relay.accept(reply)
    if change in ASTRAY:
        await relay.late_replies.tell_if_stranded(reply)
    if change is not Change.LATE:
        return change
    try:
        message = await relay.late_replies.look_up(reply)
    except SlackRefused as error:
        if error.reason in NO_SUCH_THREAD:
            return change
        return await relay.accept(reply, Voucher.THREAD)  # it cannot be known better
    if message is None:
        return change
    now = parse_reply({**message, "channel": reply.thread.channel}, relay.workspace.team, bot_user)
    return change if now is None else await relay.accept(now, Voucher.THREAD)


async def _tell_aside(relay: Relay, event: Payload, bot_user: str) -> None:
    """Tell a person that a reply counts as an aside, unless it begins with the very words."""
    thread, user = parse_thread(event, relay.workspace.team), string(event, "user")
    text, is_reply = string(event, "text"), is_in_thread(event) and not event.get("bot_id")
    if not is_reply or not user or not asides.is_aside(text, bot_user):
        return
    if thread is None or asides.is_plain(text, bot_user) or not await relay.is_linked(thread):
        return
    once = f"aside:{string(event, 'ts')}"
    await relay.notices.whisper(thread, user, refusals.KEPT_ASIDE, once=once)
