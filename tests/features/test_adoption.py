"""A channel's rules: new sessions from elsewhere get a thread there, once."""

from datetime import timedelta

import pytest
import redis
from pydantic import SecretStr
from redis.asyncio import Redis

from bot.app import Bot
from bot.devin.opening import open_devin
from bot.features.adoption import words
from bot.features.adoption.own_threads import OwnThreads, thread_owed
from bot.features.adoption.use import Adopting
from bot.model.errors import NotAllowed
from bot.model.people import Standing, UserId
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef
from bot.redis import keep
from bot.redis.connection import Store
from bot.redis.keys import OUTBOX_KEY, calls_key, link_key, once_key, subject_key
from bot.store.outbox import Outbox, Owed
from bot.wording import refusals
from bot.wording.commands import by_mention
from bot.wording.message import LEGACY
from sandbox.devin.organization import ORG_ID
from sandbox.devin.sessions import NewSession
from sandbox.slack.server import Message
from tests.support.desk import SESSION, Desk, key_of, running
from tests.support.entries import expire, is_held
from tests.support.keys import at
from tests.support.parts import parts_of
from tests.support.waiting import wait_until

TIMES = {"adopt_pause": 3600.0}
"""No look but those that a test asks for, however slow the machine is."""

pytestmark = pytest.mark.times(**TIMES)

NIGHTLY = NewSession("", "Nightly", ("oncall",), body={"repos": ["acme/api"]})


def roots(desk: Desk, channel: str = "general") -> list[Message]:
    """Return the messages with which sessions' own threads begin, in a channel."""
    return [one for one in desk.slack.channel_messages(channel) if key_of(one).endswith("|thread")]


async def set_rules(
    desk: Desk, rules: str = "tag:oncall", channel: str = "general", user: str = "ada"
) -> str:
    """Set rules; return the mention's ts."""
    before = len(desk.slack.channel_messages(channel))
    ts = await desk.mention(f"adopt {rules}", channel=channel, user=user)
    done = "ended adoption" if rules == "none" else "changed adoption"
    await wait_until(
        lambda: any(done in one.text for one in desk.slack.channel_messages(channel)[before:]),
        "the channel is told",
    )
    return ts


async def look(desk: Desk, raw: Redis, channel: str = "general") -> None:
    """Let a minute pass, and wait until the channel's entry has been told and waits again."""
    place = desk.slack.workspace.channel(channel).id
    owed = Owed(f"{desk.slack.team_id}:adopt:{place}", 1, Adopting.kind)

    async def rests() -> bool:
        score, (now, _) = await raw.zscore(at(OUTBOX_KEY), str(owed)), await raw.time()
        return score is None or (score > (now + 1) * 1000 and not await is_held(raw, owed))

    await wait_until(rests, "an earlier look has ended")
    await raw.zadd(at(OUTBOX_KEY), {str(owed): 1}, xx=True)
    await wait_until(rests, "a look ends")


async def until_threads(desk: Desk, count: int, channel: str = "general") -> list[Message]:
    """Wait until so many sessions have a thread of their own, with a card."""

    def carded() -> bool:
        found = roots(desk, channel)
        return len(found) >= count and all(desk.card(one.ts, channel=channel) for one in found)

    await wait_until(carded, f"{count} threads ({len(roots(desk, channel))})")
    return roots(desk, channel)


