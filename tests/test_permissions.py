"""Who may steer Devin: nobody's words reach it by mistake, and who is turned away is told why."""

from collections.abc import Iterable
from itertools import combinations

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import Bot
from bot.models import WORKFLOW, Standing, UserId
from bot.people import People
from bot.permissions import Permissions
from bot.settings import Settings, load_settings
from sandbox import Sandbox
from tests.people import Desk, running
from tests.slack_apps import web_client
from tests.waiting import wait_until

GENERAL = "C0GENERAL0"
PEOPLE = {
    "ada": UserId("U0ADA00000"),
    "gus": UserId("U0GUS00000"),
    "una": UserId("U0UNA00000"),
    "eve": UserId("U0EVE00000"),
    "bolt-ci": UserId("U0BOLTCI00"),
    "nobody": UserId("U0NOBODY00"),
}
SWITCHES = {
    "ALLOW_GUESTS": "true",
    "ALLOW_EXTERNAL": "true",
    "ALLOW_USERS": f"{PEOPLE['ada']} {PEOPLE['gus']}",
    "ALLOW_BOTS": PEOPLE["bolt-ci"],
    "ALLOW_CHANNELS": GENERAL,
}


def every_combination() -> Iterable[frozenset[str]]:
    """Each set of switches that an operator can turn on."""
    return (frozenset(on) for n in range(len(SWITCHES) + 1) for on in combinations(SWITCHES, n))


def expected(name: str, on: frozenset[str], *, here: bool) -> Standing:
    """The rules, written a second time: the first reason to say no, else yes."""
    if "ALLOW_CHANNELS" in on and not here:
        return Standing.CHANNEL
    why_not = {
        "nobody": Standing.UNKNOWN,
        "bolt-ci": None if "ALLOW_BOTS" in on else Standing.BOT,
        "eve": None if "ALLOW_EXTERNAL" in on else Standing.EXTERNAL,
        "gus": None if "ALLOW_GUESTS" in on else Standing.GUEST,
        "una": None if "ALLOW_GUESTS" in on else Standing.GUEST,
        "ada": None,
    }[name]
    is_listed = "ALLOW_USERS" not in on or PEOPLE[name] in SWITCHES["ALLOW_USERS"]
    return why_not or (Standing.ALLOWED if is_listed else Standing.NOT_LISTED)


async def test_every_combination_of_switches_lets_in_whom_it_names(
    box: Sandbox, environ: dict[str, str]
) -> None:
    """A switch opens one door and no other; a channel that is not listed closes all."""
    people = people_of(box)
    for on in every_combination():
        allow = Permissions(settings_with(environ, on), people)
        for name, user in PEOPLE.items():
            for here in (True, False):
                standing = await allow.of(user, GENERAL if here else "C0SECRETS0")
                assert standing is expected(name, on, here=here), (name, sorted(on), here)


@pytest.mark.parametrize(
    ("listed", "bots", "standing"),
    [
        ("B1", ("B1", "A1", "U1"), Standing.ALLOWED),
        ("A1", ("B1", "A1", "U1"), Standing.ALLOWED),
        ("U1", ("B1", "A1", "U1"), Standing.ALLOWED),
        ("B1", ("B1",), Standing.ALLOWED),
        ("B2 A2 U2", ("B1", "A1", "U1"), Standing.BOT),
        ("", ("B1", "A1", "U1"), Standing.BOT),
    ],
)
async def test_a_bot_is_allowed_by_any_of_its_ids(
    box: Sandbox, environ: dict[str, str], listed: str, bots: tuple[str, ...], standing: Standing
) -> None:
    """A bot's post is judged by its ids alone: nothing is asked of Slack."""
    allow = Permissions(load_settings({**environ, "ALLOW_BOTS": listed}, None), people_of(box))
    calls = len(box.slack.calls)
    assert await allow.of(UserId("U1"), GENERAL, bots) is standing
    assert len(box.slack.calls) == calls


async def test_people_are_not_listed_as_bots(box: Sandbox, environ: dict[str, str]) -> None:
    """`ALLOW_USERS` does not let a bot in, and `ALLOW_BOTS` lets no guest in."""
    lists = {"ALLOW_USERS": PEOPLE["bolt-ci"], "ALLOW_BOTS": PEOPLE["gus"]}
    allow = Permissions(load_settings({**environ, **lists}, None), people_of(box))
    assert await allow.of(PEOPLE["bolt-ci"], GENERAL) is Standing.BOT
    assert await allow.of(PEOPLE["gus"], GENERAL) is Standing.GUEST


async def test_a_workflow_that_acts_for_nobody_is_not_a_person(
    box: Sandbox, environ: dict[str, str]
) -> None:
    """Its message may be where the operator lets it; what people do is not for it to do."""
    allow = Permissions(load_settings(environ, None), people_of(box))
    assert allow.of_workflow(GENERAL) is Standing.ALLOWED
    assert await allow.of(WORKFLOW, GENERAL) is Standing.UNKNOWN


async def test_a_look_up_that_failed_is_tried_again_later(
    box: Sandbox, environ: dict[str, str]
) -> None:
    """Unknown means no, and only for as long as Slack does not say who it is."""
    allow = Permissions(load_settings(environ, None), people_of(box))
    box.slack.fail_next("users.info", status=500, times=2)
    assert await allow.of(PEOPLE["ada"], GENERAL) is Standing.UNKNOWN
    assert await allow.of(PEOPLE["ada"], GENERAL) is Standing.UNKNOWN

    async def is_allowed() -> bool:
        return await allow.of(PEOPLE["ada"], GENERAL) is Standing.ALLOWED

    await wait_until(is_allowed, "ada is known again", seconds=20)


