"""A channel's digest: set by mention, posted at nine, once, and only if anything has happened."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from bot.app import Bot
from bot.devin.opening import open_devin
from bot.features.digest import words
from bot.features.digest.digest import Digest, Often
from bot.features.digest.use import Digests, digest_owed
from bot.model.errors import NotAllowed
from bot.model.ledger import Account
from bot.model.options import Profile
from bot.model.people import Standing, UserId
from bot.model.sessions import SessionId, SessionState
from bot.redis.connection import Store
from bot.redis.keys import OUTBOX_KEY, ledger_key
from bot.store.outbox import Outbox, parse_owed
from bot.store.profiles import Profiles
from bot.wording import refusals
from bot.wording.commands import by_mention
from bot.wording.phrases import short_id
from sandbox.devin.organization import ORG_ID
from sandbox.slack.server import Message
from tests.support.desk import OTHER_SESSION, SESSION, Desk, key_of, running
from tests.support.devin_posts import until_state
from tests.support.entries import Entries, expire
from tests.support.keys import at
from tests.support.parts import parts_of
from tests.support.waiting import until_settled, wait_until

RULES = [{"key": "tag", "value": "oncall"}]

DONE, CHILD = f"devin-{0xD09E:032x}", f"devin-{0xC41D:032x}"


def far_from_nine() -> str:
    """Return a time zone where it is hours until nine, so that no digest is due by itself.

    It is nine there at midnight or at noon in UTC.
    """
    return "Etc/GMT-9" if 6 <= datetime.now(UTC).hour < 18 else "Etc/GMT+3"


async def dues(raw: Redis) -> list[datetime]:
    """Return when the digests are due that are owed, by the names of their entries."""
    entries = map(str, await raw.zrange(at(OUTBOX_KEY), 0, -1))
    found = [parse_owed(one) for one in entries if one.endswith("|digest")]
    times = [int(one.subject.rpartition(":")[2]) for one in found]
    return [datetime.fromtimestamp(one, UTC) for one in sorted(times)]


async def let_time_pass(raw: Redis, until: datetime) -> None:
    """Let a digest be due."""
    for entry in map(str, await raw.zrange(at(OUTBOX_KEY), 0, -1)):
        if entry.endswith(f":{int(until.timestamp())}|1|digest"):
            await raw.zadd(at(OUTBOX_KEY), {entry: 1})


async def is_gone(raw: Redis, due: datetime) -> bool:
    """Return True once a digest is owed no more."""
    return due not in await dues(raw)


async def until_gone(raw: Redis, due: datetime) -> None:
    """Wait until a digest was told, or was found not to be."""
    await wait_until(lambda: is_gone(raw, due), "the digest is owed no more")


def digests(desk: Desk, channel: str = "general") -> list[Message]:
    """Return the digests that were posted in a channel."""
    return [one for one in desk.slack.channel_messages(channel) if key_of(one).endswith("|digest")]


def parts(post: Message) -> list[str]:
    """Return the paragraphs of a digest."""
    return [one["text"]["text"] for one in post.blocks if one["type"] == "section"]


async def set_digest(
    desk: Desk, raw: Redis, often: str = "daily", channel: str = "general"
) -> datetime:
    """Set a digest as Ada, where it is not nine soon; return when it is due."""
    desk.slack.workspace.user("ada").zone = far_from_nine()
    before = set(await dues(raw))
    ts = await desk.mention(f"digest {often}", channel=channel)
    await desk.until_said("has set a digest", ts, channel=channel)
    (due,) = set(await dues(raw)) - before
    return due


async def spend(
    raw: Redis,
    desk: Desk,
    day: datetime,
    acus: float,
    channel: str,
    session: str = SESSION,
    parent: str = "",
) -> None:
    """Let a session of a channel have used so much on a day."""
    place = desk.slack.workspace.channel(channel).id
    key = at(ledger_key(day.strftime("%Y-%m")))
    started = Account(
        by=UserId("U0ADA"), channel=place, thread="1.000000", parent=SessionId(parent)
    )
    account = started.to_json()
    total = str(1.0 + acus)
    fields = ((session, account), (f"{session} base", "1.0"), (f"{session} {day:%d}", total))
    for name, value in fields:
        await raw.hset(key, name, value)
    await raw.expire(key, 3600)


async def test_a_digest_tells_what_the_channel_s_sessions_do(
    bot: Bot, desk: Desk, raw: Redis
) -> None:
    """Those that need someone, those at work, those that are done, and what was spent."""
    due = await set_digest(desk, raw)
    for session, state, shown in (
        (SESSION, "blocked", SessionState.WAITING),
        (OTHER_SESSION, "running", SessionState.WORKING),
        (DONE, "idle", SessionState.FINISHED),
    ):
        if session != SESSION:
            desk.devin.add_session(session)
        thread = await desk.linked_thread(session)
        if session == DONE:
            desk.devin.open_pull_request(DONE, "https://github.com/acme/relay/pull/7")
        desk.devin.behave(session, state)
        await until_state(desk, shown, thread)
    await spend(raw, desk, due - timedelta(days=1), 1.25, "general")
    await spend(raw, desk, due - timedelta(days=1), 3.0, "general", CHILD, parent=SESSION)
    await spend(raw, desk, due - timedelta(days=1), 9.0, "secrets", OTHER_SESSION)
    await let_time_pass(raw, due)
    await until_gone(raw, due)
    (post,) = digests(desk)
    head, needs, working, done, spent = parts(post)
    assert head == "*Daily digest*: 1 session needs you, 1 working, 1 done, 4.2 ACUs used."
    assert short_id(SessionId(SESSION)) in needs
    assert "waiting for you" in needs
    assert short_id(SessionId(OTHER_SESSION)) in working
    assert short_id(SessionId(DONE)) in done
    assert "|acme/relay#7>" in done
    assert f"{thread.replace('.', '')}?thread_ts={thread}" in done
    day = due - timedelta(days=1)
    assert f"4.2 ACUs, 3 of them by child sessions, {day:%B} {day.day} (UTC)" in spent
    assert not post.thread_ts
    assert await dues(raw) == [due + timedelta(days=1)]


async def test_nothing_happened_so_nothing_is_posted(bot: Bot, desk: Desk, raw: Redis) -> None:
    """The next one is owed all the same."""
    due = await set_digest(desk, raw)
    await let_time_pass(raw, due)
    await until_gone(raw, due)
    assert digests(desk) == []
    assert await dues(raw) == [due + timedelta(days=1)]


async def test_it_is_shown_and_ended(bot: Bot, desk: Desk, raw: Redis) -> None:
    """By anybody who may; an entry that is owed by then tells nothing, and owes no other."""
    ts = await desk.mention("digest", user="ben")
    await desk.until_said(words.NONE, ts)
    due = await set_digest(desk, raw, "weekly")
    assert due.weekday() == 0
    ts = await desk.mention("digest", user="ben")
    ada = desk.slack.workspace.user("ada")
    digest = Digest(often=Often.WEEKLY, by=UserId(ada.id), zone=ada.zone)
    await desk.until_said(words.shown(digest, "ada", due), ts)
    ts = await desk.mention("digest off", user="ben")
    await desk.until_said(words.NONE, ts)
    await desk.linked_thread()
    await let_time_pass(raw, due)
    await until_gone(raw, due)
    assert (digests(desk), await dues(raw)) == ([], [])


async def test_the_last_choice_counts(bot: Bot, desk: Desk, raw: Redis) -> None:
    """What is set twice is owed once, and a daily one that became weekly waits for Monday."""
    due = await set_digest(desk, raw)
    ts = await desk.mention("digest daily")
    await desk.until_said("has set a digest", ts)
    assert await dues(raw) == [due]
    ada = desk.slack.workspace.user("ada")
    weekly = Digest(often=Often.WEEKLY, by=UserId(ada.id), zone=ada.zone)
    monday = weekly.after(due - timedelta(seconds=1))
    ts = await desk.mention("digest weekly")
    await desk.until_said("has set a digest", ts)
    await desk.linked_thread()
    if due != monday:
        await let_time_pass(raw, due)
        await until_gone(raw, due)
        assert digests(desk) == []
    assert await dues(raw) == [monday]


@pytest.mark.parametrize("said", ["digest daily", "digest off", "digest"])
async def test_who_may_not_start_sessions_sets_none(
    bot: Bot, desk: Desk, raw: Redis, said: str
) -> None:
    """A guest may not see it, either."""
    await desk.mention(said, user="gus")
    await desk.until_whispered(refusals.sorry(NotAllowed(Standing.GUEST)), "gus")
    assert await dues(raw) == []


@pytest.mark.parametrize(
    ("zone", "hour"), [("Asia/Tokyo", 0), ("Asia/Kolkata", 3), ("Mars/Olympus", 9), ("", 9)]
)
async def test_nine_is_where_the_person_is(
    bot: Bot, desk: Desk, raw: Redis, zone: str, hour: int
) -> None:
    """Where Slack doesn't tell that, it is UTC, which is said."""
    desk.slack.workspace.user("ben").zone = zone
    ts = await desk.mention("digest daily", user="ben")
    told = await desk.until_said("has set a digest", ts)
    assert ("UTC, since" in told) is (hour == 9)
    assert {due.hour for due in await dues(raw)} == {hour}


