"""Nobody's messages reach Devin by mistake, and people who are turned away are told why."""

import asyncio
import inspect
import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from bot.app import Bot
from bot.model.errors import NotAllowed, NotIdentified
from bot.model.people import WORKFLOW, Act, Standing, UserId
from bot.model.replies import Reply, reply_id
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.settings import Settings, load_settings
from bot.slack.permissions import Permissions
from bot.wording import refusals, thread_links
from bot.wording.phrases import session_link
from sandbox import Sandbox
from tests.people import test_shortcuts as shortcuts
from tests.support.bots import BRISK
from tests.support.desk import Desk, muted, running
from tests.support.known import people_of
from tests.support.told import GUEST, NOT_IDENTIFIED
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("hurried")

ALWAYS = 100_000
GENERAL = "C0GENERAL0"
PEOPLE = {
    "ada": UserId("U0ADA00000"),
    "gus": UserId("U0GUS00000"),
    "una": UserId("U0UNA00000"),
    "eve": UserId("U0EVE00000"),
    "bolt-ci": UserId("U0BOLTCI00"),
    "partner-ci": UserId("U0PARTNERC"),
    "nobody": UserId("U0NOBODY00"),
}
SWITCHES = {
    "ALLOW_GUESTS": "true",
    "ALLOW_EXTERNAL": "true",
    "ALLOW_USERS": f"{PEOPLE['ada']} {PEOPLE['gus']}",
    "ALLOW_BOTS": f"{PEOPLE['bolt-ci']} A0BOLTCI00",
    "ALLOW_CHANNELS": GENERAL,
}


def every_combination() -> Iterable[frozenset[str]]:
    """Return each set of switches that an operator can turn on."""
    return (frozenset(on) for n in range(len(SWITCHES) + 1) for on in combinations(SWITCHES, n))


def expected(name: str, on: frozenset[str], *, here: bool, by_app: bool) -> Standing:
    """Apply the rules, written a second time: return the first reason to refuse, if any."""
    if "ALLOW_CHANNELS" in on and not here:
        return Standing.CHANNEL
    if by_app and "ALLOW_BOTS" not in on:
        return Standing.BOT
    foreign = None if "ALLOW_EXTERNAL" in on else Standing.EXTERNAL
    why_not = {
        "nobody": Standing.UNKNOWN,
        "bolt-ci": None if "ALLOW_BOTS" in on else Standing.BOT,
        "partner-ci": foreign if by_app else Standing.BOT,
        "eve": foreign,
        "gus": None if "ALLOW_GUESTS" in on else Standing.GUEST,
        "una": None if "ALLOW_GUESTS" in on else Standing.GUEST,
        "ada": None,
    }[name]
    is_listed = "ALLOW_USERS" not in on or PEOPLE[name] in SWITCHES["ALLOW_USERS"]
    is_listed = is_listed or (by_app and name.endswith("-ci"))
    return why_not or (Standing.ALLOWED if is_listed else Standing.NOT_LISTED)


@pytest.mark.parametrize("by_app", [False, True])
async def test_every_combination_of_switches_lets_in_whom_it_names(
    box: Sandbox, store: Store, environ: dict[str, str], *, by_app: bool
) -> None:
    """A switch opens one door only; a channel that is not listed closes all.

    The same rules hold for people who post through an app; of bots, only the app must be listed.
    """
    people = people_of(box, store)
    for on in every_combination():
        allow = Permissions(settings_with(environ, on), people)
        for name, user in PEOPLE.items():
            of, home = (PARTNER, THEIRS) if name in {"eve", "partner-ci"} else (BOT, OURS)
            through = ((*of[:2], user), home) if by_app else ()
            for here in (True, False):
                standing = await allow.of(user, GENERAL if here else "C0SECRETS0", *through)
                right = expected(name, on, here=here, by_app=by_app)
                assert standing is right, (name, sorted(on), here)


def test_every_setting_that_says_who_may_is_among_the_combinations() -> None:
    """Whatever its name, `Permissions` reads it. The lists for one act have tests of their own."""
    read = re.findall(r"\b(?:allow|settings|_settings)\.(\w+)", inspect.getsource(Permissions))
    named = {one.upper() for one in Settings.model_fields if one in read or one[:6] == "allow_"}
    named -= {"ALLOW_STARTERS", "ALLOW_APPROVERS", "ALLOW_INSECURE_REDIS"}
    assert named == SWITCHES.keys()