async def test_a_new_session_that_fits_gets_a_thread(bot: Bot, desk: Desk, raw: Redis) -> None:
    """By tag, repository or origin; what is older, from here, or linked anywhere gets none."""
    desk.devin.appear(NIGHTLY).created_at -= timedelta(minutes=1)
    await set_rules(desk)
    await set_rules(desk, "repo:acme/api origin:automation")
    desk.devin.appear(NIGHTLY).created_at -= timedelta(minutes=5)  # which Devin lists late
    by_hand = NewSession("", "By hand", ())
    fits = [
        desk.devin.appear(NewSession("", "A", ("oncall",)), origin="api"),
        desk.devin.appear(NewSession("", "B", (), body={"repos": ["acme/api"]}), origin="api"),
        desk.devin.appear(NewSession("", "C", ())),
    ]
    desk.devin.appear(by_hand, origin="api")
    desk.devin.appear(NewSession("", "Child", ("oncall",)), parent=fits[0].session_id)
    desk.devin.appear(NewSession("", "Ours", ("oncall", f"relay-{'0' * 32}")))
    desk.devin.appear(NIGHTLY).is_archived = True
    desk.devin.say(fits[0].session_id, "The disk is full")
    await desk.linked_thread(desk.devin.appear(NIGHTLY).session_id, channel="secrets")
    await look(desk, raw)
    found = await until_threads(desk, 3)
    threads = {one.title: m.ts for one in fits for m in found if f"|{one.title}>" in m.text}
    assert sorted(threads) == ["A", "B", "C"]
    await desk.reply("Which host?", threads["A"])
    await desk.until_received("Which host?", fits[0].session_id)
    desk.devin.say(fits[0].session_id, "db-7")
    await wait_until(lambda: "db-7" in desk.words(threads["A"]), "Devin's words are in the thread")
    assert "The disk is full" in desk.words(threads["A"])[0]
    await look(desk, raw)
    assert len(roots(desk)) == 3


async def test_rules_are_shown_and_ended_at_once(bot: Bot, desk: Desk, raw: Redis) -> None:
    """With who set them; a session that is unlinked gets no thread again."""
    ts = await desk.mention("adopt")
    await desk.until_said(words.NONE, ts)
    await set_rules(desk)
    ts = await desk.mention("adopt", user="ben")
    assert "`tag:oncall`, set by ada" in await desk.until_said("New sessions that match", ts)
    desk.devin.appear(NIGHTLY)
    await look(desk, raw)
    (root,) = await until_threads(desk, 1)
    await desk.answer("unlink", root.ts, "Unlinked")
    await look(desk, raw)
    await set_rules(desk, "none")
    desk.devin.appear(NIGHTLY)
    await look(desk, raw)
    assert len(roots(desk)) == 1
    await wait_until(lambda: is_over(desk, raw), "nothing is owed")


async def is_over(desk: Desk, raw: Redis) -> bool:
    """Return True if no channel's rules are applied any more."""
    return not [one for one in await raw.zrange(at(OUTBOX_KEY), 0, -1) if "adopt" in str(one)]


async def test_adoption_outlives_weeks_without_a_process(bot: Bot, desk: Desk, raw: Redis) -> None:
    """And if it does not, whoever looks at the rules brings it back."""
    await set_rules(desk)
    await look(desk, raw)
    place = desk.slack.workspace.channel("general").id
    owed = Owed(f"{desk.slack.team_id}:adopt:{place}", 1, Adopting.kind)
    for name in (subject_key(owed.subject), OUTBOX_KEY):
        assert await raw.ttl(at(name)) > timedelta(days=29).total_seconds()
    await raw.delete(at(subject_key(owed.subject)))
    await raw.zrem(at(OUTBOX_KEY), str(owed))
    desk.devin.appear(NIGHTLY)
    await desk.until_said("New sessions that match", await desk.mention("adopt"))
    await until_threads(desk, 1)


async def test_ten_an_hour_and_the_rest_later(bot: Bot, desk: Desk, raw: Redis) -> None:
    """The channel is told once how many wait, by whichever rule."""
    await set_rules(desk, "tag:oncall tag:weekly")
    await look(desk, raw)  # or the first one may list some of them
    for _ in range(11):
        desk.devin.appear(NIGHTLY)
        desk.devin.appear(NewSession("", "Weekly", ("weekly",)))
    await look(desk, raw)
    await until_threads(desk, 10)
    await look(desk, raw)

    def told() -> list[str]:
        said = [one.text for one in desk.slack.channel_messages("general")]
        return [one for one in said if "more sessions" in one]

    await wait_until(told, "how many wait is told")
    assert ["12 more sessions" in one for one in told()] == [True]
    place = desk.slack.workspace.channel("general").id
    await raw.delete(at(calls_key(f"start:adopt:{place}")))
    await look(desk, raw)
    await until_threads(desk, 20)


async def test_a_child_gets_no_thread_beside_its_parent_by_another_rule(
    bot: Bot, desk: Desk, raw: Redis
) -> None:
    """Whichever of the rules comes first."""
    await set_rules(desk, "tag:one tag:two")
    await look(desk, raw)  # or the first one may list a child before its parent
    family: dict[str, bool] = {}
    for tag, other in (("one", "two"), ("two", "one")):
        parent = desk.devin.appear(NewSession("", "Parent", (tag,))).session_id
        child = desk.devin.appear(NewSession("", "Child", (other,)), parent=parent).session_id
        family |= {parent: True, child: False}
    await look(desk, raw)
    for session, is_adopted in family.items():
        assert await raw.exists(at(once_key(f"claim:adopted:{session}"))) == is_adopted


