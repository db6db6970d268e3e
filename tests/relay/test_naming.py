"""Naming a session fails nobody, whatever is away."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest
import redis.asyncio

from bot.devin.api import Devin, SessionSummary, Survey
from bot.mirror.audience import Audience
from bot.model.people import UserId
from bot.model.sessions import NamedSession, SessionId, SessionState
from bot.redis.connection import Store
from bot.redis.keys import watched_key
from bot.relay.accept import Accepting
from bot.relay.naming import MOST_ASKED, Naming
from bot.slack.app.workspace import Workspace
from bot.store.state import State
from bot.store.threads import SessionNames
from bot.timing import TIMING
from tests.support.keys import at

TTL = timedelta(days=1)
ONE, TWO = SessionId("devin-1"), SessionId("devin-2")
NOTES = NamedSession(ONE, "Release notes", "https://acme.devinenterprise.com/sessions/1")
TESTS = NamedSession(TWO, "Flaky tests", "")


class Told:
    """The part of Devin that tells states; it records what it was asked."""

    def __init__(self, *named: NamedSession, hangs: bool = False) -> None:
        self.named = {one.session: one for one in named}
        self.hangs = hangs
        self.asked: list[Sequence[SessionId]] = []

    async def survey(self, sessions: Sequence[SessionId]) -> Survey:
        """Tell what is known of each."""
        self.asked.append(sessions)
        if self.hangs:
            await asyncio.Event().wait()
        named = [self.named[one] for one in sessions if one in self.named]
        found = {
            one.session: SessionSummary(one.session, one.title, SessionState.WORKING, None, one.url)
            for one in named
        }
        return Survey(found, 1)


def naming(devin: Told, store: Store) -> Naming:
    workspace = cast("Workspace", SimpleNamespace(timing=TIMING))
    state = cast("State", SimpleNamespace(names=SessionNames(store, TTL)))
    audience = cast("Audience", SimpleNamespace(shown=unchanged))
    return Naming(workspace, state, cast("Devin", devin), cast("Accepting", None), audience)


async def unchanged(named: NamedSession, _channel: str, _by: UserId) -> NamedSession:
    """Show a session where nobody reads along."""
    return named


async def test_devin_is_asked_only_about_what_has_no_title(store: Store) -> None:
    """What it does not know stays an id; the order is the asker's."""
    await SessionNames(store, TTL).keep([NOTES])
    devin = Told(TESTS)
    unknown = SessionId("devin-3")
    found = await naming(devin, store).of([TWO, unknown, ONE])
    assert list(found.values()) == [TESTS, NamedSession(unknown), NOTES]
    assert devin.asked == [[TWO, unknown]]
    assert await naming(devin, store).one(TWO, "C1") == TESTS
    assert len(devin.asked) == 1


async def test_a_fresh_name_is_asked_for_and_kept(store: Store) -> None:
    """What Devin does not tell then is as it was."""
    await SessionNames(store, TTL).keep([NOTES, TESTS])
    renamed = NamedSession(ONE, "Release 2.0", NOTES.url)
    devin = Told(renamed)
    found = await naming(devin, store).of([ONE, TWO], fresh=True)
    assert found == {ONE: renamed, TWO: TESTS}
    assert await SessionNames(store, TTL).of([ONE]) == {ONE: renamed}


async def test_devin_is_asked_about_so_many_at_once(store: Store) -> None:
    """Each may cost a call of its own."""
    sessions = [SessionId(f"devin-{number:x}") for number in range(MOST_ASKED + 5)]
    devin = Told()
    found = await naming(devin, store).of(sessions)
    assert list(found) == sessions
    assert devin.asked == [sessions[:MOST_ASKED]]
    assert await naming(devin, store).of([]) == {}


async def test_a_devin_that_never_answers_is_not_waited_for(store: Store) -> None:
    """Its implementations end within a second; this holds whatever they wait for."""
    assert await naming(Told(NOTES, hangs=True), store).one(ONE, "C1") == NamedSession(ONE)


@pytest.mark.parametrize("kept", ["", "{", '{"title": 2, "url": ""}'])
async def test_a_name_that_cannot_be_read_is_unknown(
    kept: str, store: Store, raw: redis.asyncio.Redis
) -> None:
    """Devin is asked again, in place of guessing."""
    await raw.hset(at(watched_key(ONE)), "name", kept)
    await raw.expire(at(watched_key(ONE)), 60)
    assert await SessionNames(store, TTL).of([ONE]) == {ONE: NamedSession(ONE)}


async def test_a_name_expires(store: Store, raw: redis.asyncio.Redis) -> None:
    """A session that nobody asks for is not kept for ever."""
    await SessionNames(store, TTL).keep([NOTES])
    assert 0 < await raw.ttl(at(watched_key(NOTES.session))) <= TTL.total_seconds()
