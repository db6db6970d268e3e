"""A session that uses up its cap: its threads are told, and someone goes on in a new one."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.app import Bot
from bot.devin.v3.client import DevinV3
from bot.model.errors import ContinuedAlready, LinkedElsewhere, UnderWay
from bot.model.replies import Outcome, Wait
from bot.model.sessions import NamedSession, SessionId
from bot.redis.connection import Store
from bot.store.claims import Claims
from bot.wording import actions, refusals, thread_links
from bot.wording.lifecycle.starting import UNDER_WAY, continued
from bot.wording.message import SlackMessage
from bot.wording.mirror.card import at_cap
from bot.wording.phrases import acus_of, cap_of, plain, session_address
from sandbox.devin.answers import STATES
from sandbox.slack.server import Message
from tests.features.test_usage import started
from tests.people.test_questions import ASKED, press, unread, with_button
from tests.support.desk import SESSION, Desk, muted, running
from tests.support.devin_posts import until_card
from tests.support.forms import start_again, until_refused
from tests.support.waiting import until_settled, wait_until

NEAR, REACHED = acus_of(8.0, 10), f"used up its cap* of {cap_of(10)}"


async def used_up(desk: Desk, raw: Redis) -> str:
    """Let a session with a cap of 10 ACUs use them up; return its thread."""
    thread = await started(desk, raw, SESSION, user="ada", channel="general")
    desk.devin.session(SESSION).cap = 10
    await desk.answer("unfollow", thread, "")
    desk.devin.spend(SESSION, 8.0)
    await desk.until_said(NEAR, thread)
    desk.devin.spend(SESSION, 2.0)
    await desk.until_said(REACHED, thread)
    return thread


def post_with(desk: Desk, action: str, thread: str) -> str:
    """Return the ts of the post with a button that is not the card."""
    return next(one.ts for one in desk.posts(thread) if action in str(one.blocks))


async def press_on(desk: Desk, ts: str, *, channel: str = "general", user: str = "ada") -> None:
    """Press *Continue in a new session* at the message `ts`."""
    await desk.slack.press(actions.CONTINUE_SESSION, channel=channel, message_ts=ts, user=user)


def already(to: NamedSession | None = None) -> SlackMessage:
    """Return what is told to who presses while it is continued, or once it is, in `to`."""
    return refusals.sorry(ContinuedAlready(to)) if to else refusals.passing(UnderWay())


async def offered(desk: Desk, thread: str, *, channel: str = "general") -> str:
    """Wait until a thread's card offers to go on; return its ts."""

    def card() -> Message:
        return desk.cards(thread, channel=channel)[-1]

    await wait_until(lambda: actions.CONTINUE_SESSION in str(card().blocks), "the card offers it")
    return card().ts


async def test_a_cap_is_told_in_a_thread_that_follows_nothing_and_on_its_card(
    bot: Bot, desk: Desk, raw: Redis
) -> None:
    """At four fifths and at the end, once each, and without another word of trouble."""
    thread = await used_up(desk, raw)
    await wait_until(lambda: REACHED in str(desk.cards(thread)[-1].text), "the card says so")
    said = " ".join(desk.said(thread))
    assert (said.count(NEAR), said.count(REACHED), said.count("billing limit")) == (1, 1, 0)


async def test_a_cap_that_is_exceeded_by_far_between_two_reads_is_told(
    bot: Bot, desk: Desk, raw: Redis
) -> None:
    """Nobody knew that it was nearly used up, so nobody can have raised it for that."""
    thread = await started(desk, raw, SESSION, user="ada", channel="general")
    desk.devin.session(SESSION).cap = 10
    desk.devin.spend(SESSION, 12.0)
    await desk.until_said(acus_of(12.0, 10), thread)


async def test_a_question_keeps_its_buttons_beside_a_cap(bot: Bot, desk: Desk, raw: Redis) -> None:
    """Both are found by one poll, and in one post."""
    thread = await started(desk, raw, SESSION, user="ada", channel="general")
    with unread(desk):
        desk.devin.say(SESSION, ASKED)
        desk.devin.behave(SESSION, "blocked")
        desk.devin.session(SESSION).cap = 10
        desk.devin.spend(SESSION, 8.0)
    post = await with_button(desk, thread, "SQLite")
    assert NEAR in post.text
    await press(desk, post, "answer_1")
    await desk.until_received("SQLite")


