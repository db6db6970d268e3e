"""`/devin-say` sends a message from a channel to Devin, in a visible thread that becomes linked."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import redis.asyncio
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.errors import CannotPost, ChooseSession, NotAllowed, NotTaken
from bot.model.people import Standing
from bot.model.sessions import SessionId, SessionState
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import THREADS_KEY, link_key
from bot.runtime import in_flight
from bot.wording import commands, refusals
from bot.wording.phrases import session_link, short_id
from sandbox.slack.server import Message
from sandbox.slack.transport.deliveries import Delivery
from sandbox.slack.world.live import live
from tests.support.bots import ACK_SECONDS
from tests.support.builders import ELSEWHERE
from tests.support.desk import (
    OTHER_SESSION,
    SESSION,
    Desk,
    in_org_too,
    is_card,
    muted,
    on_v1,
    quote,
    running,
)
from tests.support.devin_posts import until_state
from tests.support.features import SAY_HELP
from tests.support.keys import at
from tests.support.known import forget
from tests.support.redis_servers import node_url
from tests.support.told import NONE_ACTIVE, STORE_AWAY, suspended
from tests.support.waiting import until_settled, wait_until

HEX = SESSION.removeprefix("devin-")
SHORT_ID = short_id(SessionId(SESSION))
FROM_ADA = "ada, U0ADA00000 (in Slack):\n\n"
DAY_MS = 24 * 3600 * 1000


async def say(desk: Desk, text: str, *, user: str = "ada", channel: str = "general") -> None:
    """Type `/devin-say`, and check that Slack is acknowledged in time."""
    delivery = await desk.slack.slash("/devin-say", text, user=user, channel=channel)
    assert delivery.acked


async def posted(desk: Desk, words: str, *, channel: str = "general") -> Message:
    """Return the message with `words` that the bot has posted."""

    def found() -> list[Message]:
        messages = desk.slack.channel_messages(channel)
        return [one for one in messages if one.user == desk.slack.bot_user_id and words in one.text]

    await wait_until(found, f"the bot posts {words!r}")
    return found()[0]


@pytest.mark.parametrize("channel", ["general", "secrets", "group-dm", "dm"])
async def test_a_message_is_posted_linked_delivered_and_reported(
    bot: Bot, desk: Desk, channel: str
) -> None:
    """The post names the person; the mark is on it, and its thread goes to the session."""
    await say(desk, f"{SESSION} Please rebase", user="ada", channel=channel)
    message = await posted(desk, "Please rebase", channel=channel)
    assert message.text == commands.said("ada", "Please rebase").text
    assert message.thread_ts in {None, message.ts}
    await desk.until_delivered(message.ts, channel=channel)
    reply = await desk.reply("And test it", message.ts, channel=channel)
    await desk.until_delivered(reply, channel=channel)
    assert desk.received() == [FROM_ADA + "Please rebase", FROM_ADA + "And test it"]
    assert desk.whispers("ada", channel=channel) == []


async def test_who_asks_while_too_much_is_under_way_sees_that_it_failed(
    bot: Bot, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack is not acknowledged, and nothing is done later that nobody waits for."""
    monkeypatch.setattr(in_flight, "MOST_AWAITED", 0)
    desk.slack.hurry(0.3, "slash_commands")
    delivery = await desk.slack.slash("/devin-say", f"{SESSION} Please rebase")
    desk.slack.hurry(ACK_SECONDS, "slash_commands")
    assert not delivery.acked
    assert "failed with the error" in desk.slack.ephemerals("general", "ada")[-1].text
    monkeypatch.undo()
    await say(desk, f"{SESSION} Please merge", user="ada")
    await desk.until_received("merge")
    assert len(desk.received()) == 1


@pytest.mark.parametrize(
    "name", [HEX, f"https://app.devin.ai/sessions/{HEX}", f"<https://app.devin.ai/sessions/{HEX}>"]
)
async def test_the_session_is_named_like_anywhere(bot: Bot, desk: Desk, name: str) -> None:
    """It is an id or an address, with the message on the same line or below."""
    await say(desk, f"{name}\nPlease rebase\nand test", user="ben")
    message = await posted(desk, "Please rebase")
    assert message.text == commands.said("Ben Franklin", "Please rebase\nand test").text
    await desk.until_delivered(message.ts)
    assert desk.received() == ["Ben Franklin, U0BEN00000 (in Slack):\n\nPlease rebase\nand test"]


