"""A channel's default session is used by a `/devin-say` there that names none."""

import pytest
import redis.asyncio

from bot.app import Bot
from bot.model.errors import BadSession, ChooseSession, NotAllowed
from bot.model.people import Standing
from bot.redis.keys import profile_key
from bot.wording import commands, refusals
from tests.support.desk import OTHER_SESSION, SESSION, Desk
from tests.support.features import HELP, SAY_HELP
from tests.support.keys import at
from tests.support.waiting import wait_until

HEX = SESSION.removeprefix("devin-")


async def said(desk: Desk, text: str, *, user: str = "ada", channel: str = "general") -> None:
    """Type `/devin-say`."""
    assert (await desk.slack.slash("/devin-say", text, user=user, channel=channel)).acked


async def chosen(desk: Desk, session: str = SESSION, *, channel: str = "general") -> str:
    """Choose the channel's default as Ada, at the top level; return the mention's ts."""
    ts = await desk.mention(f"default {session}", channel=channel)
    await desk.until_said(commands.default_is(desk.named(session), "ada"), ts, channel=channel)
    return ts


@pytest.mark.parametrize(
    ("word", "place"),
    [
        *((SESSION, "top level"), (HEX, "top level")),
        (f"<https://app.devin.ai/sessions/{HEX}|Fix it>", "thread"),
    ],
)
async def test_a_message_without_a_session_goes_to_the_default(
    bot: Bot, desk: Desk, word: str, place: str
) -> None:
    """It starts a new linked thread, as if the session were typed, even if two are active."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread(OTHER_SESSION)
    other = await desk.linked_thread(f"devin-{0x5EC4E7:032x}")
    ts = await desk.mention(f"default {word}", thread=thread if place == "thread" else None)
    told = commands.default_is(desk.named(), "ada")
    await desk.until_said(told, thread if place == "thread" else ts)
    await said(desk, "Please rebase")
    await desk.until_received("Please rebase")
    (message,) = (one for one in desk.slack.channel_messages("general") if "rebase" in one.text)
    assert message.root_ts not in {thread, other}
    await desk.reply("And test it", message.ts)
    await desk.until_received("And test it")
    assert len(desk.devin.requests) == 2


async def test_a_default_is_shown_and_ended(bot: Bot, desk: Desk) -> None:
    """`default` alone names it and its author; `default none` clears it, in any case."""
    ts = await desk.mention("default")
    await desk.until_said(commands.NO_DEFAULT, ts)
    await chosen(desk)
    ts = await desk.mention("DEFAULT", user="ben")
    await desk.until_said(commands.default_is(desk.named(), "ada"), ts)
    ts = await desk.mention("default None")
    await desk.until_said(commands.NO_DEFAULT, ts)
    await said(desk, "Please rebase")
    await desk.until_whispered(refusals.sorry(ChooseSession([])), "ada")
    assert desk.devin.requests == []


async def test_a_default_is_for_its_channel(bot: Bot, desk: Desk) -> None:
    """Another channel has its own default, or none; a named session takes precedence."""
    desk.devin.add_session(OTHER_SESSION)
    await chosen(desk)
    await chosen(desk, OTHER_SESSION, channel="secrets")
    await said(desk, "For the secrets", channel="secrets")
    await desk.until_received("For the secrets", OTHER_SESSION)
    await said(desk, f"{OTHER_SESSION} By name")
    await desk.until_received("By name", OTHER_SESSION)
    await said(desk, "By default")
    await desk.until_received("By default", SESSION)
    assert len(desk.devin.requests) == 3


async def test_the_last_choice_counts(bot: Bot, desk: Desk) -> None:
    """Anybody who may steer Devin may change it."""
    desk.devin.add_session(OTHER_SESSION)
    await chosen(desk)
    await chosen(desk, OTHER_SESSION)
    await said(desk, "Please rebase")
    await desk.until_received("Please rebase", OTHER_SESSION)


@pytest.mark.parametrize("word", ["devin-xyz", "branch", "../devin-1"])
async def test_a_word_that_names_no_session_is_told(bot: Bot, desk: Desk, word: str) -> None:
    """The default stays as it was."""
    await chosen(desk)
    ts = await desk.mention(f"default {word}")
    await desk.until_said(refusals.sorry(BadSession(word)), ts)
    await said(desk, "Please rebase")
    await desk.until_received("Please rebase")


@pytest.mark.parametrize("words", ["default to main", f"default {SESSION} please"])
async def test_what_has_more_words_is_talk(bot: Bot, desk: Desk, words: str) -> None:
    """In a linked thread it goes to Devin, like any mention."""
    thread = await desk.linked_thread()
    await desk.mention(words, thread=thread)
    await desk.until_received(words)
    assert desk.said(thread) == []


@pytest.mark.parametrize("words", ["default", f"default {SESSION}", "default none"])
async def test_who_may_not_steer_devin_chooses_no_default(bot: Bot, desk: Desk, words: str) -> None:
    """They may not see it or clear it, either."""
    desk.devin.add_session(OTHER_SESSION)
    await chosen(desk, OTHER_SESSION)
    await desk.mention(words, user="gus")
    await desk.until_whispered(refusals.sorry(NotAllowed(Standing.GUEST)), "gus")
    await said(desk, "Please rebase")
    await desk.until_received("Please rebase", OTHER_SESSION)


async def test_a_default_is_not_forgotten(bot: Bot, desk: Desk, redis_url: str) -> None:
    """It is kept with the channel's profile, for ten years; one that can't be read is none."""
    await chosen(desk)
    key = at(profile_key(desk.slack.workspace.channel("general").id))
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        assert await client.ttl(key) > 3649 * 24 * 3600
        await client.set(key, '{"session":7}', ex=60)
    ts = await desk.mention("default")
    await desk.until_said(commands.NO_DEFAULT, ts)


async def test_the_form_begins_with_the_default(bot: Bot, desk: Desk) -> None:
    """It comes first and is preselected, even if other sessions were active later."""
    await chosen(desk)
    await desk.linked_thread(OTHER_SESSION)
    await desk.slack.slash("/devin-say", "")
    await wait_until(lambda: desk.slack.open_views("ada"), "the form opens")
    (view,) = desk.slack.open_views("ada")
    select = view["blocks"][0]["element"]
    assert select["initial_option"]["value"] == SESSION
    here = [option["value"] for option in select["option_groups"][0]["options"]]
    assert here == [SESSION, OTHER_SESSION]


async def test_help_tells_of_it(bot: Bot, desk: Desk) -> None:
    """It is in the help of the mention and of the command."""
    ts = await desk.mention("help")
    assert "`default none`" in await desk.until_said(HELP, ts)
    await said(desk, "help")
    assert "`default &lt;" in await desk.until_whispered(SAY_HELP, "ada")