async def test_a_session_at_its_cap_is_continued_once(bot: Bot, desk: Desk, raw: Redis) -> None:
    """In the same thread, whose link gives way; who presses later, elsewhere, is told where."""
    thread = await used_up(desk, raw)
    card = await offered(desk, thread)
    before = set(desk.devin.sessions)
    post = post_with(desk, actions.CONTINUE_SESSION, thread)
    for _ in range(2):
        await press_on(desk, card)
    await wait_until(lambda: len(desk.cards(thread)) == 2, "the new session has a card")
    (new,) = set(desk.devin.sessions) - before
    await press_on(desk, post, user="ben")
    await desk.until_whispered(already(desk.named(new)), "ben")
    prompt = desk.devin.session(new).messages[0].text
    assert session_address(desk.named()) in prompt
    assert await desk.is_linked(thread, new)


async def test_of_several_who_continue_a_session_at_once_one_does_and_the_others_are_told_alone(
    desk: Desk, raw: Redis, environ: dict[str, str]
) -> None:
    """Those whose press came second have spent none of their starts."""
    async with running(desk, environ, STARTS_PER_HOUR="1", ALLOW_GUESTS="true"):
        thread = await used_up(desk, raw)
        card = await offered(desk, thread)
        before, slow = set(desk.devin.sessions), asyncio.Event()
        desk.devin.creations.append(replace(STATES["running"], until=slow))
        people = "ada", "ben", "gus"
        said = desk.said(thread)
        await asyncio.gather(*(press_on(desk, card, user=one) for one in people))
        losers: list[str] = []

        def are_told() -> bool:
            losers[:] = [one for one in people if desk.whispers(one)]
            return len(losers) == 2

        await wait_until(are_told, "two are told alone")
        slow.set()
        await wait_until(lambda: len(desk.cards(thread)) == 2, "the new session has a card")
        assert len(set(desk.devin.sessions) - before) == 1
        assert desk.said(thread) == said
        for one in losers:
            await desk.until_linked(await desk.mention("start Fix it", user=one))


async def test_a_press_that_a_limit_refuses_leaves_nothing_behind(
    desk: Desk, raw: Redis, store: Store, environ: dict[str, str]
) -> None:
    """Somebody else goes on, as themselves."""
    async with running(desk, environ, STARTS_PER_HOUR="1"):
        await desk.until_linked(await desk.mention("start Fix it"))
        thread = await used_up(desk, raw)
        card = await offered(desk, thread)
        await press_on(desk, card)
        await desk.until_whispered("which is the limit", "ada")
        assert not await Claims(store).is_claimed(f"continued:{SESSION}")
        await press_on(desk, card, user="ben")
        await wait_until(lambda: len(desk.cards(thread)) == 2, "the new session has a card")


async def test_a_session_goes_on_with_the_cap_that_applies_now(bot: Bot, desk: Desk) -> None:
    """The channel has raised it meanwhile; what its session was started with stays."""
    root = await desk.mention("start repo:acme/api max:10 Fix it")
    await desk.until_linked(root)
    (first,) = [one for one in desk.devin.sessions.values() if one.origin == "api"]
    desk.devin.spend(first.session_id, 10.0)
    await desk.until_said(REACHED, root)
    await desk.mention("defaults max:30")
    await wait_until(
        lambda: any(
            "max:30" in one.text and one.user == desk.slack.bot_user_id
            for one in desk.slack.channel_messages("general")
        ),
        "it is set",
    )
    post = post_with(desk, actions.CONTINUE_SESSION, root)
    await press_on(desk, post)
    await wait_until(lambda: len(desk.cards(root)) == 2, "the new session has a card")
    await wait_until(lambda: continued("ada") in str(desk.posts(root)), "the button gives way")
    new = [one for one in desk.devin.sessions.values() if one.origin == "api"][-1]
    assert (first.cap, new.cap) == (10, 30)


async def test_a_session_goes_on_with_the_cap_that_somebody_chose(
    desk: Desk, environ: dict[str, str]
) -> None:
    """Neither the usual cap nor the highest one takes its place, though both are higher."""
    async with running(desk, environ, MAX_ACU="20", MAX_ACU_CEILING="50"):
        root = await desk.mention("start max:5 Fix it")
        await desk.until_linked(root)
        (first,) = [one for one in desk.devin.sessions.values() if one.origin == "api"]
        desk.devin.spend(first.session_id, 5.0)
        await press_on(desk, await offered(desk, root))
        await wait_until(lambda: len(desk.cards(root)) == 2, "the new session has a card")
        new = [one for one in desk.devin.sessions.values() if one.origin == "api"][-1]
        assert (first.cap, new.cap) == (5, 5)


async def test_a_session_whose_cap_was_raised_in_devin_is_at_it_no_longer(
    bot: Bot, desk: Desk, raw: Redis
) -> None:
    """It goes on and asks something, so its link gives way to nothing, and nothing continues it."""
    thread = await used_up(desk, raw)
    await offered(desk, thread)
    desk.devin.session(SESSION).cap = 20
    desk.devin.behave(SESSION, "running")
    desk.devin.spend(SESSION, 2.0)
    desk.devin.say(SESSION, "Which database?")
    desk.devin.behave(SESSION, "blocked")
    await until_card(desk, "waiting for you", thread)
    assert actions.CONTINUE_SESSION not in str(desk.cards(thread)[-1].blocks)
    elsewhere = refusals.sorry(LinkedElsewhere(desk.named(), "ada"))
    await desk.answer("start Write a poem", thread, elsewhere)


