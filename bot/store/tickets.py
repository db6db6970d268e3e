"""What a modal, a menu or an offer was opened for, kept here instead of in Slack.

Slack hands `private_metadata` and the values of buttons back as somebody's client sent them. They
carry a ticket's number only, which nobody can guess, and which serves nobody else.
"""

import secrets
from datetime import timedelta
from typing import ClassVar, Literal, TypeVar

from bot.model.people import UserId
from bot.model.record import Record
from bot.redis.connection import Store
from bot.redis.keys import ticket_key

KEEP = timedelta(hours=24)
"""How long somebody may leave a modal open, or an offer unanswered."""


class Ticket(Record):
    """What somebody was asked; each subclass adds what it is about, and its `kind` for the key."""

    kind: ClassVar[str]

    v: Literal[1] = 1
    by: UserId


T = TypeVar("T", bound=Ticket)


class Tickets:
    """The tickets, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def issue(self, ticket: Ticket, keep: timedelta = KEEP) -> str:
        """Keep `ticket` for that long, and give its number."""
        number = new_number()
        await self.write(number, ticket, keep)
        return number

    async def write(self, number: str, ticket: Ticket, keep: timedelta = KEEP) -> None:
        """Keep `ticket` under a number that was given out already."""
        await self._store.put(ticket_key(ticket.kind, number), ticket.to_json(), keep)

    async def read(self, form: type[T], number: str, by: UserId) -> T | None:
        """The ticket of that form and number, if it was issued to `by` and is still kept."""
        if not (number.isascii() and number.isalnum() and len(number) == LENGTH):
            return None
        ticket = form.parse(await self._store.get(ticket_key(form.kind, number)))
        return ticket if ticket is not None and ticket.by == by else None


LENGTH = 32


def new_number() -> str:
    """A number for a ticket that is written later: 128 random bits, in hex."""
    return secrets.token_hex(LENGTH // 2)
