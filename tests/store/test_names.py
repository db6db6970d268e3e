"""Names that outlive an upgrade are literals, independent of the code's class names."""

import redis.asyncio

from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef
from bot.model.times import Micros
from bot.redis.connection import Store
from bot.relay.asking import LinkOffered, SessionAsked
from bot.relay.edits import CorrectionOffered
from bot.relay.saying import SayForm
from bot.store.claims import Tickets
from tests.support.desk import SESSION
from tests.support.keys import TENANT

BY = UserId("U0ADA00000")
ROOM = "C0GENERAL0"
THREAD = ThreadRef(team="T0SANDBOX", channel=ROOM, thread_ts="1764000000.000100")
REPLY = Reply(thread=THREAD, ts="1764000001.000100", author=BY, text="Please rebase.")
ASKED = SessionId(SESSION)
TICKETS = {
    "CorrectionOffered": CorrectionOffered(by=BY, reply=REPLY, edited=Micros(1)),
    "LinkOffered": LinkOffered(by=BY, thread=THREAD, session=ASKED),
    "SayForm": SayForm(by=BY, channel=ROOM),
    "SessionAsked": SessionAsked(by=BY, thread=THREAD),
}


async def test_a_ticket_keeps_its_key_and_its_form(store: Store, raw: redis.asyncio.Redis) -> None:
    """A ticket opened before an upgrade is found after it; `kind` is only in the key."""
    tickets = Tickets(store)
    for kind, ticket in TICKETS.items():
        number = await tickets.issue(ticket)
        kept = await raw.get(f"{{devin-relay:{TENANT}}}:ticket:{kind}:{number}")
        assert kept == ticket.to_json()
        assert '"kind"' not in kept
        assert await tickets.read(type(ticket), number, BY) == ticket