@pytest.mark.parametrize("used", [12.0, 20.0])
async def test_a_stop_above_a_raised_cap_is_told_again_and_the_session_can_be_continued(
    bot: Bot, desk: Desk, raw: Redis, used: float
) -> None:
    """The relay doesn't know the new cap, but Devin says that a limit of the session stops it."""
    thread = await used_up(desk, raw)
    await offered(desk, thread)
    desk.devin.session(SESSION).cap = 20
    desk.devin.behave(SESSION, "running")
    await until_card(desk, "*working*", thread)
    desk.devin.spend(SESSION, used - 10.0)
    desk.devin.behave(SESSION, "capped")
    await desk.until_said(at_cap(used, 10), thread)
    await until_card(desk, at_cap(used, 10), thread)
    assert "billing limit" not in " ".join(desk.said(thread))
    await press_on(desk, await offered(desk, thread))
    await wait_until(lambda: len(desk.cards(thread)) == 2, "the new session has a card")


@pytest.mark.parametrize(
    ("used", "detail"),
    [(8.0, "usage_limit_exceeded"), (9.5, "total_session_limit_exceeded"), (15.0, None)],
)
async def test_a_session_that_devin_stops_around_its_cap_is_continued(
    bot: Bot, desk: Desk, raw: Redis, used: float, detail: str | None
) -> None:
    """No document says how exactly Devin keeps a cap, or which limit it is in Devin's words."""
    thread = await started(desk, raw, SESSION, user="ada", channel="general")
    session = desk.devin.session(SESSION)
    session.cap, session.acus = 10, used
    if detail:
        session.shown_as = {"status_detail": detail}
    desk.devin.behave(SESSION, "capped")
    await desk.until_said(at_cap(used, 10), thread)
    await press_on(desk, post_with(desk, actions.CONTINUE_SESSION, thread))
    await wait_until(lambda: len(desk.cards(thread)) == 2, "the new session has a card")
    assert "billing limit" not in " ".join(desk.said(thread))


@pytest.mark.parametrize("how", ["", "muted", "start"])
async def test_what_is_written_before_devin_is_asked_reaches_the_session_that_goes_on(
    bot: Bot, desk: Desk, raw: Redis, how: str
) -> None:
    """The one at its cap has taken it, and will do nothing about it; or nobody has, until then."""
    thread = await used_up(desk, raw)
    await offered(desk, thread)
    if how == "muted":
        await desk.answer("mute", thread, muted())
    before = set(desk.devin.sessions)
    desk.devin.creations.extend([replace(STATES["rate_limited"], retry_after="1")] * 100)
    if how == "start":
        await desk.mention("start Go on", thread=thread)
    else:
        await press_on(desk, post_with(desk, actions.CONTINUE_SESSION, thread))
    await wait_until(lambda: len(desk.devin.creations) < 100, "it is put off")
    written = await desk.reply("Use Postgres, not SQLite", thread)
    if how != "muted":
        await desk.until_delivered(written)
    await desk.answer("status", thread, UNDER_WAY)
    desk.devin.creations.clear()
    await wait_until(lambda: len(desk.cards(thread)) == 2, "the new session has a card")
    await desk.until_delivered(written)
    (new,) = set(desk.devin.sessions) - before
    prompt, *more = [one.text for one in desk.devin.session(new).messages]
    assert [one for one in (prompt, *more) if "Use Postgres" in one] == (more if how else [prompt])