@pytest.mark.parametrize("said", ["adopt tag:oncall", "adopt none", "adopt"])
async def test_who_may_not_start_sessions_sets_none(
    bot: Bot, desk: Desk, raw: Redis, said: str
) -> None:
    """A guest may not see it, either."""
    await desk.mention(said, user="gus")
    await desk.until_whispered(refusals.sorry(NotAllowed(Standing.GUEST)), "gus")
    assert await is_over(desk, raw)


@pytest.mark.parametrize("api", ["v1"])
async def test_version_1_adopts_nothing(bot: Bot, desk: Desk) -> None:
    """Which is said."""
    ts = await desk.mention("adopt tag:oncall")
    await desk.until_said(LEGACY, ts)


async def test_what_cannot_be_a_rule_is_said(bot: Bot, desk: Desk) -> None:
    """And `/devin-say` sends none to Devin."""
    ts = await desk.mention("adopt repo:api")
    await desk.until_said("`owner/name`", ts)
    ts = await desk.mention(f"adopt {' '.join(f'tag:t{one}' for one in range(11))}")
    await desk.until_said(words.TOO_MANY, ts)
    await desk.slack.slash("/devin-say", "adopt tag:oncall")
    await desk.until_whispered(by_mention("adopt"), "ada")
    assert desk.devin.requests == []


async def test_nothing_is_adopted_where_others_read_along(
    environ: dict[str, str], desk: Desk, raw: Redis
) -> None:
    """Nor in a channel that became shared since its rules were set; outsiders read not even IDs."""
    async with running(desk, environ, TIMES, MIRROR_EXTERNAL="true"):
        await set_rules(desk, channel="shared")
    async with running(desk, environ, TIMES):
        ts = await desk.mention("adopt repo:acme/api", channel="shared")
        await desk.until_said(words.SHARED, ts, channel="shared")
        desk.devin.appear(NIGHTLY)
        await look(desk, raw, "shared")
        assert roots(desk, "shared") == []


async def test_a_rule_rests_while_its_maker_may_not_start_sessions(
    environ: dict[str, str], desk: Desk, raw: Redis
) -> None:
    """The channel is told once, whatever its words are, and other people's rules go on."""
    async with running(desk, environ, TIMES):
        await set_rules(desk, "tag:on|call")
    async with running(desk, environ, TIMES, ALLOW_USERS=desk.slack.workspace.user("ben").id):
        await set_rules(desk, "origin:automation", user="ben")
        told = words.rests("tag:on|call", "ada").text
        desk.devin.appear(NewSession("", "Nightly", ("on|call",)), origin="api")
        desk.devin.appear(NewSession("", "Automated", ()))
        for _ in range(2):
            await look(desk, raw)
        (root,) = await until_threads(desk, 1)
        assert "Automated" in root.text
        assert [one.text for one in desk.slack.channel_messages("general")].count(told) == 1


async def test_what_slack_refuses_is_told_to_the_rule_s_maker(
    bot: Bot, desk: Desk, raw: Redis
) -> None:
    """Once a day, however many sessions get no thread; later ones do."""
    await set_rules(desk)
    place = desk.slack.workspace.channel("general").id
    made = [desk.devin.appear(NIGHTLY) for _ in range(2)]
    desk.slack.fail_next("chat.postMessage", error="restricted_action", times=2)
    await look(desk, raw)
    for one in made:
        owed = thread_owed(desk.slack.team_id, place, SessionId(one.session_id))
        await wait_until(lambda owed=owed: is_gone(raw, owed), "it was refused")  # type: ignore[misc]  # a lambda's default
    desk.devin.appear(NIGHTLY)
    await look(desk, raw)
    await until_threads(desk, 1)
    assert len([one for one in desk.whispers("ada") if "restricted_action" in one]) == 1


