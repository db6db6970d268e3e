"""Claims hold once per workspace, and a ticket for one person and one form."""

from datetime import timedelta

import pytest

from bot.model.errors import Expired
from bot.model.people import UserId
from bot.redis.connection import Store
from bot.store.claims import Claims, Ticket, Tickets

ADA = UserId("U0ADA")


class Asked(Ticket, kind="Asked"):
    """A form."""


class Offered(Ticket, kind="Offered"):
    """Another one."""


async def test_a_claim_is_its_workspaces_own(store: Store) -> None:
    """A Slack Connect channel has one id in both workspaces, and so have its messages."""
    here, there = Claims(store.of("T0TEAM")), Claims(store.of("T0OTHER"))
    assert await here.claim("command:C0:1")
    assert not await here.claim("command:C0:1")
    assert await there.claim("command:C0:1")
    await here.disclaim("command:C0:1")
    assert not await here.is_claimed("command:C0:1")
    assert await there.is_claimed("command:C0:1")


async def test_a_claim_in_somebodys_name_is_theirs_again_and_again(store: Store) -> None:
    """Nobody else gets it until it is released."""
    claims = Claims(store)
    assert await claims.claim("starting:x", timedelta(days=8), "mine")
    assert await claims.claim("starting:x", timedelta(days=8), "mine")
    assert not await claims.claim("starting:x", timedelta(days=8), "theirs")
    await claims.disclaim("starting:x")
    assert await claims.claim("starting:x", timedelta(days=8), "theirs")


async def test_a_ticket_is_read_by_its_number_its_person_and_its_form(store: Store) -> None:
    """A client may send any number; each form and offer finds its own, and nothing else."""
    tickets = Tickets(store)
    number = await tickets.issue(Asked(by=ADA))
    assert await tickets.read(Asked, number, ADA) == Asked(by=ADA)
    for form, tampered, by in (
        (Asked, number, UserId("U0BEN")),
        (Offered, number, ADA),
        *((Asked, one, ADA) for one in ("", "0" * 32, f"{number}x", "x" * 3_000, "*", "../x")),
    ):
        with pytest.raises(Expired):
            await tickets.read(form, tampered, by)