OURS, THEIRS = "T0SANDBOX", "T0OTHER"
BOT = ("B0BOLTCI00", "A0BOLTCI00", PEOPLE["bolt-ci"])
PARTNER = ("B0PARTNER0", "A0BOLTCI00", PEOPLE["partner-ci"])
"""The ids of a post by the relay's installation of an app, and by another organization's."""


def posting(who: str, *, of: tuple[str, ...] = BOT) -> tuple[str, ...]:
    """The ids of an app's post with a person's own token."""
    return (*of[:2], PEOPLE[who])


@pytest.mark.parametrize(
    ("listed", "bots", "home", "standing"),
    [
        *((one, BOT, OURS, Standing.ALLOWED) for one in BOT),
        ("B1 A1 U1", BOT, OURS, Standing.BOT),
        ("", BOT, OURS, Standing.BOT),
        # An app's id is the same in every workspace.
        *((one, PARTNER, THEIRS, Standing.EXTERNAL) for one in PARTNER),
        ("A0BOLTCI00", PARTNER, "", Standing.EXTERNAL),
        ("A0BOLTCI00", PARTNER, OURS, Standing.EXTERNAL),
        ("A0BOLTCI00", BOT, THEIRS, Standing.EXTERNAL),
        ("A0BOLTCI00", BOT, "", Standing.ALLOWED),
        # Without a user behind it: a webhook.
        ("B0LEGACY00", ("B0LEGACY00",), "", Standing.ALLOWED),
        ("B0LEGACY00", ("B0LEGACY00",), OURS, Standing.ALLOWED),
        ("B0LEGACY00", ("B0LEGACY00",), THEIRS, Standing.EXTERNAL),
        ("A0BOLTCI00", BOT[:2], "", Standing.BOT),
        ("A0BOLTCI00 B0BOLTCI00", BOT[:2], "", Standing.ALLOWED),
        ("A0BOLTCI00", BOT[:2], OURS, Standing.ALLOWED),
        # A post with a person's token counts as that person's.
        ("A0BOLTCI00", posting("ada"), OURS, Standing.ALLOWED),
        ("A0BOLTCI00", posting("gus"), OURS, Standing.GUEST),
        ("A0BOLTCI00", posting("eve", of=PARTNER), THEIRS, Standing.EXTERNAL),
        ("A0BOLTCI00", posting("eve"), OURS, Standing.EXTERNAL),
        ("A0BOLTCI00", posting("nobody"), OURS, Standing.UNKNOWN),
        ("B1", posting("ada"), OURS, Standing.BOT),
    ],
)
async def test_a_bot_is_allowed_by_its_ids_where_it_is_at_home(
    box: Sandbox, store: Store, environ: dict[str, str], listed: str, bots: tuple[str, ...],
    home: str, standing: Standing,
) -> None:  # fmt: skip
    """An entry of `ALLOW_BOTS` means a bot of this workspace, not the people who use it."""
    allow = Permissions(
        load_settings({**environ, "ALLOW_BOTS": listed}, None), people_of(box, store)
    )
    author = UserId(bots[-1] if bots[-1].startswith("U") else bots[0])
    assert await allow.of(author, GENERAL, bots, home) is standing


async def test_an_app_that_posts_for_nobody_needs_no_home_where_outsiders_may(
    box: Sandbox, store: Store, environ: dict[str, str]
) -> None:
    """Otherwise its id alone could be that of another organization's installation."""
    settings = settings_with(environ, frozenset({"ALLOW_BOTS", "ALLOW_EXTERNAL"}))
    allow = Permissions(settings, people_of(box, store))
    assert await allow.of(UserId(PARTNER[0]), GENERAL, PARTNER[:2]) is Standing.ALLOWED


async def test_a_bot_that_is_not_listed_costs_no_look_up(
    box: Sandbox, store: Store, environ: dict[str, str]
) -> None:
    """A bot of another workspace costs none, either: bots may write a lot.

    In an organization it costs the list of its workspaces, which is kept.
    """
    allow = Permissions(
        load_settings({**environ, "ALLOW_BOTS": BOT[1]}, None), people_of(box, store)
    )
    calls = len(box.slack.calls)
    assert await allow.of(PEOPLE["ada"], GENERAL, ("B1", "A1", PEOPLE["ada"])) is Standing.BOT
    assert await allow.of(UserId(PARTNER[2]), GENERAL, PARTNER, THEIRS) is Standing.EXTERNAL
    made = [one.method for one in box.slack.calls[calls:]]
    assert made == ([] if box.slack.workspace.org is None else ["auth.teams.list"])