async def test_one_that_waits_is_not_late(bot: Bot, desk: Desk, raw: Redis, store: Store) -> None:
    """A poll doesn't begin it, and no metric counts it."""
    due = await set_digest(desk, raw, "weekly")
    await until_settled(store)
    _, late = await Entries(store).overdue(timedelta(0), 100)
    assert late == []
    assert await dues(raw) == [due]
    assert await raw.ttl(at(OUTBOX_KEY)) > timedelta(days=29).total_seconds()


async def test_after_three_days_there_is_one(
    bot: Bot, desk: Desk, raw: Redis, store: Store
) -> None:
    """For the latest day, as if the relay had been down."""
    due = await set_digest(desk, raw)
    await desk.linked_thread()
    latest = due - timedelta(days=1)
    for days in (4, 3):
        await owe(desk, store, due - timedelta(days=days))
    await wait_until(lambda: digests(desk), "there is one")
    await wait_until(lambda: is_alone(raw, due), "no other one is owed but the next")
    assert [key_of(one).rsplit(":")[-1] for one in digests(desk)] == [
        f"{int(latest.timestamp())}|1|digest"
    ]


async def is_alone(raw: Redis, due: datetime) -> bool:
    """Return True if a digest is the only one that is owed."""
    return await dues(raw) == [due]


