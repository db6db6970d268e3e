"""Tickets keep the context of a modal, a menu or an offer here instead of in Slack.

Slack passes on `private_metadata` and the values of buttons as a person's client sent them. So they
carry only a ticket's number, which cannot be guessed and is valid for one person only.
"""

import secrets
from datetime import timedelta
from typing import ClassVar, TypeVar

from bot.model.people import UserId
from bot.model.record import Record
from bot.redis.connection import Store
from bot.redis.keys import ticket_key

KEEP = timedelta(hours=24)
"""The time for which a person may leave a modal open, or an offer unanswered."""

LENGTH = 32


class Ticket(Record):
    """A question to the person `by`; each subclass adds its content, and its `kind` for the key."""

    kind: ClassVar[str]

    by: UserId


T = TypeVar("T", bound=Ticket)


class Tickets:
    """The tickets, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def issue(self, ticket: Ticket, keep: timedelta = KEEP) -> str:
        """Keep `ticket`, and return its number."""
        number = new_number()
        await self.write(number, ticket, keep)
        return number

    async def write(self, number: str, ticket: Ticket, keep: timedelta = KEEP) -> None:
        """Keep `ticket` under a number that was given out already."""
        await self._store.put(ticket_key(ticket.kind, number), ticket.to_json(), keep)

    async def read(self, form: type[T], number: str, by: UserId) -> T | None:
        """Return the ticket of that form and number, if it was issued to `by` and is still kept."""
        if not (number.isascii() and number.isalnum() and len(number) == LENGTH):
            return None
        ticket = form.parse(await self._store.get(ticket_key(form.kind, number)))
        return ticket if ticket is not None and ticket.by == by else None


def new_number() -> str:
    """Return a number for a ticket: 128 random bits, in hex."""
    return secrets.token_hex(LENGTH // 2)
