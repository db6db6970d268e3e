"""Offers to link a thread when somebody posts a session's address in it.

Every message that is not ours passes `names_session`, so that only searches for a few letters.
"""

from slack_bolt.async_app import AsyncApp

from bot.model.people import UserId
from bot.model.record import string
from bot.model.sessions import SESSION_ADDRESS, SessionId, find_session
from bot.model.threads import ThreadRef
from bot.relay import UseCases
from bot.text import asides
from bot.wording import actions, thread_links
from bot.wording.message import SlackMessage
from handlers.parse.events import REPLY_SUBTYPES, Payload, parse_thread
from handlers.parse.interactions import TicketPress
from handlers.presses import ticket_press


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to the button; `replies` and `first_words` make the offers."""

    @app.action(actions.LINK_OFFERED)
    @ticket_press(cases)
    async def on_offer_taken(press: TicketPress) -> SlackMessage:
        session = await cases.link_form.take_up(press.number, press.by, press.channel)
        return thread_links.offer_taken(session)


def names_session(event: Payload) -> bool:
    """Whether a message may name a session: a quick check of every message."""
    text = event.get("text")
    return isinstance(text, str) and SESSION_ADDRESS in text


async def offer(cases: UseCases, event: Payload, bot_user: str) -> bool:
    """Offer the author of a message to link its thread to the session it names, once a thread.

    Return True if that is done, or was done at another event of the same message.
    """
    named = parse_named(event, cases.workspace.team, bot_user)
    if named is None:
        return False
    return await cases.link_form.offer(*named)


def parse_named(
    event: Payload, team: str, bot_user: str
) -> tuple[ThreadRef, UserId, SessionId, str] | None:
    """Parse a person's message that names a session: its thread, author, session and `ts`.

    None for bots, edits, asides and the rest.
    """
    thread, user, text = parse_thread(event, team), string(event, "user"), string(event, "text")
    subtype = event.get("subtype")
    is_message = subtype is None or (isinstance(subtype, str) and subtype in REPLY_SUBTYPES)
    if thread is None or not user or event.get("bot_id") or event.get("hidden") or not is_message:
        return None
    session = find_session(text)
    if session is None or asides.is_aside(text, bot_user):
        return None
    return thread, UserId(user), session, string(event, "ts")
