"""Links between threads and sessions are made, ended, muted, reported, stored and forgotten."""

import asyncio
import logging
from datetime import timedelta

import pytest
import redis
from hypothesis import example, given
from hypothesis import strategies as st
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.errors import LinkedElsewhere
from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind
from bot.model.sessions import NamedSession, SessionId, parse_session
from bot.model.threads import Link, ThreadRef
from bot.model.times import ts_micros
from bot.redis.connection import Store
from bot.redis.keep import EXPIRING
from bot.redis.keys import link_key
from bot.store.links import Links
from bot.store.threads import SessionNames
from bot.wording import refusals, thread_links
from bot.wording.phrases import last_ending, mail_waiting, session_link
from tests.support.desk import OTHER_SESSION, SESSION, Desk, muted, running, tells
from tests.support.features import HELP
from tests.support.keys import at
from tests.support.redis_servers import node_url
from tests.support.tables import each
from tests.support.told import NOT_LINKED
from tests.support.waiting import until_settled, wait_until

HEX = SESSION.removeprefix("devin-")
URL = f"https://app.devin.ai/sessions/{HEX}"
LINK = session_link(NamedSession(SessionId(SESSION), "", URL))
GENERAL = "C0GENERAL0"

NAMES = [
    SESSION,
    HEX,
    URL,
    f"{URL}/",
    f"https://app.devin.ai/sessions/{SESSION}",
    f"https://app.devin.ai/org/acme-inc/sessions/{HEX}",
    f"https://acme.devin.ai/sessions/{HEX}",
    f"https://acme.devinenterprise.com/sessions/{HEX}",
    f"https://devin.eu.acme.devinenterprise.com/org/acme_1/sessions/{SESSION}/",
    f"<https://acme.devinenterprise.com/sessions/{HEX}|Fix the build>",
    f"<{URL}>",
    f"<{URL}|app.devin.ai/sessions>",
    f"<{URL}|Fix the build>",
    f"{URL}?utm_source=mail#top",
    f"{URL}/?tab=shell",
    f"<{URL}?a=1&amp;b=2#x|Fix the build>",
    f"`{SESSION}`",
    SESSION.upper(),
    HEX.upper(),
    f"HTTPS://APP.DEVIN.AI/SESSIONS/{HEX.upper()}",
]
NO_NAMES = [
    "",
    "nonsense",
    "devin-",
    "devin-xyz",
    "devin-0123456g",
    "deadbeef",
    HEX[:31],
    "3f2a9c1d4e5b67",
    f"{HEX}01234567",
    f"devin-{'0' * 65}",
    f"devin-devin-{HEX}",
    f"http://app.devin.ai/sessions/{HEX}",
    f"https://app.devin.ai.example.com/sessions/{HEX}",
    f"https://example.com/sessions/{HEX}",
    f"https://example.com/app.devin.ai/sessions/{HEX}",
    f"https://example.com/?https://app.devin.ai/sessions/{HEX}",
    f"https://evildevin.ai/sessions/{HEX}",
    f"https://evil-devin.ai/sessions/{HEX}",
    f"https://devin.ai.example.com/sessions/{HEX}",
    f"https://acme.devinenterprise.com.example.com/sessions/{HEX}",
    f"https://acme.evildevinenterprise.com/sessions/{HEX}",
    f"https://devinenterprise.com/sessions/{HEX}",
    f"https://acme.devinenterprise.com@example.com/sessions/{HEX}",
    f"https://acme..devin.ai/sessions/{HEX}",
    f"https://.devin.ai/sessions/{HEX}",
    f"https://acme-.devin.ai/sessions/{HEX}",
    f"https://acme_x.devin.ai/sessions/{HEX}",
    f"https://{'a' * 64}.devin.ai/sessions/{HEX}",
    f"https://app.devin\N{FULLWIDTH FULL STOP}ai/sessions/{HEX}",
    f"https://app.dev\N{CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I}n.ai/sessions/{HEX}",
    f"https://app.devin.ai\\@example.com/sessions/{HEX}",
    f"https://app.devin.ai/org/sessions/{HEX}",
    f"https://app.devin.ai/org//sessions/{HEX}",
    f"https://app.devin.ai/org/../sessions/{HEX}",
    f"https://app.devin.ai/org/a/b/sessions/{HEX}",
    f"https://app.devin.ai/orgs/acme/sessions/{HEX}",
    f"https://app.devin.ai/org/acme/{HEX}",
    f"https://app.devin.ai@example.com/sessions/{HEX}",
    f"https://app.devin.ai:8443/sessions/{HEX}",
    f"//app.devin.ai/sessions/{HEX}",
    f"https://app.devin.ai/sessions/../sessions/{HEX}",
    f"https://app.devin.ai/sessions/{HEX}/..",
    f"https://app.devin.ai/sessions//{HEX}",
    f"https://app.devin.ai/sessions/{HEX}/message",
    f"https://app.devin.ai/sessions/{HEX}/message?x=1",
    f"https://app.devin.ai/sessions/{HEX}?x=1\nx",
    f"https://app.devin.ai/sessions/{HEX}? x",
    f"https://example.com/sessions/{HEX}?x=1",
    f"https://app.devin.ai/sessions/?x={HEX}",
    f"{SESSION}?x=1",
    f"{HEX}#x",
    f"https://app.devin.ai/sessions/%2e%2e/{HEX}",
    f"https://app.devin.ai/sessions/{HEX}%2f",
    f"https://app.devin.ai/sessions/{HEX}\nx",
    f"devin-{HEX}\nx",
    f"devin-{HEX}/../x",
    f"devin-{HEX}%00",
    f"devin-{HEX[:-1]}\N{FULLWIDTH DIGIT ONE}",
    f"devin-{HEX[:-1]}\N{ARABIC-INDIC DIGIT ONE}",
    f"dev\N{LATIN SMALL LETTER DOTLESS I}n-{HEX}",
    f"dev\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}n-{HEX}",
    f"https://app.devin.ai/\N{LATIN SMALL LETTER LONG S}essions/{HEX}",
    f"<{URL}",
    f"<{URL}><{URL}>",
    f"<@U0ADA00000|{SESSION}>",
]