async def test_people_are_not_listed_as_bots(
    box: Sandbox, store: Store, environ: dict[str, str]
) -> None:
    """`ALLOW_USERS` does not let a bot in, and `ALLOW_BOTS` lets no guest in."""
    lists = {"ALLOW_USERS": PEOPLE["bolt-ci"], "ALLOW_BOTS": PEOPLE["gus"]}
    allow = Permissions(load_settings({**environ, **lists}, None), people_of(box, store))
    assert await allow.of(PEOPLE["bolt-ci"], GENERAL) is Standing.BOT
    assert await allow.of(PEOPLE["gus"], GENERAL) is Standing.GUEST


async def test_a_workflow_that_acts_for_nobody_is_not_a_person(
    box: Sandbox, store: Store, environ: dict[str, str]
) -> None:
    """Its message may go where the operator allows it; people's actions are not open to it."""
    allow = Permissions(load_settings(environ, None), people_of(box, store))
    assert await allow.may(Act.MESSAGE, WORKFLOW, GENERAL) is Standing.ALLOWED
    assert await allow.of(WORKFLOW, GENERAL) is Standing.UNKNOWN


GROUP = "S0ONCALL00"
ADA, BEN = PEOPLE["ada"], UserId("U0BEN00000")


@pytest.mark.parametrize("listed", [ADA, GROUP, f"S0NOBODY00 {GROUP}"])
async def test_some_acts_are_left_to_listed_people_and_groups(
    box: Sandbox, store: Store, environ: dict[str, str], listed: str
) -> None:
    """Each act has its list; a group that Slack doesn't know is empty, and a step is on none."""
    box.slack.workspace.usergroups["oncall"].users = [ADA]
    lists = {"ALLOW_STARTERS": listed, "ALLOW_CHANNELS": GENERAL}
    people = people_of(box, store, timing=replace(BRISK, look_up_pause=3600.0))
    allow = Permissions(load_settings({**environ, **lists}, None), people)
    for channel in (GENERAL, None):
        assert await allow.may(Act.START, ADA, channel) is Standing.ALLOWED
        assert await allow.may(Act.START, BEN, channel) is Standing.NOT_STARTER
        assert await allow.may(Act.START, WORKFLOW, channel) is Standing.NOT_STARTER
    for act in (Act.MESSAGE, Act.APPROVE):
        assert await allow.may(act, BEN, GENERAL) is Standing.ALLOWED
        assert await allow.may(act, WORKFLOW, GENERAL) is Standing.ALLOWED
    assert await allow.may(Act.START, ADA, "C0SECRETS0") is Standing.CHANNEL
    asked = [one.params for one in box.slack.calls if one.method == "usergroups.users.list"]
    once = {(one["usergroup"], one.get("team_id")) for one in asked}
    assert len(asked) == len(once), "each group is asked for once, in each workspace"


async def test_a_list_for_an_act_lets_nobody_in(
    box: Sandbox, store: Store, environ: dict[str, str]
) -> None:
    """Who may not message Devin may do nothing else."""
    lists = {"ALLOW_STARTERS": f"{GROUP} {BEN}", "ALLOW_APPROVERS": GROUP, "ALLOW_USERS": BEN}
    box.slack.workspace.usergroups["oncall"].users = list(PEOPLE.values())
    allow = Permissions(load_settings({**environ, **lists}, None), people_of(box, store))
    for act in Act:
        assert await allow.may(act, PEOPLE["gus"], GENERAL) is Standing.GUEST
        assert await allow.may(act, PEOPLE["eve"], GENERAL) is Standing.EXTERNAL
        assert await allow.may(act, ADA, GENERAL) is Standing.NOT_LISTED
    assert await allow.may(Act.START, BEN, GENERAL) is Standing.ALLOWED
    assert await allow.may(Act.APPROVE, BEN, GENERAL) is Standing.NOT_APPROVER


