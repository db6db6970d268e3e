"""The author of a message that names a session in an unlinked thread is offered a link."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.errors import CannotPost, Expired, LinkedElsewhere, NotAllowed
from bot.model.people import Standing
from bot.model.sessions import (
    SESSION_ADDRESS,
    NamedSession,
    SessionId,
    find_session,
    parse_session,
)
from bot.redis.connection import Store
from bot.wording import refusals, thread_links
from bot.wording.phrases import session_link
from handlers.parse.messages import classify, names_session
from sandbox.slack.server import Message
from sandbox.slack.transport.deliveries import Delivery
from tests.support.builders import (
    ADA,
    BOT_USER,
    JSON,
    OURS,
    ROOT_TS,
    TS,
    a_mention,
    a_reply,
    mutated,
    sample_event,
)
from tests.support.desk import OTHER_SESSION, SESSION, Desk, actions, running
from tests.support.devin_posts import linked
from tests.support.known import forget
from tests.support.tables import each
from tests.support.waiting import until_settled, wait_until

HEX = SESSION.removeprefix("devin-")
URL = f"https://app.devin.ai/sessions/{HEX}"
GONE = refusals.sorry(Expired())


async def offered(desk: Desk, user: str = "ada", *, channel: str = "general") -> Message:
    """Wait for the offer that somebody sees, and return it."""
    await desk.until_whispered(thread_links.offer(desk.named(), ""), user, channel=channel)
    return desk.slack.ephemerals(channel, user)[-1]


async def press(
    desk: Desk, offer: Message, *, user: str = "ada", value: str | None = None
) -> Delivery:
    """Press *Link this thread*, and check that Slack is acknowledged in time."""
    delivery = await desk.slack.press_ephemeral(
        "link_offered", channel=offer.channel, message_ts=offer.ts, user=user, value=value
    )
    assert delivery.acked
    return delivery


def offers(desk: Desk, *, channel: str = "general") -> Sequence[Message]:
    """Return every offer that anybody sees."""
    return [one for one in desk.slack.ephemerals(channel) if actions(one)]


@pytest.mark.parametrize(
    ("channel", "where"),
    [
        *(("general", "root"), ("general", "reply"), ("general", "broadcast"), ("general", "file")),
        *(("secrets", "reply"), ("shared", "root"), ("shared", "reply"), ("group-dm", "reply")),
    ],
)
async def test_whoever_names_a_session_is_offered_the_link(
    bot: Bot, desk: Desk, channel: str, where: str
) -> None:
    """Only they see it; nothing is linked until they press, and the thread is then told.

    Slack would show it to nobody in a thread that has no replies yet.
    """
    text = f"I have started <{URL}|this one>, please look"
    if where in {"root", "file"}:
        files = ["plan.md"] if where == "file" else None
        thread = await desk.slack.say(text, channel=channel, files=files)
    else:
        thread = await desk.slack.say("Is it green?", channel=channel)
        await desk.slack.say(text, thread=thread, channel=channel, broadcast=where == "broadcast")
    offer = await offered(desk, channel=channel)
    place = None if where in {"root", "file"} else thread
    assert (offer.thread_ts, offer.ephemeral_to) == (place, "U0ADA00000")
    assert session_link(NamedSession(SessionId(SESSION))) in offer.text
    assert actions(offer) == ["link_offered"]
    await desk.reply("Not yet", thread, channel=channel)
    await desk.until_heard()
    assert desk.said(thread, channel=channel, with_cards=True) == []

    await press(desk, offer)
    said = await desk.until_linked(thread, channel=channel)
    assert linked(desk.named(), is_barred=channel == "shared") in said
    await wait_until(lambda: not actions(offer), "the button is gone")
    assert offer.text == thread_links.OFFER_TAKEN.text
    ts = await desk.reply("Now", thread, channel=channel)
    await desk.until_delivered(ts, channel=channel)
    assert desk.received() == ["ada, U0ADA00000 (in Slack):\n\nNow"]
    assert len(desk.slack.ephemerals(channel)) == 1


async def test_in_a_direct_message_the_offer_stays(bot: Bot, desk: Desk) -> None:
    """An ephemeral message would be gone when the app is opened again."""
    thread = await desk.slack.say(f"see <{URL}>", channel="dm")
    await desk.press("link_offered", thread, channel="dm")
    assert linked(desk.named()) in await desk.until_linked(thread, channel="dm")
    assert desk.slack.ephemerals("dm") == []


@pytest.mark.parametrize("again", ["ada", "ben"])
async def test_there_is_one_offer_in_a_thread(bot: Bot, desk: Desk, again: str) -> None:
    """Repeated mentions, and their authors, do not matter; another thread has a separate offer."""
    thread = await desk.slack.say(URL)
    await offered(desk)
    await desk.reply(f"As I said: {URL}", thread, user=again)
    await desk.until_heard()
    await desk.slack.say(URL, user="ben")
    await offered(desk, "ben")
    assert len(offers(desk)) == 2


async def test_in_a_linked_thread_it_is_a_reply(bot: Bot, desk: Desk) -> None:
    """It is accepted as usual, and nothing is offered; the same holds while the thread is muted."""
    thread = await desk.linked_thread()
    ts = await desk.reply(f"Like {URL}", thread)
    await desk.until_delivered(ts)
    await desk.reply(f"(aside) {URL}", thread)
    await desk.cut_off("mute", thread)
    await desk.reply(URL, thread)
    await desk.until_heard()
    assert len(desk.received()) == 1
    assert offers(desk) == []


async def test_a_first_message_that_comes_late_finds_its_thread_linked(
    bot: Bot, desk: Desk
) -> None:
    """Slack may deliver it, or retry it, after somebody has linked the thread."""
    thread = await desk.slack.say(URL, deliver=False)
    await desk.mention(f"link {SESSION}", thread=thread, user="ben")
    await desk.until_linked(thread)
    await desk.slack.deliver_event(desk.slack.event_of("general", thread), retry_num=1)
    assert await desk.fence(thread) == []
    assert offers(desk) == []


@pytest.mark.parametrize(
    ("user", "channel"),
    [
        *(("gus", "general"), ("una", "general"), ("eve", "shared")),
        *(("bolt-ci", "general"), ("legacy", "general"), ("workflow", "general")),
    ],
)
async def test_who_may_not_steer_devin_is_offered_nothing(
    bot: Bot, desk: Desk, user: str, channel: str
) -> None:
    """These are guests, outsiders and bots; nobody else is asked in their place."""
    thread = await desk.slack.say(URL, user=user, channel=channel)
    await desk.reply(URL, thread, user=user, channel=channel)
    await desk.until_heard()
    await desk.reply(URL, thread, channel=channel)
    await offered(desk, channel=channel)
    assert len(desk.slack.ephemerals(channel)) == 1


async def test_where_the_relay_is_not_allowed_it_offers_nothing(
    environ: dict[str, str], desk: Desk
) -> None:
    """`ALLOW_CHANNELS` applies to offers as well, and a press is checked again."""
    async with running(desk, environ):
        thread = await desk.slack.say(URL)
        offer = await offered(desk)
    async with running(desk, environ, ALLOW_CHANNELS="C0RANDOM00"):
        await desk.slack.say(URL)
        await desk.until_heard()
        await press(desk, offer)
        await desk.until_whispered(refusals.sorry(NotAllowed(Standing.CHANNEL)), "ada")
    assert offers(desk) == [offer]
    assert desk.said(thread, with_cards=True) == []


@pytest.mark.parametrize("words", [f"link {URL}", f"link <{URL}|this one>"])
async def test_a_command_is_not_offered_what_it_does(bot: Bot, desk: Desk, words: str) -> None:
    """The command links the thread, whichever of its two events comes first."""
    thread = await desk.mention(words)
    await desk.until_linked(thread)
    await desk.until_heard()
    assert desk.slack.ephemerals("general") == []


async def test_a_mention_that_names_a_session_is_offered_the_link(bot: Bot, desk: Desk) -> None:
    """It replaces the offer to start or link a session, which the next mention gets."""
    thread = await desk.mention(f"please look at {URL}")
    await offered(desk)
    await desk.until_heard()
    assert len(desk.slack.ephemerals("general")) == 1
    await desk.mention(f"as I said, {URL}", thread=thread)
    await desk.until_whispered(thread_links.not_linked(""), "ada")


async def test_talk_that_names_no_session_is_left_alone(bot: Bot, desk: Desk) -> None:
    """These are asides, other pages of Devin's site, ids, and later edits."""
    thread = await desk.slack.say(f"(aside) {URL}")
    for text in ("https://app.devin.ai/sessions/", "https://app.devin.ai/sessions/mine", SESSION):
        await desk.reply(text, thread)
    ts = await desk.reply("Look", thread)
    await desk.slack.edit("general", ts, URL)
    await desk.until_heard()
    assert desk.slack.ephemerals("general") == []