@each("text", NAMES)
def test_every_way_to_name_a_session_gives_the_same_id(text: str) -> None:
    """It may have a prefix, be an address, be wrapped by Slack, or be in any case."""
    assert parse_session(text) == SESSION


@each("text", NO_NAMES)
def test_what_names_no_session_is_none(text: str) -> None:
    """Other hosts and paths, escapes and look-alike letters do not name a session."""
    assert parse_session(text) is None


@given(st.text())
@example("devin-0\n")
def test_an_id_is_always_canonical(text: str) -> None:
    """The result can be put in a URL as it is, and names the same session again."""
    for typed in (text, f"devin-{text}", f"https://app.devin.ai/sessions/{text}"):
        session = parse_session(typed)
        assert session is None or (session.isascii() and session[6:].isalnum())
        assert session is None or parse_session(session) == session


@pytest.mark.parametrize(
    "words",
    [
        f"link {SESSION}",
        f"LINK {HEX.upper()}",
        f"link <{URL}>",
        f"link <{URL}|app.devin.ai/sessions>",
        f"  link   <{URL}|Fix the build>",
    ],
)
async def test_a_mention_links_its_thread(bot: Bot, desk: Desk, words: str) -> None:
    """The answer names the session with its address, and replies go there from then on."""
    thread = await desk.slack.say("Shall we?")
    await desk.mention(words, thread=thread)
    answer = await desk.until_linked(thread)
    assert session_link(NamedSession(SessionId(SESSION), "", URL)) in answer
    await desk.reply("Go", thread)
    await desk.until_received("Go")


async def test_a_bad_name_is_answered_and_never_reaches_a_url(bot: Bot, desk: Desk) -> None:
    """The answer shows the form of a session id, and repeats the input with its markup disarmed."""
    thread = await desk.slack.say("Shall we?")
    names = (f"devin-{HEX}/../x", "<!channel>", f"http://app.devin.ai/sessions/{HEX}")
    for bad in names:
        await desk.mention(f"link {bad}", thread=thread)
        await desk.until_heard()
    await wait_until(lambda: len(desk.said(thread)) == 3, "each is answered")
    assert sorted(desk.said(thread)) == sorted(refusals.no_session(bad).text for bad in names)
    assert not any("<!" in one for one in desk.said(thread))
    await desk.reply("Anybody there?", thread)
    await desk.until_heard()
    assert desk.devin.requests == []
    assert desk.devin.strays == []