@on_v1
async def test_what_devin_answers_is_told_in_the_thread(bot: Bot, desk: Desk) -> None:
    """A command's message ends like any reply, including the buttons."""
    desk.devin.behave(SESSION, "suspended", detail="Asleep", times=1)
    await say(desk, f"{SESSION} Please rebase")
    message = await posted(desk, "Please rebase")
    assert "> Asleep" in await desk.until_said(suspended("Please rebase"), message.ts)
    await desk.until_marked("zzz", message.ts)
    await desk.press("send_again", message.ts)
    await desk.until_delivered(message.ts)
    assert desk.received() == [FROM_ADA + "Please rebase"]


async def test_without_a_session_the_one_active_session_is_meant(bot: Bot, desk: Desk) -> None:
    """The message goes into a thread of the channel's one session, which may have two threads."""
    first = await desk.linked_thread()
    await say(desk, "Please rebase")
    message = await posted(desk, "Please rebase")
    assert message.thread_ts == first
    await desk.until_delivered(message.ts)
    second = await desk.linked_thread()
    await say(desk, "And test it")
    later = await posted(desk, "And test it")
    assert later.thread_ts == second
    await desk.until_delivered(later.ts)
    assert desk.received() == [FROM_ADA + "Please rebase", FROM_ADA + "And test it"]