async def test_two_processes_post_it_once(desk: Desk, environ: dict[str, str], raw: Redis) -> None:
    """Each polls for what is due."""
    async with running(desk, environ), running(desk, environ):
        due = await set_digest(desk, raw)
        await desk.linked_thread()
        await let_time_pass(raw, due)
        await until_gone(raw, due)
        await let_time_pass(raw, due + timedelta(days=1))
        await until_gone(raw, due + timedelta(days=1))
    assert len(digests(desk)) == 2
    assert await dues(raw) == [due + timedelta(days=2)]


@pytest.mark.parametrize("dies", ["before", "after"])
async def test_a_process_that_dies_leaves_it_to_the_next(
    desk: Desk, environ: dict[str, str], raw: Redis, store: Store, dies: str
) -> None:
    """Before it posts, or after: it is posted once, and so is the next one."""
    async with running(desk, environ):
        due = await set_digest(desk, raw)
        await desk.linked_thread()
    channel = desk.slack.workspace.channel("general").id
    owed = digest_owed(desk.slack.team_id, channel, due)
    begun = await Outbox(store).begin(owed)
    assert begun is not None
    if dies == "after":
        async with open_devin(desk.devin.url, SecretStr(desk.devin.api_key), ORG_ID, 4) as devin:
            assert (await Digests.of(parts_of(desk.box, store, devin=devin).cases).tell(begun)).told
    await expire(raw, owed)
    await let_time_pass(raw, due)
    async with running(desk, environ):
        await until_gone(raw, due)
    assert len(digests(desk)) == 1
    assert await dues(raw) == [due + timedelta(days=1)]