async def test_two_people_link_at_the_same_moment(bot: Bot, desk: Desk) -> None:
    """One wins; the other is told the thread's session, who linked it, and what to do."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.slack.say("Shall we?")
    await asyncio.gather(
        desk.mention(f"link {SESSION}", thread=thread, user="ada"),
        desk.mention(f"link {OTHER_SESSION}", thread=thread, user="ben"),
    )
    won = await desk.until_linked(thread)
    winner, by = (SESSION, "ada") if HEX in won else (OTHER_SESSION, "Ben Franklin")
    elsewhere = refusals.sorry(LinkedElsewhere(desk.named(winner), by))
    assert "`unlink`" in await desk.until_said(elsewhere, thread)
    await desk.reply("Go", thread)
    await desk.until_received("Go", winner)


async def test_the_same_session_again_changes_nothing(bot: Bot, desk: Desk) -> None:
    """The person is told that the thread is linked; the link remains the first person's."""
    thread = await desk.linked_thread()
    await desk.mention(f"link {HEX}", thread=thread, user="ben")
    await desk.until_said(thread_links.linked_already(desk.named(), "ada"), thread)
    assert "ada" in await desk.answer("status", thread, LINK)


async def test_a_link_that_takes_so_long_that_slack_sends_it_again_is_made_once(
    bot: Bot, desk: Desk
) -> None:
    """Nobody is told that the thread is linked already, by the very message that links it."""
    desk.slack.hurry(0.3)
    desk.devin.read_seconds = 2.0
    thread = await desk.slack.say("Shall we?")
    await desk.mention(f"link {SESSION}", thread=thread)
    await desk.until_linked(thread)
    sent = [one for one in desk.slack.deliveries if one.attempts > 1]
    await desk.until_heard()
    assert sent
    assert await desk.fence(thread) == []
    assert len(desk.posts(thread, with_cards=True)) == 1