async def test_a_group_that_cannot_be_asked_for_decides_nothing(
    box: Sandbox, store: Store, environ: dict[str, str]
) -> None:
    """Unless another entry of the list says yes."""
    allow = Permissions(
        load_settings({**environ, "ALLOW_STARTERS": f"{GROUP} {ADA}"}, None), people_of(box, store)
    )
    box.slack.fail_next("usergroups.users.list", status=500, times=2)
    assert await allow.may(Act.START, ADA, GENERAL) is Standing.ALLOWED
    with pytest.raises(NotIdentified, match=r"^usergroups\.users\.list: "):
        await allow.may(Act.START, BEN, GENERAL)


def settings_with(environ: dict[str, str], on: frozenset[str]) -> Settings:
    """Return the settings of an operator who turned these switches on."""
    return load_settings({**environ, **{name: SWITCHES[name] for name in on}}, None)


@pytest.mark.parametrize(
    ("user", "channel", "changes", "standing"),
    [
        ("gus", "general", {}, Standing.GUEST),
        ("eve", "shared", {}, Standing.EXTERNAL),
        ("ada", "secrets", {"ALLOW_CHANNELS": GENERAL}, Standing.CHANNEL),
    ],
    ids=["guest", "external", "channel"],
)
async def test_who_may_not_is_told_once_in_a_thread_and_of_each_mention(
    environ: dict[str, str],
    desk: Desk,
    user: str,
    channel: str,
    changes: dict[str, str],
    standing: Standing,
) -> None:
    """The reason comes privately, once for all replies in a thread; nothing goes to Devin."""
    threads = await linked_before(desk, environ, channel)
    async with running(desk, environ, **changes):
        for thread in threads:
            await desk.reply("Delete it all", thread, user=user, channel=channel)
            await desk.mention("delete it all", thread=thread, user=user, channel=channel)
            await desk.reply("Please?", thread, user=user, channel=channel)
        await desk.until_heard()
        await desk.mention("status", thread=threads[0], user=user, channel=channel)
        await desk.until_heard()
        await wait_until(
            lambda: len(desk.whispers(user, channel=channel)) == 2 * len(threads) + 1, "all told"
        )
    whispers = desk.slack.ephemerals(channel)
    assert sorted(one.thread_ts or "" for one in whispers) == sorted(
        [*threads, *threads, threads[0]]
    )
    told = refusals.sorry(NotAllowed(standing)).text
    assert [one.text for one in whispers] == [told] * len(whispers)
    assert not any(desk.said(thread, channel=channel) for thread in threads)
    assert desk.devin.requests == []


async def linked_before(desk: Desk, environ: dict[str, str], channel: str) -> list[str]:
    """Link two threads while every member may steer Devin."""
    async with running(desk, environ):
        threads = [await desk.linked_thread(channel=channel) for _ in range(2)]
        await desk.until_heard()
    return threads


async def test_whom_the_operator_allows_is_read(environ: dict[str, str], desk: Desk) -> None:
    """A guest's reply reaches Devin where guests may."""
    async with running(desk, environ, ALLOW_GUESTS="true"):
        thread = await desk.linked_thread()
        await desk.until_delivered(await desk.reply("Please rebase", thread, user="gus"))
    assert len(desk.received()) == 1
    assert desk.whispers("gus") == []


FAILED: dict[str, dict[str, Any]] = {
    "rate_limited": {"retry_after": 1},
    "timeout": {"delay": 9.0},
    "token_revoked": {"error": "token_revoked"},
}


@pytest.mark.times(look_up_seconds=1.0)
@pytest.mark.parametrize("failure", FAILED.values(), ids=FAILED.keys())
async def test_a_look_up_that_failed_says_nothing_about_anybody(
    bot: Bot, desk: Desk, failure: dict[str, Any]
) -> None:
    """Slack is not acknowledged and retries the reply; its author is told nothing."""
    thread = await desk.linked_thread()
    desk.slack.fail_next("users.info", times=ALWAYS, **failure)
    ts = await desk.reply("Rebase, please", thread, user="ben")
    delivery = desk.slack.deliveries[-1]
    await wait_until(lambda: delivery.attempts > 1, "Slack brings it again")
    assert desk.received() == []
    desk.slack.fail_no_more()

    async def is_taken() -> bool:
        return (await (await desk.slack.redeliver(delivery)).settled()).acked

    await wait_until(is_taken, "it is taken once Slack says who ben is")
    await desk.until_delivered(ts)
    assert len(desk.received()) == 1
    assert desk.whispers("ben") == []


