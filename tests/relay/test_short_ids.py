"""The short ID by which a session is shown can be typed wherever a session is named."""

import pytest

from bot.app import Bot
from bot.model.errors import BadSession
from bot.model.sessions import SessionId
from bot.wording import refusals
from bot.wording.phrases import short_id
from tests.features.test_workflow_steps import link, send, user
from tests.people.test_shortcuts import LINK, asked, submit
from tests.relay.test_say import say
from tests.support.bots import DEVIN_HANGS
from tests.support.desk import OTHER_SESSION, SESSION, Desk, running
from tests.support.devin_reads import lists
from tests.support.waiting import wait_until

SHORT = short_id(SessionId(SESSION))
TWIN = f"{SHORT}{'f' * 24}"


async def linked_by(desk: Desk, words: str, *, where: str = "general", who: str = "ada") -> str:
    """Link a new thread by `words`; return its card, which shows the session's address."""
    thread = await desk.slack.say("Is it green?", channel=where)
    await desk.mention(f"link {words}", thread=thread, channel=where, user=who)
    return await desk.until_linked(thread, channel=where)


def shows(card: str, session: str) -> bool:
    """Return True if a card links to `session`, and not to one whose ID is longer."""
    return f"/sessions/{session.removeprefix('devin-')}|" in card


async def test_a_thread_is_linked_by_a_short_id(bot: Bot, desk: Desk) -> None:
    """Devin's list is read once; once the channel has the session, not at all."""
    before = lists()
    assert shows(await linked_by(desk, SHORT), SESSION)
    assert lists() == before + 1
    assert shows(await linked_by(desk, f"`{SHORT.upper()}`"), SESSION)
    assert shows(await linked_by(desk, SESSION), SESSION)
    assert lists() == before + 1


async def test_a_reply_that_is_written_while_it_is_looked_up_reaches_devin(
    bot: Bot, desk: Desk
) -> None:
    """Its event meets no link, so the thread is read once there is one."""
    desk.devin.read_seconds = 0.4
    before = lists()
    thread = await desk.slack.say("Is it green?")
    await desk.mention(f"link {SHORT}", thread=thread)
    await wait_until(lambda: lists() > before, "Devin is asked")
    await desk.reply("Not yet", thread)
    await desk.until_received("Not yet")


async def test_devin_say_takes_a_short_id(bot: Bot, desk: Desk) -> None:
    """As the session of one message, and as the channel's default."""
    await say(desk, f"{SHORT} Please rebase")
    await desk.until_received("Please rebase")
    await desk.mention(f"default {SHORT}", channel="secrets")
    await desk.until_heard()
    await say(desk, "Please tag it", channel="secrets")
    await desk.until_received("Please tag it")


async def test_a_short_id_is_pasted_into_a_form(bot: Bot, desk: Desk) -> None:
    """The thread gets the session that the short ID stands for."""
    thread = await desk.slack.say("Is it green?")
    await submit(desk, await asked(desk, LINK, thread), SHORT)
    assert shows(await desk.until_linked(thread), SESSION)


async def test_a_workflow_step_takes_a_short_id(bot: Bot, desk: Desk) -> None:
    """On someone's behalf, all sessions are searched, or else those of the channel."""
    how, _ = await send(desk, session=SHORT, user=user(desk, "ada"))
    assert how == "success"
    await desk.linked_thread()
    thread = await desk.slack.say("Is it green?")
    how, _ = await link(desk, session=SHORT, thread_ts=thread)
    assert how == "success"
    assert shows(await desk.until_linked(thread), SESSION)


async def test_a_finished_session_is_found_while_a_thread_follows_it(bot: Bot, desk: Desk) -> None:
    """Devin's list of sessions to choose from leaves it out."""
    desk.devin.add_session(OTHER_SESSION, "finished")
    await desk.linked_thread(OTHER_SESSION, channel="secrets")
    before = lists()
    assert shows(await linked_by(desk, short_id(SessionId(OTHER_SESSION))), OTHER_SESSION)
    assert lists() == before


async def test_an_id_of_that_length_that_the_channel_knows_is_itself(bot: Bot, desk: Desk) -> None:
    """Another session may begin with it."""
    desk.devin.sessions.clear()
    desk.devin.add_session(SHORT)
    assert shows(await linked_by(desk, SHORT), SHORT)
    await linked_by(desk, SESSION)
    await say(desk, f"{SHORT} Please rebase")
    await desk.until_received("Please rebase", SHORT)


@pytest.mark.parametrize(
    "trouble",
    ["unknown", "two", pytest.param("slow", marks=pytest.mark.times(**DEVIN_HANGS)), "away"],
)
async def test_a_short_id_that_is_not_clear_is_refused(bot: Bot, desk: Desk, trouble: str) -> None:
    """A link to a session that is none would end in an error at the first reply."""
    match trouble:
        case "unknown":
            desk.devin.sessions.clear()
        case "two":
            desk.devin.add_session(TWIN)
        case "slow":
            desk.devin.read_seconds = 20.0
        case _:
            await desk.devin.go_offline()
    thread = await desk.slack.say("Is it green?")
    await desk.mention(f"link {SHORT}", thread=thread)
    await desk.until_said(refusals.sorry(BadSession(SHORT, is_short=True)), thread)
    assert len(desk.posts(thread, with_cards=True)) == 1


async def test_an_id_that_lacks_its_last_digit_is_found(bot: Bot, desk: Desk) -> None:
    """The beginning of an ID is enough, if only one session's ID begins with it."""
    assert shows(await linked_by(desk, SESSION[:-1]), SESSION)


@pytest.mark.parametrize("typed", [f"{SESSION}0", "devin-1"])
async def test_an_id_that_no_session_has_is_refused(bot: Bot, desk: Desk, typed: str) -> None:
    """A link to nothing would fail at the first reply."""
    thread = await desk.slack.say("Is it green?")
    await desk.mention(f"link {typed}", thread=thread)
    await desk.until_said(refusals.sorry(BadSession(typed, is_short=True)), thread)
    assert not desk.cards(thread)


async def test_a_guest_finds_the_channels_sessions_only(
    environ: dict[str, str], desk: Desk
) -> None:
    """The others would tell which sessions exist."""
    async with running(desk, environ, ALLOW_GUESTS="true"):
        await desk.linked_thread(channel="secrets")
        thread = await desk.slack.say("Is it green?")
        await desk.mention(f"link {SHORT}", thread=thread, user="gus")
        await desk.until_said(refusals.sorry(BadSession(SHORT, is_short=True)), thread)
        assert shows(await linked_by(desk, SHORT, where="secrets", who="gus"), SESSION)


@pytest.mark.parametrize("listed", ["false", ""])
async def test_where_sessions_are_not_listed_the_channels_are_found_only(
    environ: dict[str, str], desk: Desk, listed: str
) -> None:
    """`LIST_SESSIONS` decides for everyone, is off by default, and Devin isn't asked."""
    async with running(desk, environ, LIST_SESSIONS=listed):
        await desk.linked_thread(channel="secrets")
        before = lists()
        thread = await desk.slack.say("Is it green?")
        await desk.mention(f"link {SHORT}", thread=thread)
        await desk.until_said(refusals.sorry(BadSession(SHORT, is_short=True)), thread)
        assert lists() == before