@pytest.mark.parametrize("how", ["taken", "being sent"])
async def test_what_is_written_while_devin_is_asked_reaches_the_session_that_goes_on(
    bot: Bot, desk: Desk, raw: Redis, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The one at its cap takes it first; its prompt has what was written before, and once."""
    thread = await used_up(desk, raw)
    put_off, asked = asyncio.Event(), asyncio.Event()
    await offered(desk, thread)
    before = set(desk.devin.sessions)
    desk.devin.creations.append(replace(STATES["rate_limited"], retry_after="1", until=put_off))
    desk.devin.creations.append(replace(STATES["running"], until=asked))
    await press_on(desk, post_with(desk, actions.CONTINUE_SESSION, thread))
    await wait_until(lambda: len(desk.devin.creations) == 1, "Devin is about to put it off")
    await desk.until_delivered(await desk.reply("Keep the tests", thread))
    put_off.set()
    await wait_until(lambda: set(desk.devin.sessions) - before, "Devin is asked")
    (new,), read = set(desk.devin.sessions) - before, len(desk.read_threads())
    post, answers = DevinV3.post_message, asyncio.Event()

    async def post_slowly(self: DevinV3, session: SessionId, *what: Any) -> Outcome | Wait:
        answer = await post(self, session, *what)
        await answers.wait()
        return answer

    monkeypatch.setattr(DevinV3, "post_message", post_slowly)
    written = await desk.reply("Use Postgres, not SQLite", thread)
    await desk.until_received("Use Postgres")
    if how == "taken":
        answers.set()
        await desk.until_delivered(written)
    asked.set()
    await wait_until(lambda: len(desk.cards(thread)) == 2, "the new session has a card")
    await wait_until(lambda: len(desk.read_threads()) > read, "the thread is read")
    answers.set()
    await desk.until_received("Use Postgres", new)
    await desk.until_delivered(await desk.reply("Thanks", thread))
    prompt, *more = [one.text for one in desk.devin.session(new).messages]
    assert ("Keep the tests" in prompt, "Use Postgres" in prompt) == (True, False)
    assert [one.partition("\n\n")[2] for one in more] == ["Use Postgres, not SQLite", "Thanks"]


async def test_a_try_to_go_on_that_failed_can_be_repeated(
    bot: Bot, desk: Desk, raw: Redis, store: Store
) -> None:
    """By anybody, from the card, also more than once."""
    thread = await used_up(desk, raw)
    card = await offered(desk, thread)
    before = set(desk.devin.sessions)
    desk.devin.creations.extend([STATES["unauthorized"]] * 2)
    for failed, user in enumerate(("ada", "ben"), 1):
        await press_on(desk, card, user=user)
        await wait_until(
            lambda failed=failed: str(desk.said(thread)).count("rejected my API key") == failed,  # type: ignore[misc]
            "the thread is told that it failed",
        )
        await until_settled(store)
    await press_on(desk, card)
    await wait_until(lambda: len(desk.cards(thread)) == 2, "the new session has a card")
    assert len(set(desk.devin.sessions) - before) == 1


@pytest.mark.parametrize("how", ["", "unlinked", "again"])
async def test_a_session_of_two_threads_is_continued_in_one_of_them(
    bot: Bot, desk: Desk, raw: Redis, store: Store, how: str
) -> None:
    """Who presses in the other is told where it goes on, whatever has become of the first."""
    thread = await used_up(desk, raw)
    other = await desk.linked_thread(SESSION, channel="secrets")
    card, elsewhere = await offered(desk, thread), await offered(desk, other, channel="secrets")
    before = set(desk.devin.sessions)
    if how == "again":
        desk.devin.creations.append(STATES["unauthorized"])
    await press_on(desk, card)
    if how == "again":
        await until_refused(desk, thread)
        await until_settled(store)
        desk.devin.creations.extend([replace(STATES["rate_limited"], retry_after="1")] * 100)
        await start_again(desk, thread)
        await wait_until(lambda: len(desk.devin.creations) < 100, "it is put off")
        await press_on(desk, elsewhere, channel="secrets", user="ben")
        await desk.until_whispered(already(), "ben", channel="secrets")
        desk.devin.creations.clear()
    await wait_until(lambda: len(desk.cards(thread)) == 2, "the new session has a card")
    (new,) = set(desk.devin.sessions) - before
    if how == "unlinked":
        await until_settled(store)
        await desk.answer("unlink", thread, thread_links.unlinked(desk.named(new)))
    await press_on(desk, elsewhere, channel="secrets", user="ben")
    await desk.until_whispered(already(desk.named(new)), "ben", channel="secrets")
    assert len(set(desk.devin.sessions) - before) == 1


async def test_what_failed_is_not_started_again_once_it_goes_on_elsewhere(
    bot: Bot, desk: Desk, raw: Redis, store: Store
) -> None:
    """*Start again* is still there, and its form tells where that is."""
    thread = await used_up(desk, raw)
    other = await desk.linked_thread(SESSION, channel="secrets")
    card, elsewhere = await offered(desk, thread), await offered(desk, other, channel="secrets")
    before = set(desk.devin.sessions)
    desk.devin.creations.append(STATES["unauthorized"])
    await press_on(desk, card)
    await until_refused(desk, thread)
    await until_settled(store)
    await press_on(desk, elsewhere, channel="secrets", user="ben")
    await wait_until(lambda: len(desk.cards(other, channel="secrets")) == 2, "it goes on there")
    (new,) = set(desk.devin.sessions) - before
    await start_again(desk, thread)
    (shown,) = desk.slack.open_views("ada")
    assert shown["errors"] == {"prompt": plain(already(desk.named(new)).text)}
    assert len(set(desk.devin.sessions) - before) == 1