async def test_without_a_session_one_that_has_ended_is_not_meant(bot: Bot, desk: Desk) -> None:
    """It would take nothing any more, and say so where the sender doesn't look."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread(OTHER_SESSION)
    desk.devin.behave(OTHER_SESSION, "finished")
    await until_state(desk, SessionState.ENDED, thread)
    await say(desk, "Please rebase")
    await desk.until_whispered(NONE_ACTIVE, "ada")
    there = await desk.linked_thread()
    await say(desk, "Please test")
    assert (await posted(desk, "Please test")).thread_ts == there


async def test_without_a_session_and_without_a_link_the_person_is_told_what_to_type(
    bot: Bot, desk: Desk
) -> None:
    """Links of another channel do not count."""
    await desk.linked_thread(channel="secrets")
    await say(desk, "Please rebase")
    told = await desk.until_whispered(NONE_ACTIVE, "ada")
    assert "`/devin-say" in told
    assert desk.devin.requests == []


@pytest.mark.parametrize("verb", ["unlink", "mute"])
async def test_a_message_that_its_thread_no_longer_takes_is_told(
    bot: Bot, desk: Desk, verb: str
) -> None:
    """Somebody unlinked or muted it during the post: the message is there, unsent."""
    thread = await desk.linked_thread()
    before, is_ended = len(desk.slack.calls), asyncio.Event()
    desk.slack.fail_next("chat.postMessage", until=is_ended)
    saying = asyncio.create_task(say(desk, "Please rebase"))
    await wait_until(
        lambda: "chat.postMessage" in [one.method for one in desk.slack.calls[before:]], "it posts"
    )
    await desk.mention(verb, thread=thread)
    await desk.until_heard()
    is_ended.set()
    await desk.until_whispered(refusals.sorry(NotTaken()), "ada")
    await saying
    assert any("Please rebase" in one.text for one in desk.posts(thread))
    assert desk.devin.requests == []


async def test_a_muted_thread_is_not_chosen(bot: Bot, desk: Desk) -> None:
    """Muting one of two leaves one as the obvious choice; muting both leaves none."""
    desk.devin.add_session(OTHER_SESSION)
    one, two = await desk.linked_thread(), await desk.linked_thread(OTHER_SESSION)
    await desk.mention("mute", thread=one)
    await desk.until_said(muted(), one)
    await say(desk, "Please rebase")
    await desk.until_received("Please rebase", OTHER_SESSION)
    await desk.mention("mute", thread=two)
    await desk.until_said(muted(), two)
    await say(desk, "And test it")
    await desk.until_whispered(refusals.sorry(ChooseSession(())), "ada")
    assert len(desk.devin.requests) == 1


@in_org_too
async def test_with_several_active_sessions_the_form_asks_which_is_meant(
    bot: Bot, desk: Desk
) -> None:
    """It holds what was typed, with its mentions; nothing is sent until it is submitted."""
    desk.devin.add_session(OTHER_SESSION, title="Fix the build")
    await desk.linked_thread()
    await desk.linked_thread(OTHER_SESSION)
    await say(desk, "Ask <@U0BEN00000|ben> to *rebase* &amp; test")
    await wait_until(lambda: desk.slack.open_views("ada"), "the form opens")
    (form,) = desk.slack.open_views("ada")
    inputs = {one["block_id"]: one["element"] for one in form["blocks"] if "element" in one}
    assert inputs["message"]["initial_value"] == "Ask @ben (U0BEN00000) to *rebase* & test"
    labels = [one["text"]["text"] for one in inputs["session"]["option_groups"][0]["options"]]
    assert labels == ["Fix the build (devin-fedcba98)", SHORT_ID]
    assert desk.devin.requests == []
    filled = {"session": OTHER_SESSION, "message": inputs["message"]["initial_value"]}
    await desk.slack.submit_view(form["id"], filled)
    await desk.until_received("Ask @Ben Franklin (U0BEN00000) to **rebase** & test", OTHER_SESSION)
    assert len(desk.devin.requests) == 1


async def test_what_is_too_long_for_the_form_needs_a_session(bot: Bot, desk: Desk) -> None:
    """The person is told to name one."""
    desk.devin.add_session(OTHER_SESSION)
    await desk.linked_thread()
    await desk.linked_thread(OTHER_SESSION)
    await say(desk, "long " * 700)
    await desk.until_whispered("Several sessions have been active", "ada")


@pytest.mark.parametrize("days", [6.9, 7.1])
async def test_a_session_without_traffic_for_a_week_is_not_meant(
    bot: Bot, desk: Desk, redis_url: str, days: float
) -> None:
    """Seven days after its last traffic a thread is no longer the obvious choice."""
    thread = await desk.linked_thread()
    name = f"{desk.slack.team_id}:{desk.slack.workspace.channel('general').id}:{thread}"
    async with redis.asyncio.Redis.from_url(node_url(redis_url)) as client:
        await client.zadd(at(THREADS_KEY), {name: time.time() * 1000 - days * DAY_MS}, xx=True)
    await say(desk, "Please rebase")
    if days < 7:
        await desk.until_received("Please rebase")
    else:
        await desk.until_whispered(NONE_ACTIVE, "ada")


@pytest.mark.parametrize("text", ["help", "HELP", SESSION, f"{SESSION}   "])
async def test_without_a_message_the_person_reads_how_it_is_used(
    bot: Bot, desk: Desk, text: str
) -> None:
    """The usage is in the acknowledgement, at once; nothing is posted."""
    await say(desk, text)
    told = await desk.until_whispered(SAY_HELP, "ada")
    assert told.count("\n• `/devin-say") == 6
    assert desk.slack.channel_messages("general") == []


@pytest.mark.parametrize(
    "word", ["devin-xyz", f"devin-{HEX}/../x", f"http://app.devin.ai/sessions/{HEX}"]
)
async def test_a_session_that_is_none_is_not_part_of_the_message(
    bot: Bot, desk: Desk, word: str
) -> None:
    """A malformed session is reported, even if one session is active."""
    thread = await desk.linked_thread()
    await say(desk, f"{word} Please rebase")
    await desk.until_whispered(refusals.no_session(word), "ada")
    assert await desk.fence(thread) == []


@pytest.mark.parametrize(
    ("channel", "reason"), [("random", "not_in_channel"), ("attic", "is_archived")]
)
async def test_where_the_bot_cannot_post_the_person_is_told(
    bot: Bot, desk: Desk, channel: str, reason: str
) -> None:
    """The answer explains what to do, and nothing is sent to Devin."""
    if channel == "attic":
        desk.slack.workspace.channel("general").is_archived = True
        channel = "general"
    await say(desk, f"{SESSION} Please rebase", channel=channel)
    await desk.until_whispered(refusals.sorry(CannotPost(reason)), "ada", channel=channel)
    assert desk.devin.requests == []


@pytest.mark.parametrize(
    ("user", "changes", "standing"),
    [
        ("gus", {}, Standing.GUEST),
        ("ben", {"ALLOW_USERS": "U0ADA00000"}, Standing.NOT_LISTED),
        ("ada", {"ALLOW_CHANNELS": "C0RANDOM00"}, Standing.CHANNEL),
    ],
)
async def test_who_may_not_is_told_each_time(
    environ: dict[str, str], desk: Desk, user: str, changes: dict[str, str], standing: Standing
) -> None:
    """A command is a question, so it is always answered; nothing is posted."""
    async with running(desk, environ, **changes):
        for text in (f"{SESSION} Please rebase", "Please rebase"):
            await say(desk, text, user=user)
        await wait_until(lambda: len(desk.whispers(user)) == 2, "both are answered")
    told = refusals.sorry(NotAllowed(standing)).text
    assert desk.whispers(user) == [f"{told}\n> Please rebase"] * 2
    assert desk.slack.channel_messages("general") == []
    assert desk.devin.requests == []


async def test_a_message_pings_nobody_but_whom_it_names(bot: Bot, desk: Desk) -> None:
    """Pings of a whole channel appear as text; people, channels and entities stay."""
    await say(desk, f"{SESSION} <!channel> <!here|here> <@U0BEN00000> &lt;b&gt; &amp;amp; *now*")
    message = await posted(desk, "*now*")
    assert message.text.endswith("channel ＠here <@U0BEN00000> &lt;b&gt; &amp;amp; *now*")  # noqa: RUF001  (on purpose)
    found = live({"text": message.text, "blocks": message.blocks})
    assert {*found} == {"control <@U0BEN00000>", "plain @U0BEN00000>"}
    await desk.until_delivered(message.ts)
    assert desk.received() == [
        FROM_ADA + "@channel @here @Ben Franklin (U0BEN00000) <b> &amp; **now**",
    ]


async def test_a_long_message_is_read_whole(bot: Bot, desk: Desk) -> None:
    """The channel sees as much as Slack shows; Devin reads all of it."""
    await say(desk, f"{SESSION} {'long ' * 1_500}end")
    message = await posted(desk, "long long")
    await desk.until_delivered(message.ts)
    assert desk.received() == [f"{FROM_ADA}{'long ' * 1_500}end"]


@asynccontextmanager
async def hanging(redis_url: str) -> AsyncIterator[None]:
    """Let Redis accept commands, but answer none that may write."""
    async with redis.asyncio.Redis.from_url(node_url(redis_url)) as client:
        await client.client_pause(20_000, all=False)
        try:
            yield
        finally:
            await client.client_unpause()


@pytest.mark.times(soon_seconds=0.2, redis_seconds=3.0)
@pytest.mark.parametrize("text", [f"{SESSION} Please rebase", "Please rebase"])
async def test_while_redis_hangs_the_person_is_told(
    bot: Bot, desk: Desk, redis_url: str, text: str
) -> None:
    """Slack is acknowledged first; within seconds the person learns that it did not work."""
    await desk.linked_thread()
    async with hanging(redis_url):
        await say(desk, text)
        assert desk.whispers("ada") == []
        await desk.until_whispered(STORE_AWAY, "ada")
    assert desk.devin.requests == []


@pytest.mark.times(soon_seconds=0.2)
@pytest.mark.parametrize("method", ["users.info", "chat.postMessage"])
async def test_while_slack_hangs_the_acknowledgement_does_not(
    bot: Bot, desk: Desk, method: str
) -> None:
    """If a call takes longer than that allows, the rest comes after the acknowledgement."""
    hangs = asyncio.Event()
    desk.slack.fail_next(method, until=hangs)
    await say(desk, f"{SESSION} Please rebase")
    assert desk.slack.channel_messages("general") == []
    hangs.set()
    await desk.until_received("Please rebase")


@pytest.mark.parametrize("failure", [{"status": 503}, {"error": "fatal_error"}, {"drop": True}])
async def test_what_slack_does_not_take_at_first_is_posted_when_it_does(
    bot: Bot, desk: Desk, store: Store, failure: dict[str, int]
) -> None:
    """Nothing is sent to Devin that the channel does not show, and nobody has to type it again."""
    desk.slack.fail_next("chat.postMessage", **failure)  # type: ignore[arg-type]  # mixed values
    await say(desk, f"{SESSION} Please rebase")
    assert desk.devin.requests == []
    message = await posted(desk, "Please rebase")
    await desk.until_delivered(message.ts)
    await until_settled(store)
    assert desk.received() == [FROM_ADA + "Please rebase"]
    assert desk.whispers("ada") == []


async def test_what_slack_refuses_comes_back_to_its_author(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """They alone read why, with the words that they typed, and Devin gets nothing."""
    desk.slack.fail_next("chat.postMessage", error="restricted_action")
    await say(desk, f"{SESSION} Please rebase &amp; test")
    told = await desk.until_whispered(refusals.sorry(CannotPost("restricted_action")), "ada")
    assert "Please rebase" in told
    assert quote(desk.slack.ephemerals("general", "ada")[-1]) == "Please rebase & test"
    await until_settled(store)
    assert desk.devin.requests == []


async def test_who_may_no_longer_message_devin_when_slack_is_back_posts_nothing(
    environ: dict[str, str], desk: Desk, store: Store, raw: Redis
) -> None:
    """A message that waits is checked again before it is posted."""
    async with running(desk, environ):
        desk.slack.fail_next("chat.postMessage", status=503, times=1_000)
        before = len(desk.slack.calls)
        await say(desk, f"{SESSION} Please rebase")
        await wait_until(
            lambda: "chat.postMessage" in [one.method for one in desk.slack.calls[before:]],
            "it is tried",
        )
    desk.slack.workspace.user("ada").is_restricted = True
    desk.slack.fail_no_more()
    await forget(raw)
    async with running(desk, environ):
        await desk.until_whispered(refusals.sorry(NotAllowed(Standing.GUEST)), "ada")
        await until_settled(store)
    assert desk.devin.requests == []
    assert [one for one in desk.slack.channel_messages("general") if "rebase" in one.text] == []


@pytest.mark.parametrize("text", [f"{SESSION} Please rebase", "Please rebase", ""])
async def test_a_command_that_comes_twice_acts_once(
    bot: Bot, desk: Desk, store: Store, text: str
) -> None:
    """Its trigger is the same: one post or one form, and no message about the second."""
    desk.devin.add_session(OTHER_SESSION)
    await desk.linked_thread()
    await desk.linked_thread(OTHER_SESSION)

    def posts() -> int:
        return len([one for one in desk.slack.channel_messages("general") if not is_card(one)])

    before = posts()
    delivery = await desk.slack.slash("/devin-say", text)

    def seen() -> int:
        forms = [view for view in desk.slack.open_views("ada") if view["submit"]]
        return posts() - before + len(forms) + len(desk.whispers("ada"))

    await wait_until(seen, "the first is answered")
    again = await (await desk.slack.redeliver(delivery)).settled()
    assert again.acked
    await say(desk, f"{SESSION} The fence")
    await desk.until_received("The fence")
    await until_settled(store)
    assert seen() == 2
    assert [one for one in desk.received() if "rebase" in one] == [
        FROM_ADA + "Please rebase" for _ in range(text.startswith(SESSION))
    ]


@pytest.mark.parametrize(
    ("team", "logged"),
    [
        ("T0OTHER000", "T0OTHER000"),
        ("T0 and words", None),
        ("T" * 33, None),
        ("T0\N{CYRILLIC CAPITAL LETTER A}", None),
    ],
)
async def test_a_command_of_another_workspace_is_ignored(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture, team: str, logged: str | None
) -> None:
    """It is acknowledged and logged, without any value that is not an id."""
    delivery = await desk.slack.slash("/devin-say", "help")
    other = delivery.payload | {"text": f"{SESSION} Please rebase"}
    other |= {"team_id": team, "enterprise_id": ELSEWHERE["enterprise"]["id"]}
    again = await desk.slack.redeliver(Delivery("slash_commands", other))
    assert (await again.settled()).acked
    assert again.response is None
    assert [one.team for one in caplog.records if one.getMessage() == "interaction ignored"] == [  # type: ignore[attr-defined]  # an extra field
        logged
    ]
    await say(desk, f"{SESSION} The fence")
    await desk.until_received("The fence")
    assert len(desk.devin.requests) == 1


async def test_a_command_of_nobody_is_acknowledged(bot: Bot, desk: Desk) -> None:
    """A command without a listener is not shown to the person as a failure."""
    delivery = await desk.slack.slash("/weather", "94070")
    assert delivery.acked
    assert not delivery.response
    assert desk.slack.ephemerals("general") == []


async def test_the_thread_of_a_command_is_linked_by_its_person(
    bot: Bot, desk: Desk, redis_url: str
) -> None:
    """The link names its maker, and expires like any other."""
    await say(desk, f"{SESSION} Please rebase", user="ben")
    message = await posted(desk, "Please rebase")
    await desk.until_delivered(message.ts)
    channel = desk.slack.workspace.channel("general").id
    ref = ThreadRef(team=desk.slack.team_id, channel=channel, thread_ts=message.ts)
    async with redis.asyncio.Redis.from_url(node_url(redis_url)) as client:
        assert await client.ttl(at(link_key(ref))) > 0
    assert "Ben Franklin" in await desk.answer("status", message.ts, session_link(desk.named()))
