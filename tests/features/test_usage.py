"""People ask what sessions have used: of a thread, of a channel, or their own."""

from datetime import UTC, date, datetime, timedelta

from redis.asyncio import Redis

from bot.app import Bot
from bot.features.usage import words
from bot.model.ledger import Account
from bot.model.people import UserId
from bot.model.sessions import SessionId, Started, Watched
from bot.redis.keys import ledger_key, watched_key
from bot.wording.phrases import acus_of, short_id
from tests.support.desk import OTHER_SESSION, SESSION, Desk, on_v1, running, tells
from tests.support.devin_posts import until_card
from tests.support.keys import at
from tests.support.tables import each
from tests.support.waiting import wait_until


async def started(desk: Desk, raw: Redis, session: str, *, user: str, channel: str) -> str:
    """Link a thread to a session, as if the relay had started it for somebody there."""
    if desk.devin.find(session) is None:
        desk.devin.add_session(session)
    place = desk.slack.workspace.channel(channel).id
    who = UserId(desk.slack.workspace.user(user).id)
    kept = Started(by=who, channel=place, thread="1.000000", cap=10)
    key = at(watched_key(SessionId(session)))
    await raw.hset(key, "started", kept.to_json())
    await raw.expire(key, 3600)
    return await desk.linked_thread(session, channel=channel)


def today() -> date:
    """Return the day that now is, in UTC."""
    return datetime.now(UTC).date()


async def until_spent(raw: Redis, session: str, acus: str) -> date:
    """Wait until the ledger has a session's total; return the day on which it was noted.

    If the month ends before it is asked for, the next one has the same use.
    """

    async def noted() -> list[date]:
        days = [today() - timedelta(days=1), today()]
        totals = [
            await raw.hget(at(ledger_key(f"{day:%Y-%m}")), f"{session} {day:%d}") for day in days
        ]
        return [day for day, total in zip(days, totals, strict=True) if total == acus]

    await wait_until(noted, f"{session} has used {acus}")
    (day,) = await noted()
    ledger, following = (at(ledger_key(f"{one:%Y-%m}")) for one in (day, day + timedelta(days=1)))
    for name, value in (await raw.hgetall(ledger)).items():
        await raw.hset(following, name, value)
    await raw.expire(following, 3600)
    return day


async def test_usage_in_a_thread_is_that_of_its_session(bot: Bot, desk: Desk, raw: Redis) -> None:
    """Its total, its cap, today's part, and who had it started."""
    thread = await started(desk, raw, SESSION, user="ada", channel="general")
    desk.devin.spend(SESSION, 4.25)
    noted = await until_spent(raw, SESSION, "4.25")
    asked = today()
    told = await desk.answer("usage", thread, "has used")
    seen, start = Watched(acus=4.25), Started(cap=10)
    used = [
        words.of_session(desk.named(), seen, 4.25 if day == noted else 0.0, start, "ada")
        for day in (asked, today())
    ]
    assert any(tells(told, one) for one in used)


async def test_usage_of_a_session_that_devin_cannot_find_is_what_was_last_known(
    bot: Bot, desk: Desk, raw: Redis
) -> None:
    """Or that nothing is known: no number that nobody has told."""
    mistyped = await desk.mention(f"link {OTHER_SESSION}")
    thread = await started(desk, raw, SESSION, user="ada", channel="general")
    desk.devin.spend(SESSION, 4.25)
    await until_spent(raw, SESSION, "4.25")
    del desk.devin.sessions[SESSION]
    for one in (mistyped, thread):
        await until_card(desk, "find* this session", one)
    told = await desk.answer("usage", mistyped, "I don't know")
    assert "0 ACU" not in told
    told = await desk.answer("usage", thread, acus_of(4.25, 10))
    assert "find* this session" in told


async def test_usage_in_a_channel_is_by_session_and_by_person(
    bot: Bot, desk: Desk, raw: Redis
) -> None:
    """Of the channel's own sessions; those of other channels are told there alone."""
    await started(desk, raw, SESSION, user="ada", channel="general")
    await started(desk, raw, OTHER_SESSION, user="ben", channel="secrets")
    desk.devin.spend(SESSION, 2.0)
    desk.devin.spend(OTHER_SESSION, 5.0)
    await until_spent(raw, SESSION, "2.0")
    await until_spent(raw, OTHER_SESSION, "5.0")
    thread = await desk.slack.say("What did we spend?")
    told = await desk.answer("usage", thread, acus_of(2.0, None))
    assert short_id(SessionId(SESSION)) in told
    assert "ada: 2 ACUs in 1 session" in str(desk.posts(thread)[-1].blocks)
    assert short_id(SessionId(OTHER_SESSION)) not in told