def people_of(box: Sandbox) -> People:
    """Who is in the sandbox's Slack, asked over its socket."""
    client: AsyncWebClient = web_client(box.slack)
    return People(client, box.slack.team_id, None)


def settings_with(environ: dict[str, str], on: frozenset[str]) -> Settings:
    """The settings of an operator who turned these switches on."""
    return load_settings({**environ, **{name: SWITCHES[name] for name in on}}, None)


@pytest.mark.parametrize(
    ("user", "channel", "changes", "told"),
    [
        ("gus", "general", {}, "Guests can't steer"),
        ("una", "general", {}, "Guests can't steer"),
        ("eve", "shared", {}, "People from other organisations"),
        ("ben", "general", {"ALLOW_USERS": PEOPLE["ada"]}, "not among those"),
        ("ada", "secrets", {"ALLOW_CHANNELS": GENERAL}, "not allowed in this channel"),
    ],
    ids=["guest", "single_channel_guest", "external", "not_listed", "channel"],
)
async def test_who_may_not_is_told_once_in_a_thread(
    environ: dict[str, str], desk: Desk, user: str, channel: str, changes: dict[str, str], told: str
) -> None:
    """The reason comes once to each person and thread, to them alone; nothing goes to Devin."""
    threads = await linked_before(desk, environ, channel)
    async with running(desk, environ, **changes):
        for thread in threads:
            await desk.reply("Delete it all", thread, user=user, channel=channel)
            await desk.mention("delete it all", thread=thread, user=user, channel=channel)
            await desk.reply("Please?", thread, user=user, channel=channel)
        await desk.until_heard()
        await wait_until(
            lambda: len(desk.whispers(user, channel=channel)) == len(threads), "each thread told"
        )
        await desk.mention("status", thread=threads[0], user=user, channel=channel)
        await desk.until_heard()
    whispers = desk.slack.ephemerals(channel)
    assert sorted(one.thread_ts or "" for one in whispers) == threads
    assert all(told in one.text for one in whispers)
    assert all(len(desk.said(thread, channel=channel)) == 1 for thread in threads)
    assert desk.devin.requests == []


async def linked_before(desk: Desk, environ: dict[str, str], channel: str) -> list[str]:
    """Two threads that were linked while everybody who is at home was allowed to."""
    async with running(desk, environ):
        threads = [await desk.linked_thread(channel=channel) for _ in range(2)]
        await desk.until_heard()
    return threads


@pytest.mark.parametrize(
    ("user", "channel", "changes"),
    [
        ("gus", "general", {"ALLOW_GUESTS": "true"}),
        ("una", "general", {"ALLOW_GUESTS": "true"}),
        ("eve", "shared", {"ALLOW_EXTERNAL": "true"}),
        ("ben", "general", {"ALLOW_USERS": f"{PEOPLE['ada']},U0BEN00000"}),
        ("ben", "general", {"ALLOW_CHANNELS": GENERAL}),
    ],
    ids=["guest", "single_channel_guest", "external", "listed", "channel"],
)
async def test_whom_the_operator_allows_is_read(
    environ: dict[str, str], desk: Desk, user: str, channel: str, changes: dict[str, str]
) -> None:
    """Each switch of the operator opens what it says."""
    async with running(desk, environ, **changes):
        thread = await desk.linked_thread(channel=channel)
        ts = await desk.reply("Please rebase", thread, user=user, channel=channel)
        await desk.until_marked("white_check_mark", ts, channel=channel)
    assert len(desk.received()) == 1
    assert desk.whispers(user, channel=channel) == []


@pytest.mark.parametrize(
    "failure",
    [
        {"status": 500},
        {"retry_after": 30},
        {"error": "user_not_found"},
        {"drop": True},
        {"delay": 1.5},
    ],
    ids=["server_error", "rate_limited", "not_found", "dropped", "timeout"],
)
async def test_who_cannot_be_looked_up_may_not(
    bot: Bot, desk: Desk, failure: dict[str, int]
) -> None:
    """A failed look-up means no; each reply that it cost is told, once, to its author."""
    thread = await desk.linked_thread()
    desk.slack.fail_next("users.info", times=4, **failure)  # type: ignore[arg-type]  # mixed values
    await desk.mention("rebase", thread=thread, user="ben")
    await desk.until_whispered("could not find out from Slack who you are", "ben")
    await desk.reply("Rebase, please", thread, user="ben")
    await wait_until(lambda: len(desk.whispers("ben")) == 2, "both replies are told")
    assert await desk.fence(thread) == []
    assert len(desk.whispers("ben")) == 2


async def test_a_deactivated_person_may_not(bot: Bot, desk: Desk) -> None:
    """What a deactivated account sends, by an integration say, is not relayed."""
    thread = await desk.linked_thread()
    desk.slack.workspace.user("ben").deleted = True
    await desk.reply("Still here", thread, user="ben")
    await desk.until_whispered("could not find out from Slack who you are", "ben")
    assert await desk.fence(thread) == []


async def test_a_turned_away_person_cannot_command(bot: Bot, desk: Desk) -> None:
    """Guests link, unlink and mute nothing, and learn no status; they are told so, once."""
    thread = await desk.linked_thread()
    for words in ("unlink", "mute", "status", "help", f"link devin-{'0' * 32}"):
        await desk.mention(words, thread=thread, user="gus")
    await desk.until_heard()
    await desk.until_whispered("Guests can't steer", "gus")
    await desk.mention("status", thread=thread)
    assert "by ada" in await desk.until_said("Linked to", thread)
    assert len(desk.said(thread)) == 2
    assert len(desk.whispers("gus")) == 1