async def test_the_log_names_a_reply_whose_event_is_not_acknowledged(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody who looks for it finds why it is not there yet."""
    thread = await desk.linked_thread()
    desk.slack.fail_next("users.info", status=500, times=ALWAYS)
    ts = await desk.reply("Rebase, please", thread, user="ben")
    reply = reply_id(desk.slack.team_id, desk.slack.workspace.channel("general").id, ts)

    def named() -> set[str]:
        refused = (one for one in caplog.records if one.getMessage() == "not acknowledged")
        return {vars(one)["reply_id"] for one in refused}

    await wait_until(lambda: named() == {reply}, "it is named")


async def test_a_reply_waits_for_one_before_it_whose_author_is_looked_up(
    bot: Bot, desk: Desk
) -> None:
    """Slack does not identify Ben; Ada, who is known, still comes after him."""
    thread = await desk.linked_thread()
    desk.slack.fail_next("users.info", status=503, delay=0.5, times=ALWAYS)
    before = len(desk.slack.calls)
    await desk.reply("first", thread, user="ben")
    await wait_until(
        lambda: "users.info" in [one.method for one in desk.slack.calls[before:]], "it is in line"
    )
    await desk.reply("second", thread)
    first, second = desk.slack.deliveries[-2:]
    await second.settled()
    assert (first.acked, second.acked) == (False, True)
    desk.slack.fail_no_more()
    await desk.until_received("second")
    assert [one.rpartition("\n")[2] for one in desk.received()] == ["first", "second"]


async def test_authors_of_a_thread_are_looked_up_beside_each_other(bot: Bot, desk: Desk) -> None:
    """Their replies are accepted in order, no matter whose look-up ends first."""
    thread = await desk.linked_thread()
    over = asyncio.Event()
    desk.slack.fail_next("users.info", until=over)
    before = len(desk.slack.calls)
    for text, user in (("first", "ben"), ("second", "ben"), ("third", "gus"), ("last", "ada")):
        await desk.reply(text, thread, user=user)

    def looked_up() -> int:
        return sum(call.method == "users.info" for call in desk.slack.calls[before:])

    await wait_until(lambda: looked_up() == 2, "both are asked for at once")
    over.set()
    await desk.until_received("last")
    await desk.until_whispered(GUEST, "gus")
    texts = [one.rpartition("\n")[2] for one in desk.received()]
    assert texts == ["first", "second", "last"]


async def test_whom_slack_does_not_name_may_not(bot: Bot, desk: Desk) -> None:
    """A refusal by Slack is an answer: the author of a refused reply is told, once per reply."""
    thread = await desk.linked_thread()
    desk.slack.fail_next("users.info", times=4, error="user_not_found")
    await desk.mention("rebase", thread=thread, user="ben")
    await desk.until_whispered(NOT_IDENTIFIED, "ben")
    await desk.reply("Rebase, please", thread, user="ben")
    await wait_until(lambda: len(desk.whispers("ben")) == 2, "both replies are told")
    assert await desk.fence(thread) == []
    assert len(desk.whispers("ben")) == 2


@pytest.mark.parametrize("kind", ["unlinked", "muted", "unlinked_since"])
async def test_where_nothing_goes_to_devin_a_failed_look_up_refuses_nothing(
    bot: Bot, desk: Desk, kind: str
) -> None:
    """People just talk there, and nobody asked who they are."""
    thread = await desk.slack.say("Shall we ship it?")
    if kind != "unlinked":
        thread = await desk.linked_thread()
        await desk.until_delivered(await desk.reply("Now", thread))
        unlinked = thread_links.unlinked(desk.named())
        verb, told = ("mute", muted()) if kind == "muted" else ("unlink", unlinked)
        await desk.mention(verb, thread=thread)
        await desk.until_said(told, thread)
    desk.slack.fail_next("users.info", status=500, times=ALWAYS)
    await desk.reply("Between us", thread, user="ben")
    await desk.reply(f"Like https://app.devin.ai/sessions/{'0' * 32}?", thread, user="ben")
    await desk.until_heard()
    assert [one for one in desk.received() if "Now" not in one] == []


async def test_a_command_whose_author_slack_does_not_tell_is_answered_at_once(
    bot: Bot, desk: Desk
) -> None:
    """Slack's retries change nothing then: they were asked to try again, and may have."""
    thread = await desk.linked_thread()
    desk.slack.fail_next("users.info", status=503, times=ALWAYS)
    await desk.mention("unlink", thread=thread, user="ben")
    of_it = desk.slack.deliveries[-2:]
    await desk.until_whispered(NOT_IDENTIFIED, "ben")
    desk.slack.fail_no_more()
    for one in of_it:
        await one.settled()
        assert (await (await desk.slack.redeliver(one)).settled()).acked
    assert await desk.fence(thread) == []
    assert len(desk.whispers("ben")) == 1


async def test_a_reply_whose_author_slack_does_not_tell_for_long_is_told_to_wait(
    bot: Bot, desk: Desk
) -> None:
    """It is passed on once Slack does, and until then its author knows why nothing happens."""
    thread = await desk.linked_thread()
    desk.slack.fail_next("users.info", status=503, times=ALWAYS)
    ts = await desk.reply("Please rebase", thread, user="ben")
    delivery = desk.slack.deliveries[-1]
    await wait_until(lambda: delivery.attempts > 1, "Slack brings it again")
    assert desk.whispers("ben") == []
    desk.slack.workspace.clock.ahead += 30.0
    await desk.reply("And me", thread, user="ada")
    await desk.until_whispered(refusals.UNCHECKED, "ben")
    desk.slack.fail_no_more()
    await desk.until_delivered(ts)


@pytest.mark.parametrize(
    "limits", [{"GIVE_UP_AFTER": "40s"}, {"CATCH_UP": "45s"}, {"CATCH_UP": "0"}], ids=str
)
async def test_a_reply_whose_author_slack_never_tells_is_given_up(
    environ: dict[str, str], desk: Desk, limits: dict[str, str]
) -> None:
    """Its author is told once that it wasn't sent, and from then on only a person sends it."""
    thread_ref = ThreadRef(team=desk.slack.team_id, channel=GENERAL, thread_ts="1.000001")
    reply = Reply(thread=thread_ref, ts="1.000002", author=PEOPLE["ada"], text="Please rebase")
    waits = [refusals.UNCHECKED] if limits.get("CATCH_UP") != "0" else []
    told = [*waits, refusals.never_checked(reply)]
    async with running(desk, environ, **limits):
        thread = await desk.linked_thread()
        desk.slack.fail_next("users.info", status=503, times=ALWAYS)
        ts = await desk.reply("Please rebase", thread, user="ben")
        delivery = desk.slack.deliveries[-1]
        await wait_until(lambda: delivery.attempts > 1, "Slack brings it again")
        for words in told:
            desk.slack.workspace.clock.ahead += 30.0
            await desk.reply("And me", thread)
            await desk.slack.redeliver(delivery)
            await desk.until_whispered(words, "ben")
        desk.slack.fail_no_more()
        assert (await (await desk.slack.redeliver(delivery)).settled()).acked
        assert not any("rebase" in one for one in await desk.fence(thread))
        assert desk.whispers("ben") == [one.text for one in told]
    async with running(desk, environ):  # which reads all threads
        assert not any("rebase" in one for one in await desk.fence(thread))
        await shortcuts.run(desk, shortcuts.SEND, ts, user="ben")
        await desk.until_delivered(ts)


async def test_a_deactivated_person_may_not(bot: Bot, desk: Desk) -> None:
    """Posts of a deactivated account, by an integration for instance, are not relayed."""
    thread = await desk.linked_thread()
    desk.slack.workspace.user("ben").deleted = True
    await desk.reply("Still here", thread, user="ben")
    await desk.until_whispered(NOT_IDENTIFIED, "ben")
    assert await desk.fence(thread) == []


async def test_a_turned_away_person_cannot_command(bot: Bot, desk: Desk) -> None:
    """Guests link, unlink and mute nothing, and get no status; they are told so each time."""
    thread = await desk.linked_thread()
    commands = ("unlink", "mute", "status", "help", f"link devin-{'0' * 32}")
    for words in commands:
        await desk.mention(words, thread=thread, user="gus")
    await desk.until_heard()
    await desk.until_whispered(GUEST, "gus")
    assert "ada" in await desk.answer("status", thread, session_link(desk.named()))
    assert len(desk.said(thread)) == 1
    await wait_until(lambda: len(desk.whispers("gus")) == len(commands), "each is answered")