@pytest.mark.parametrize("fails", ["drop", "drop_after", "is_archived"])
async def test_a_post_that_fails_ends_no_digest(
    bot: Bot, desk: Desk, raw: Redis, fails: str
) -> None:
    """It is tried again, but not twice posted; and a channel that is archived may come back."""
    due = await set_digest(desk, raw)
    await desk.linked_thread()
    if fails == "is_archived":
        desk.slack.fail_next("chat.postMessage", error=fails)
    else:
        desk.slack.fail_next("chat.postMessage", drop=fails == "drop", drop_after=fails != "drop")
    await let_time_pass(raw, due)
    await until_gone(raw, due)
    assert len(digests(desk)) == (fails != "is_archived")
    assert await dues(raw) == [due + timedelta(days=1)]


async def test_no_title_where_others_read_along(bot: Bot, desk: Desk, raw: Redis) -> None:
    """Nor pull requests, nor what sessions cost, in a channel of two organizations."""
    due = await set_digest(desk, raw, channel="shared")
    desk.devin.rename(SESSION, "The secret plan")
    desk.devin.open_pull_request(SESSION, "https://github.com/acme/relay/pull/7")
    thread = await desk.linked_thread(channel="shared")
    await wait_until(lambda: thread in desk.read_threads(), "it is read")
    await spend(raw, desk, due - timedelta(days=1), 4.0, "shared")
    await let_time_pass(raw, due)
    await until_gone(raw, due)
    (post,) = digests(desk, "shared")
    head, working = parts(post)
    assert head == "*Daily digest*: 1 working."
    assert short_id(SessionId(SESSION)) in working
    assert "secret plan" not in str(post.blocks)
    assert "acme/relay" not in str(post.blocks)


@pytest.mark.parametrize("said", ["digest", "digest Daily", "digest off", "digest None"])
async def test_devin_say_sends_no_digest_to_devin(
    bot: Bot, desk: Desk, raw: Redis, said: str
) -> None:
    """It says how a digest is set."""
    await desk.slack.slash("/devin-say", said)
    await desk.until_whispered(by_mention("digest"), "ada")
    assert (desk.devin.requests, await dues(raw)) == ([], [])


async def test_a_channel_that_gets_another_id_keeps_no_digest(
    bot: Bot, desk: Desk, raw: Redis, store: Store
) -> None:
    """Its links have ended; the rest of its profile goes on."""
    due = await set_digest(desk, raw)
    profiles, place = Profiles(store), desk.slack.workspace.channel("general").id
    await profiles.change(place, lambda _: {"preface": "Run the tests.", "rules": RULES})
    await profiles.move(place, "C0MOVED000")
    assert await profiles.get("C0MOVED000") == Profile(preface="Run the tests.")
    await let_time_pass(raw, due)
    await until_gone(raw, due)
    assert (digests(desk), await dues(raw)) == ([], [])


async def owe(desk: Desk, store: Store, due: datetime) -> None:
    """Owe a digest of #general, as if that had been done before."""
    channel = desk.slack.workspace.channel("general").id
    owed = digest_owed(desk.slack.team_id, channel, due)
    await Outbox(store).owe(owed, "", timedelta(days=30))


@pytest.mark.parametrize("is_told", [True, False])
async def test_who_set_it_is_told_if_slack_refuses_it(
    bot: Bot, desk: Desk, raw: Redis, store: Store, *, is_told: bool
) -> None:
    """Once, though each day's is tried. Slack may refuse to tell that in the channel as well."""
    due = await set_digest(desk, raw)
    await spend(raw, desk, due - timedelta(days=1), 4.25, "general")
    for method in ("chat.postMessage", *(() if is_told else ("chat.postEphemeral",))):
        desk.slack.fail_next(method, error="restricted_action")
    await let_time_pass(raw, due)
    await until_gone(raw, due)
    if is_told:
        await desk.until_whispered("`restricted_action`", "ada")
    await until_settled(store)
    assert len(desk.whispers("ada")) == is_told
    assert digests(desk) == []