async def test_a_link_whose_answer_from_redis_was_lost_is_a_new_one(
    bot: Bot, desk: Desk, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """The script was sent once more and found the link made: the rest is still to be done."""
    caplog.set_level(logging.INFO)
    root = await desk.slack.say("Shall we?")
    text = f"<@{desk.slack.bot_user_id}> link {SESSION}"
    ts = await desk.slack.say(text, thread=root, deliver=False)
    channel = desk.slack.workspace.channel("general").id
    thread = ThreadRef(team=desk.slack.team_id, channel=channel, thread_ts=root)
    at_, by = ts_micros(ts), UserId(desk.slack.workspace.user("ada").id)
    made = Link(session=SessionId(SESSION), by=by, linked_at=1, since=at_, card=str(at_))
    assert await Links(store, timedelta(days=1)).create(thread, made) is None
    await desk.slack.deliver_event(desk.slack.event_of(channel, ts))
    await desk.until_linked(root)
    await desk.until_heard()
    assert "linked" in [one.message for one in caplog.records]
    assert len(desk.posts(root, with_cards=True)) == 1


async def test_unlinked_replies_stay_and_the_thread_can_be_linked_anew(
    bot: Bot, desk: Desk
) -> None:
    """After `unlink` nothing goes to the session, and another one can be linked."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread()
    await desk.mention("unlink", thread=thread)
    await desk.until_said(thread_links.unlinked(desk.named()), thread)
    await desk.reply("Between us", thread)
    await desk.until_heard()
    await desk.mention(f"link {OTHER_SESSION}", thread=thread)
    await desk.until_linked(thread, times=2)
    await desk.reply("For Devin", thread)
    await desk.until_received("For Devin", OTHER_SESSION)
    assert desk.received() == []
    assert len(desk.received(OTHER_SESSION)) == 1


async def test_several_threads_share_a_session(bot: Bot, desk: Desk) -> None:
    """Each is unlinked, muted and reported separately."""
    one, two = await desk.linked_thread(), await desk.linked_thread()
    await desk.mention("unlink", thread=one)
    await desk.until_said(thread_links.unlinked(desk.named()), one)
    await desk.reply("From the first", one)
    assert await desk.fence(two) == []


async def test_status_tells_how_the_thread_stands(bot: Bot, desk: Desk) -> None:
    """It has the session, who linked it, muting, queued replies, and the last outcome."""
    thread = await desk.linked_thread()
    fresh = await desk.answer("status", thread, LINK)
    assert f"by ada.\n{mail_waiting(0)} · {last_ending(None)}\n" in fresh

    await desk.until_delivered(await desk.reply("One", thread))
    desk.devin.behave(SESSION, "rate_limited")
    await desk.reply("Two", thread)
    await wait_until(lambda: len(desk.devin.requests) >= 2, "the second is being tried")
    await desk.reply("Three", thread)
    await desk.until_heard()
    await desk.mention("mute", thread=thread)
    await desk.until_said(muted(), thread)
    later = await desk.answer("status", thread, LINK)
    assert f"{mail_waiting(2)} · {last_ending(Outcome(kind=OutcomeKind.DELIVERED))}\n" in later
    assert "by ada. *Muted*" in later


async def test_mute_and_unmute_say_what_they_did(bot: Bot, desk: Desk) -> None:
    """Muting twice is not an error; the link stays."""
    thread = await desk.linked_thread()
    for words in ("mute", "mute", "unmute", "unmute"):
        await desk.mention(words, thread=thread)
        await desk.until_heard()
    await wait_until(lambda: len(desk.said(thread)) == 4, "each is answered")
    answers = [muted(is_muted=one).text for one in (True, False)] * 2
    assert sorted(desk.said(thread)) == sorted(answers)


@pytest.mark.parametrize("how", ["also sent to the channel", "with a file"])
async def test_a_command_is_no_reply_however_it_is_sent(bot: Bot, desk: Desk, how: str) -> None:
    """Only its `message` event says how it was sent; both events request the same."""
    thread = await desk.linked_thread()
    files = ["plan.md"] if how == "with a file" else []
    text = f"<@{desk.slack.bot_user_id}> status"
    await desk.slack.say(text, thread=thread, files=files, broadcast=not files)
    await desk.until_said(LINK, thread)
    assert await desk.fence(thread) == []


@pytest.mark.parametrize("words", ["", "help", "HELP"])
async def test_help_lists_what_can_be_asked(bot: Bot, desk: Desk, words: str) -> None:
    """A mention alone asks for help, in any thread."""
    thread = await desk.slack.say("How does this work?")
    await desk.mention(words, thread=thread)
    told = await desk.until_said(HELP, thread)
    assert all(f"`{verb}`" in told for verb in ("unlink", "status", "mute", "unmute"))


@pytest.mark.parametrize("words", ["unlink", "status", "mute", "unmute"])
async def test_an_unlinked_thread_has_nothing_to_ask_about(
    bot: Bot, desk: Desk, words: str
) -> None:
    """The answer explains how to link it."""
    thread = await desk.slack.say("Shall we?")
    await desk.mention(words, thread=thread)
    assert "`link " in await desk.until_said(NOT_LINKED, thread)


async def test_a_command_outside_a_thread_links_the_thread_that_it_begins(
    bot: Bot, desk: Desk
) -> None:
    """Replies to the command's own message go to the session."""
    thread = await desk.mention(f"link {SESSION}")
    await desk.until_linked(thread)
    await desk.reply("Go", thread)
    await desk.until_received("Go")
    assert len(desk.received()) == 1


@pytest.mark.parametrize("channel", ["secrets", "dm", "group-dm"])
async def test_commands_work_in_every_conversation(bot: Bot, desk: Desk, channel: str) -> None:
    """Slack sends one event for a mention in direct messages, and two elsewhere."""
    thread = await desk.linked_thread(channel=channel)
    await desk.mention("status", thread=thread, channel=channel)
    await desk.until_said(LINK, thread, channel=channel)
    await desk.until_heard()
    assert len([one for one in desk.said(thread, channel=channel) if tells(one, LINK)]) == 1


async def test_a_command_that_comes_again_is_answered_once(bot: Bot, desk: Desk) -> None:
    """It may come as two events, under new event ids, or by Slack's retry: one answer."""
    thread = await desk.linked_thread()
    ts = await desk.mention("status", thread=thread)
    await desk.until_said(LINK, thread)
    event = desk.slack.event_of("general", ts)
    await desk.slack.deliver_event(event)
    await desk.slack.deliver_event({**event, "type": "app_mention"}, retry_num=1)
    for delivery in [one for one in desk.slack.deliveries if one.payload["event"]["ts"] == ts]:
        await desk.slack.redeliver(delivery)
    assert await desk.fence(thread) == []
    assert len(desk.said(thread)) == 1


async def test_a_retry_while_a_command_is_carried_out_changes_nothing(
    bot: Bot, desk: Desk, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack sends an event again after 3 s; of two runs, the second would find no link to end."""
    is_unlinked, goes_on, named = asyncio.Event(), asyncio.Event(), SessionNames.one

    async def named_late(names: SessionNames, session: SessionId) -> NamedSession:
        is_unlinked.set()
        await goes_on.wait()
        return await named(names, session)

    thread, other = await desk.linked_thread(), await desk.linked_thread()
    await until_settled(store)
    monkeypatch.setattr(SessionNames, "one", named_late)
    ts = await desk.mention("unlink", thread=thread)
    await is_unlinked.wait()
    for one in [one for one in desk.slack.deliveries if one.payload["event"].get("ts") == ts]:
        await desk.slack.redeliver(one)
    # What came before this has been begun.
    await desk.until_delivered(await desk.reply("Meanwhile", other))
    goes_on.set()
    await desk.until_heard()
    await until_settled(store)
    assert desk.said(thread) == [thread_links.unlinked(desk.named()).text]


async def test_a_mention_that_devin_has_is_no_command(bot: Bot, desk: Desk, store: Store) -> None:
    """*Send to Devin* sends a missed one as it is, and its event may come after that."""
    thread = await desk.linked_thread()
    ts = await desk.reply("status", thread)
    await desk.until_delivered(ts)
    words = f"<@{desk.slack.bot_user_id}> status"
    event = {**desk.slack.event_of("general", ts), "type": "app_mention", "text": words}
    await desk.slack.deliver_event(event)
    await desk.until_heard()
    await until_settled(store)
    assert desk.said(thread) == []


@pytest.mark.usefixtures("hurried")
async def test_a_command_that_failed_for_a_moment_is_obeyed_when_it_comes_again(
    bot: Bot, desk: Desk, raw: Redis
) -> None:
    """The claim is released with the failure, or Slack's retry would do nothing.

    A mention is two events, and the command is carried out by the one that began with it.
    """
    thread = await desk.slack.say("Shall we ship it?")
    key = at(link_key(ThreadRef(team=desk.slack.team_id, channel=GENERAL, thread_ts=thread)))
    await raw.lpush(key, "no string: Redis refuses to read it as one")
    await raw.expire(key, 60)
    await desk.mention(f"link {SESSION}", thread=thread)
    events = [await one.settled() for one in desk.slack.deliveries[-2:]]
    failed = [one for one in events if not one.acked]
    assert failed
    await raw.delete(key)
    for event in failed:
        await desk.slack.redeliver(event)
    await desk.until_linked(thread)


async def test_a_link_is_forgotten_without_traffic(environ: dict[str, str], desk: Desk) -> None:
    """A thread is no longer linked `LINK_TTL` after its last reply."""
    async with running(desk, environ, LINK_TTL="1h"):
        thread = await desk.linked_thread()
        with redis.Redis.from_url(node_url(environ["REDIS_URL"])) as client:
            assert 0 < client.ttl(key_of(desk, thread)) <= 3_600 + EXPIRING.total_seconds()
            client.expire(key_of(desk, thread), 0)
        await desk.reply("Too late", thread)
        await desk.mention("status", thread=thread)
        await desk.until_said(NOT_LINKED, thread)
        assert desk.devin.requests == []


async def test_traffic_renews_a_link(bot: Bot, desk: Desk, environ: dict[str, str]) -> None:
    """A reply renews the full `LINK_TTL`; a question about the link does not."""
    thread = await desk.linked_thread()
    key = key_of(desk, thread)
    with redis.Redis.from_url(node_url(environ["REDIS_URL"]), decode_responses=True) as client:
        client.expire(key, 60)
        await desk.mention("status", thread=thread)
        await desk.until_said(LINK, thread)
        assert client.ttl(key) <= 60
        await desk.until_delivered(await desk.reply("Still on it", thread))
        assert client.ttl(key) > 89 * 24 * 3600


async def test_links_survive_a_restart(environ: dict[str, str], desk: Desk) -> None:
    """Links are in Redis: the next process knows them, including muted ones."""
    async with running(desk, environ):
        thread, quiet = await desk.linked_thread(), await desk.linked_thread()
        await desk.mention("mute", thread=quiet)
        await desk.until_said(muted(), quiet)
        await desk.until_heard()
    async with running(desk, environ):
        await desk.reply("Between us", quiet)
        await desk.reply("Still here", thread)
        await desk.until_received("Still here")
        assert await desk.fence(thread) == ["ada, U0ADA00000 (in Slack):\n\nStill here"]


def key_of(desk: Desk, thread: str) -> str:
    """Return the key of a link of a thread in #general."""
    return at(link_key(ThreadRef(team=desk.slack.team_id, channel=GENERAL, thread_ts=thread)))
