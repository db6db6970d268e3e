"""Devin's lists are kept for a while, and nobody waits for one that was read before."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from bot.devin.api import Devin, Unread
from bot.devin.catalog import Catalog
from bot.devin.opening import open_devin
from sandbox import DevinSandbox
from tests.support.waiting import wait_until

LONG = 60.0


@pytest.fixture
async def sandbox() -> AsyncIterator[DevinSandbox]:
    """A local Devin."""
    async with DevinSandbox() as running:
        yield running


@pytest.fixture
async def devin(sandbox: DevinSandbox) -> AsyncIterator[Devin]:
    """A client of it."""
    async with open_devin(sandbox.url, SecretStr(sandbox.api_key), None, 4) as opened:
        yield opened


async def test_a_list_is_read_once_for_all_who_ask(sandbox: DevinSandbox, devin: Devin) -> None:
    """At the same time, and while it is fresh."""
    catalog = Catalog(devin)
    found = await asyncio.gather(*(catalog.repositories(LONG) for _ in range(5)))
    found.append(await catalog.repositories(0))
    assert found == [sandbox.catalog.repositories] * 6
    assert sandbox.reads_by_kind["repositories"] == 1


async def test_nobody_waits_for_longer_than_they_want(sandbox: DevinSandbox, devin: Devin) -> None:
    """The list is there for the next one."""
    catalog = Catalog(devin)
    assert isinstance(await catalog.playbooks(0), Unread)

    assert not isinstance(await catalog.playbooks(LONG), Unread)
    assert sandbox.reads_by_kind["playbooks"] == 1


async def test_an_old_list_serves_while_it_is_read_again(
    sandbox: DevinSandbox, devin: Devin
) -> None:
    """A repository that was added is there soon after."""
    catalog = Catalog(devin, fresh_seconds=0)
    before = list(sandbox.catalog.repositories)
    assert await catalog.repositories(LONG) == before
    sandbox.catalog.repositories.append("acme/new")
    assert await catalog.repositories(LONG) == before

    async def is_new() -> bool:
        return await catalog.repositories(LONG) == [*before, "acme/new"]

    await wait_until(is_new, "it is read again")


async def test_an_old_list_serves_while_devin_is_away(sandbox: DevinSandbox, devin: Devin) -> None:
    """Whatever is wrong with it."""
    catalog = Catalog(devin, fresh_seconds=0)
    before = await catalog.repositories(LONG)
    for failure in (403, 500):
        sandbox.read_failures["repositories"].append(failure)
        assert await catalog.repositories(LONG) == before
        await wait_until(lambda: not sandbox.read_failures["repositories"], "it is read again")
    assert await catalog.repositories(LONG) == before


async def test_what_may_not_be_read_is_not_asked_for_again(
    sandbox: DevinSandbox, devin: Devin
) -> None:
    """A failure that passes is."""
    catalog = Catalog(devin)
    sandbox.read_failures["repositories"].append(403)
    sandbox.read_failures["playbooks"].append(503)
    for _ in range(2):
        assert await catalog.repositories(LONG) == Unread(403)
    assert sandbox.reads_by_kind["repositories"] == 1
    assert isinstance(await catalog.playbooks(LONG), Unread)
    assert not isinstance(await catalog.playbooks(LONG), Unread)