async def test_only_people_who_are_shown_are_looked_up(bot: Bot, desk: Desk, raw: Redis) -> None:
    """Those who used most; the others are counted."""
    place = desk.slack.workspace.channel("general").id
    for number in range(17):
        account = Account(by=UserId(f"U0{number:08}"), channel=place).to_json()
        session = f"devin-{number:032x}"
        for day in (today(), today() + timedelta(days=1)):
            ledger, total = at(ledger_key(f"{day:%Y-%m}")), f"{session} {day:%d}"
            await raw.hset(ledger, mapping={session: account, total: str(number + 1)})
            await raw.expire(ledger, 3600)
    await desk.answer("usage", await desk.slack.say("What did we spend?"), acus_of(153.0, None))
    asked = {str(one.params.get("user")) for one in desk.slack.calls if one.method == "users.info"}
    assert {f"U0{number:08}" for number in range(17)} & asked == {
        f"U0{number:08}" for number in range(2, 17)
    }


async def test_one_s_own_usage_is_told_to_oneself(bot: Bot, desk: Desk, raw: Redis) -> None:
    """Of all channels that the person can read, and of nobody else's sessions."""
    await started(desk, raw, SESSION, user="ada", channel="general")
    await started(desk, raw, OTHER_SESSION, user="ben", channel="secrets")
    desk.devin.spend(SESSION, 2.0)
    desk.devin.spend(OTHER_SESSION, 5.0)
    await until_spent(raw, SESSION, "2.0")
    await until_spent(raw, OTHER_SESSION, "5.0")
    for user, acus in (("ada", 2.0), ("ben", 5.0)):
        await desk.slack.slash("/devin-say", "usage", user=user, channel="general")
        await desk.until_whispered(acus_of(acus, None), user)


async def test_a_month_without_use_is_told_so(bot: Bot, desk: Desk) -> None:
    """And not by an empty list."""
    thread = await desk.slack.say("What did we spend?")
    asked = today()
    told = await desk.answer("usage", thread, "haven't used any ACUs")
    months = [f"{day:%B}" for day in (asked, today())]
    assert any(tells(told, words.of_channel(words.MonthUse(one, (), {}, {}))) for one in months)


@on_v1
async def test_version_1_tells_no_acus(bot: Bot, desk: Desk) -> None:
    """Which is said."""
    thread = await desk.linked_thread()
    await desk.answer("usage", thread, words.UNTOLD)


@each(("acus", "told"), [(0.04, "0 ACUs"), (1.0, "1 ACU"), (1234.56, "1,234.6 ACUs")])
def test_amounts_have_one_digit_at_most(acus: float, told: str) -> None:
    """As people say them."""
    assert acus_of(acus, None) == told


@each("acus", [9.94, 9.95, 9.99])
def test_nearly_all_of_a_cap_is_not_all_of_it(acus: float) -> None:
    """While Devin still works, nobody is told that it can't."""
    assert acus_of(acus, 10) == "9.9 of 10 ACUs"


async def test_an_outsider_reads_no_title_of_a_session_that_they_started(
    environ: dict[str, str], desk: Desk, raw: Redis
) -> None:
    """Devin writes it, as its thread doesn't show."""
    async with running(desk, environ, ALLOW_EXTERNAL="true"):
        root = await desk.mention("start Fix it", user="eve", channel="shared")
        await desk.until_linked(root, channel="shared")
        (session,) = (one for one in desk.devin.sessions.values() if one.origin == "api")
        desk.devin.rename(session.session_id, "Secret plans")
        desk.devin.spend(session.session_id, 2.0)
        await until_spent(raw, session.session_id, "2.0")
        direct = desk.slack.workspace.direct_message("eve", desk.slack.bot_user_id).id
        ts = await desk.slack.say("usage", user="eve", channel=direct)
        told = await desk.until_said("Sessions that you started", ts, channel=direct)
    assert "Secret plans" not in told
