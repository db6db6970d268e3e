"""Events that no listener would act on, which are acknowledged before Bolt builds a request.

Bolt takes longer for such an event than all the rest. The listeners' own parsers decide here, and
an event in doubt is left to the listeners.
"""

from bot.model.errors import StoreAway
from bot.model.lenient import mapping
from bot.relay import UseCases
from handlers import edits, events, link_offers
from handlers.parse.commands import parse_spoken
from handlers.parse.events import Payload, is_in_thread, is_own, parse_thread


async def is_foreign(cases: UseCases, payload: Payload) -> bool:
    """Whether no listener would act on a payload; False if Redis must say so, and cannot.

    Only messages are judged: the bot's own, changes that nobody made to a reply, and talk outside
    of linked threads.
    """
    event = mapping(payload.get("event"))
    if payload.get("type") != "event_callback" or event.get("type") != "message":
        return False
    ours = cases.workspace.identity
    if is_own(event, ours):
        return True
    if events.shared_channel(event, payload) or events.changed_channel(event):
        return False
    if event.get("subtype") in edits.CHANGES:
        return edits.parse_change(event, ours.team, ours.user) is None
    return await _is_talk(cases, event)


async def _is_talk(cases: UseCases, event: Payload) -> bool:
    """Whether a message is neither for the bot, nor names a session, nor is in a linked thread."""
    ours = cases.workspace.identity
    thread, is_answer = parse_thread(event, ours.team), is_in_thread(event)
    if thread is None or (is_answer and cases.replies.is_known(thread)):
        return False
    if link_offers.names_session(event) or parse_spoken(event, ours.team, ours.user) is not None:
        return False
    if not is_answer:
        return True
    try:
        return not await cases.replies.is_linked(thread)
    except StoreAway:
        return False