async def test_a_session_that_waits_may_go_to_another_channel(
    bot: Bot, desk: Desk, raw: Redis
) -> None:
    """Only what gets a thread now is the channel's."""
    await set_rules(desk)
    await set_rules(desk, channel="secrets")
    await look(desk, raw, "secrets")
    for _ in range(11):
        desk.devin.appear(NIGHTLY)
    await look(desk, raw)
    await until_threads(desk, 10)
    await look(desk, raw, "secrets")
    await until_threads(desk, 1, "secrets")
    await look(desk, raw)
    assert len(roots(desk)) == 10


async def test_what_is_done_is_listed_no_more(bot: Bot, desk: Desk, raw: Redis) -> None:
    """The next list begins an hour before the last session that has been seen to."""
    await set_rules(desk)
    made = [desk.devin.appear(NewSession("", name, ("oncall",))) for name in ("Last", "Late")]
    made[0].created_at += timedelta(hours=3)
    made[1].is_archived = True
    await look(desk, raw)
    await until_threads(desk, 1)
    made[1].is_archived = False
    desk.devin.appear(NewSession("", "New", ("oncall",))).created_at += timedelta(hours=2.5)
    await look(desk, raw)
    await until_threads(desk, 2)
    assert not any("Late" in one.text for one in roots(desk))


async def test_two_processes_and_two_channels_open_one_thread(
    desk: Desk, environ: dict[str, str], raw: Redis
) -> None:
    """The first channel that finds a session has it; a restart changes nothing."""
    async with running(desk, environ, TIMES), running(desk, environ, TIMES):
        await set_rules(desk)
        await set_rules(desk, channel="secrets")
        for _ in range(3):
            desk.devin.appear(NIGHTLY)
        await look(desk, raw)
        await look(desk, raw, "secrets")
        await wait_until(lambda: len(roots(desk) + roots(desk, "secrets")) == 3, "three threads")
    async with running(desk, environ, TIMES):
        await look(desk, raw)
        await look(desk, raw, "secrets")
    assert len(roots(desk) + roots(desk, "secrets")) == 3


@pytest.mark.parametrize("dies", ["before", "between", "after"])
async def test_a_process_that_dies_leaves_it_to_the_next(
    desk: Desk, environ: dict[str, str], raw: Redis, store: Store, dies: str
) -> None:
    """Before it posts, between the post and the link, or after both: there is one thread."""
    place = desk.slack.workspace.channel("general").id
    owed = thread_owed(desk.slack.team_id, place, SessionId(SESSION))
    async with open_devin(desk.devin.url, SecretStr(desk.devin.api_key), ORG_ID, 4) as devin:
        parts = parts_of(desk.box, store, devin=devin)
        threads = OwnThreads.of(parts.cases)
        await threads.ask(place, SessionId(SESSION), UserId("U0ADA"))
        begun = await Outbox(store).begin(owed)
        assert begun is not None
        if dies != "before":
            assert (await threads.tell(begun)).told
    if dies == "between":
        (root,) = roots(desk)
        thread = ThreadRef(team=desk.slack.team_id, channel=place, thread_ts=root.ts)
        await raw.delete(at(link_key(thread)))
    await expire(raw, owed)
    await raw.zadd(at(OUTBOX_KEY), {str(owed): 1})
    async with running(desk, environ, TIMES):
        await until_threads(desk, 1)
        await wait_until(lambda: is_gone(raw, owed), "the entry has ended")
    assert len(roots(desk)) == 1


async def is_gone(raw: Redis, owed: Owed) -> bool:
    """Return True once an entry is owed no more."""
    return await raw.zscore(at(OUTBOX_KEY), str(owed)) is None


@pytest.mark.parametrize("claimed", [True, False])
async def test_a_process_that_dies_before_it_owes_loses_none(
    bot: Bot, desk: Desk, raw: Redis, plain: redis.Redis, *, claimed: bool
) -> None:
    """The claim is the channel's, which goes on; that of another channel keeps it out."""
    await set_rules(desk)
    made = desk.devin.appear(NIGHTLY)
    place = desk.slack.workspace.channel("general").id if claimed else "C0OTHER000"
    # Without an await, so no look finds the session before the claim.
    plain.set(at(once_key(f"claim:adopted:{made.session_id}")), place, ex=keep.TRIED)
    await look(desk, raw)
    if claimed:
        await until_threads(desk, 1)
    assert len(roots(desk)) == claimed