async def test_an_event_that_comes_again_brings_no_second_offer(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """It may be Slack's retry, or the second event of a mention."""
    ts = await desk.slack.say(f"<@{desk.slack.bot_user_id}> see {URL}")
    await offered(desk)
    for delivery in list(desk.slack.deliveries):
        await (await desk.slack.redeliver(delivery)).settled()
    await until_settled(store)
    assert len(desk.slack.ephemerals("general")) == 1
    assert desk.said(ts, with_cards=True) == []


# The button.


async def test_a_press_that_comes_twice_acts_once(bot: Bot, desk: Desk) -> None:
    """This holds even if somebody has ended the link in between."""
    thread = await desk.slack.say(URL)
    pressed = await press(desk, await offered(desk))
    await desk.until_linked(thread)
    await desk.cut_off("unlink", thread)
    await (await desk.slack.redeliver(pressed)).settled()
    assert not await desk.is_linked(thread)
    assert len(desk.said(thread, with_cards=True)) == 3


async def test_a_thread_that_was_linked_meanwhile_keeps_its_session(bot: Bot, desk: Desk) -> None:
    """The person is told the session and who linked it; the offer stays as it is."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.slack.say(URL)
    offer = await offered(desk)
    await desk.mention(f"link {OTHER_SESSION}", thread=thread, user="ben")
    await desk.until_linked(thread)
    await press(desk, offer)
    elsewhere = LinkedElsewhere(desk.named(OTHER_SESSION), "Ben Franklin")
    await desk.until_whispered(refusals.sorry(elsewhere), "ada")
    assert desk.slack.ephemerals("general", "ada")[-1].thread_ts is None
    assert len(desk.said(thread, with_cards=True)) == 1


async def test_a_thread_that_has_the_session_meanwhile_is_not_told_again(
    bot: Bot, desk: Desk
) -> None:
    """The presser is told who was first."""
    thread = await desk.slack.say(URL)
    offer = await offered(desk)
    await desk.mention(f"link {SESSION}", thread=thread, user="ben")
    await desk.until_linked(thread)
    await press(desk, offer)
    await desk.until_whispered(thread_links.linked_already(desk.named(), "Ben Franklin"), "ada")
    await wait_until(lambda: not actions(offer), "the button is gone")
    assert len(desk.said(thread, with_cards=True)) == 1


async def test_where_the_bot_has_left_the_press_says_so(bot: Bot, desk: Desk, raw: Redis) -> None:
    """The thread could not be told anything, so it is not linked."""
    thread = await desk.slack.say(URL)
    offer = await offered(desk)
    desk.slack.workspace.channel("general").members.remove(desk.slack.bot_user_id)
    await forget(raw)
    await press(desk, offer)
    await desk.until_whispered(refusals.sorry(CannotPost("not_in_channel")), "ada")
    assert desk.said(thread, with_cards=True) == []


async def test_an_offer_serves_nobody_else(bot: Bot, desk: Desk) -> None:
    """Its number does not work for them, nor from another channel."""
    thread = await desk.slack.say(URL)
    adas = await offered(desk)
    number = adas.blocks[-1]["elements"][0]["value"]
    await desk.slack.say(URL, user="ben", channel="secrets")
    await press(desk, await offered(desk, "ben", channel="secrets"), user="ben", value=number)
    await desk.until_whispered(GONE, "ben", channel="secrets")
    await desk.slack.say(URL, channel="secrets")
    await press(desk, await offered(desk, channel="secrets"), value=number)
    await desk.until_whispered(GONE, "ada", channel="secrets")
    assert not await desk.is_linked(thread)


# Slack's payloads, parsed.


@each(
    "text",
    [
        URL,
        f"<{URL}>",
        f"<{URL}|the session>",
        f"See {URL}, please",
        f"({URL})",
        f"{URL}?tab=shell&amp;x=1",
        f"{URL}#top",
        f"{URL}/",
        f"https://app.devin.ai/sessions/{SESSION}",
        f"https://app.devin.ai/sessions/{HEX.upper()}",
        f"https://app.devin.ai/org/acme/sessions/{HEX}",
        f"See <https://acme.devinenterprise.com/sessions/{HEX}|Fix the build>",
        f"<https://example.com> {URL} https://app.devin.ai/sessions/{OTHER_SESSION}",
    ],
)
def test_the_first_address_of_a_session_is_found(text: str) -> None:
    """Its position and the text behind it do not matter."""
    assert find_session(text) == SESSION
    assert names_session({"text": text})


@each(
    "text",
    [
        "",
        SESSION,
        HEX,
        "https://app.devin.ai/sessions/",
        "https://app.devin.ai/sessions/new",
        "https://app.devin.ai/sessions/devin-",
        f"https://app.devin.ai/sessions/{HEX}g",
        f"https://app.devin.ai/sessions/{'0' * 65}",
        f"http://app.devin.ai/sessions/{HEX}",
        f"https://app.devin.ai.example.com/sessions/{HEX}",
        f"https://example.com/app.devin.ai/sessions/{HEX}",
        f"https://evil-devin.ai/sessions/{HEX}",
        f"https://app.devin.ai/org/../sessions/{HEX}",
        f"https://app.devin.ai/settings/{HEX}",
    ],
)
def test_what_is_no_address_of_a_session_is_not_found(text: str) -> None:
    """Ids alone are plain words; other hosts and pages do not count."""
    assert find_session(text) is None


@given(st.text())
def test_what_is_found_is_canonical(text: str) -> None:
    """It also passes the quick check that is run on every message."""
    for written in (text, f"{text}{URL}{text}", f"https://app.devin.ai/sessions/{text}"):
        session = find_session(written)
        assert session is None or parse_session(session) == session
        assert session is None or SESSION_ADDRESS in written


def test_a_person_s_message_names_a_session() -> None:
    """The thread is the message's own, or the one that it would start."""
    for event, root in ((a_reply(URL), ROOT_TS), (a_reply(URL) | {"thread_ts": None}, TS)):
        said = classify(event, OURS)
        assert said is not None
        assert (said.names, said.message.author, said.message.ts) == (SESSION, ADA, TS)
        assert said.message.thread.thread_ts == root


@each(
    "changes",
    [
        {"bot_id": "B1"},
        {"user": None},
        {"hidden": True},
        {"subtype": "message_changed"},
        {"subtype": "channel_topic"},
        {"subtype": ["file_share"]},
        {"text": None},
        {"text": [URL]},
        {"text": f"(aside) {URL}"},
        {"text": f"<@{BOT_USER}> !aside {URL}"},
        {"channel": None},
        {"ts": "now"},
    ],
)
def test_what_no_person_wrote_names_nothing(changes: JSON) -> None:
    """Bots, edits, notices and asides bring no offer."""
    said = classify(a_reply(URL) | changes, OURS)
    assert said is None or said.names is None


@given(
    mutated([a_reply(f"See <{URL}>"), a_mention(URL), sample_event("file_share") | {"text": URL}])
)
def test_no_message_makes_the_look_for_a_session_raise(payload: JSON) -> None:
    """An exception would make Slack retry the same payload again and again."""
    said = classify(payload, OURS)
    if said is not None and said.names is not None:
        assert names_session(payload)
