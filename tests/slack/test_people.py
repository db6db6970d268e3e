"""People's roles are looked up in Slack over a real socket: rarely, and never taken on trust."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import count, product
from typing import Any

import pytest
from aiohttp import web

from bot.model.errors import NotIdentified
from bot.model.people import Person, Standing, UserId
from bot.redis.connection import Store
from bot.settings import load_settings
from bot.slack.api import SlackClient
from bot.slack.lookups import LookupParts
from bot.slack.people import GUEST_FLAGS, HOME, People
from bot.slack.permissions import Permissions
from bot.text.mrkdwn import Mention
from sandbox import Sandbox
from sandbox.slack.world.workspace import User
from tests.slack.test_permissions import GENERAL, every_combination, settings_with
from tests.support.bots import BRISK
from tests.support.known import channels_of, people_of
from tests.support.slack_apps import serving, web_client
from tests.support.waiting import wait_until

TEAM = "T0SANDBOX"
ADA = UserId("U0ADA00000")
BEN = UserId("U0BEN00000")
ALWAYS = 100_000
UTC = "Etc/UTC"


@pytest.fixture
def people(box: Sandbox, store: Store) -> People:
    """The people of the sandbox's Slack."""
    return people_of(box, store)


def asked(box: Sandbox, method: str) -> list[dict[str, Any]]:
    """Return the parameters of each call of a method."""
    return [one.params for one in box.slack.calls if one.method == method]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("ada", Person(id=ADA, name="ada", zone=UTC)),
        ("ben", Person(id=BEN, name="Ben Franklin", zone=UTC)),
        ("gus", Person(id=UserId("U0GUS00000"), name="gus", is_guest=True, zone=UTC)),
        ("una", Person(id=UserId("U0UNA00000"), name="una", is_guest=True, zone=UTC)),
        ("eve", Person(id=UserId("U0EVE00000"), name="eve", is_external=True, zone=UTC)),
        ("bolt-ci", Person(id=UserId("U0BOLTCI00"), name="Bolt CI", is_bot=True, zone=UTC)),
    ],
)
async def test_everybody_is_told_apart(
    box: Sandbox, people: People, user: str, expected: Person
) -> None:
    """Members, both kinds of guests, people from outside, and bots differ."""
    found = await people.person(UserId(box.slack.workspace.user(user).id))
    assert replace(found, teams=None) == expected


async def test_many_who_ask_at_once_ask_one_question(box: Sandbox, people: People) -> None:
    """A burst of one person's replies makes one call, and different people do not wait in line."""
    over = asyncio.Event()
    box.slack.fail_next("users.info", until=over, times=2)
    asking = [asyncio.create_task(people.person(who)) for who in [ADA, BEN] * 50]
    await wait_until(lambda: len(box.slack.calls) == 2, "both are asked for")
    assert not any(one.done() for one in asking)
    over.set()
    assert {one.name for one in await asyncio.gather(*asking)} == {"ada", "Ben Franklin"}
    assert len(asked(box, "users.info")) == 2


async def test_whoever_stops_waiting_leaves_the_question_to_the_others(
    box: Sandbox, people: People
) -> None:
    """A canceled request does not take the answer away from the others."""
    over = asyncio.Event()
    box.slack.fail_next("users.info", until=over)
    first, second = (asyncio.create_task(people.person(ADA)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    over.set()
    assert (await second).name == "ada"
    with pytest.raises(asyncio.CancelledError):
        await first
    assert len(asked(box, "users.info")) == 1


async def test_a_single_failure_is_asked_again_at_once(box: Sandbox, people: People) -> None:
    """A passing error in Slack does not turn a member into a stranger."""
    box.slack.fail_next("users.info", status=503)
    assert (await people.person(ADA)).is_known
    assert len(asked(box, "users.info")) == 2


@pytest.mark.parametrize(
    ("failure", "calls"),
    [({"status": 500}, 2), ({"error": "fatal_error"}, 2), ({"retry_after": 30}, 1)],
    ids=["server_error", "fatal_error", "rate_limited"],
)
async def test_a_failure_is_kept_for_a_moment(
    box: Sandbox, people: People, failure: dict[str, Any], calls: int
) -> None:
    """Slack is asked twice at most, never before `Retry-After`, and not again for each reply."""
    box.slack.fail_next("users.info", times=9, **failure)
    for _ in range(5):
        with pytest.raises(NotIdentified):
            await people.person(ADA)
    assert len(asked(box, "users.info")) == calls


async def test_what_slack_refuses_is_an_answer(box: Sandbox, people: People) -> None:
    """It is asked once: nobody has that id."""
    box.slack.fail_next("users.info", times=9, error="user_not_found")
    for _ in range(5):
        assert await people.person(ADA) == Person.unknown(ADA)
    assert len(asked(box, "users.info")) == 1


async def test_nobody_is_asked_for_before_retry_after(box: Sandbox, people: People) -> None:
    """The limit applies to the method, whoever the call is about; after it Slack is asked."""
    box.slack.fail_next("users.info", retry_after=1)
    for who in (ADA, BEN):
        with pytest.raises(NotIdentified):
            await people.person(who)
    assert [one["user"] for one in asked(box, "users.info")] == [ADA]

    async def is_known() -> bool:
        try:
            return (await people.person(BEN)).is_known
        except NotIdentified:
            return False

    await wait_until(is_known, "ben is asked for")
    first, second = [one.at for one in box.slack.calls if one.method == "users.info"]
    assert second - first >= 1


async def test_a_slack_that_hangs_is_asked_twice_and_given_up(box: Sandbox, store: Store) -> None:
    """The two tries fit into Slack's 3 s for an acknowledgement."""
    people = people_of(box, store, timing=replace(BRISK, look_up_seconds=0.1))
    over = asyncio.Event()
    box.slack.fail_next("users.info", until=over, times=ALWAYS)
    with pytest.raises(NotIdentified):
        await people.person(ADA)
    over.set()


@pytest.mark.parametrize("text", ["", "rm -rf /", "Grüße", "U" * 33, "U1\nada", "U0/../x"])
async def test_what_is_no_id_is_neither_asked_for_nor_logged(
    box: Sandbox, people: People, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    """Somebody may have put text in place of an id."""
    assert await people.person(UserId(text)) == Person.unknown(UserId(text))
    assert not asked(box, "users.info")
    assert caplog.records == []


async def test_names_of_what_a_text_mentions(box: Sandbox, people: People) -> None:
    """All groups of a workspace come with one call; names that Slack does not tell are left out."""
    told = {
        ("user", ADA): "ada",
        ("channel", "C0RANDOM00"): "random",
        ("usergroup", "S0ONCALL00"): "oncall",
    }
    untold = {("user", "U0NOBODY00"), ("usergroup", "S0NOBODY00")}
    untold |= {("channel", "C0NOWHERE0"), ("channel", "D0ADADM000")}
    for _ in range(2):
        assert await people.names(frozenset(untold | told.keys())) == told
    lists = asked(box, "usergroups.list")
    assert len(lists) == len({one.get("team_id") for one in lists})
    assert len(asked(box, "conversations.info")) == 3


async def test_groups_that_cannot_be_read_are_left_out(box: Sandbox, people: People) -> None:
    """An app without `usergroups:read` still relays."""
    box.slack.scopes = [one for one in box.slack.scopes if one != "usergroups:read"]
    assert await people.names(frozenset({("usergroup", "S0ONCALL00")})) == {}


def many(number: int, first: int = 0) -> frozenset[Mention]:
    """Return mentions of that many people who have not been looked up."""
    return frozenset(("user", f"U0MANY{one:04d}") for one in range(first, first + number))


def join(box: Sandbox, number: int) -> None:
    """Add that many of them to the workspace."""
    for _, user in many(number):
        box.slack.workspace.add_user(User(f"n{user[-4:]}", id=user, display_name=f"n{user[-4:]}"))


async def test_of_many_names_only_some_are_asked_for(box: Sandbox, people: People) -> None:
    """Fifty are looked up for one text; the others stay ids."""
    join(box, 2_000)
    names = await people.names(many(2_000))
    assert len(names) == len(asked(box, "users.info")) == 50


async def test_names_never_use_up_what_decisions_need(box: Sandbox, people: People) -> None:
    """No matter how many texts there are, half of Slack's limit per minute is left."""
    join(box, 200)
    for number in range(4):
        await people.names(many(50, 50 * number))
    assert len(asked(box, "users.info")) == 50
    assert (await people.person(BEN)).name == "Ben Franklin"


async def test_names_that_take_too_long_stay_ids(box: Sandbox, store: Store) -> None:
    """Known names are used all the same, and nobody waits for a Slack that hangs."""
    people = people_of(box, store, timing=replace(BRISK, names_seconds=0.2))
    assert (await people.person(ADA)).is_known
    over = asyncio.Event()
    for method in ("users.info", "conversations.info", "usergroups.list"):
        box.slack.fail_next(method, until=over, times=ALWAYS)
    others = {("user", ADA), ("channel", "C0RANDOM00"), ("usergroup", "S0ONCALL00")}
    assert await people.names(many(40) | others) == {("user", ADA): "ada"}
    over.set()


async def test_a_decision_about_somebody_who_is_just_named_gets_its_answer(
    box: Sandbox, people: People
) -> None:
    """There is one look-up, even if the caller that wanted the name has given up."""
    over = asyncio.Event()
    box.slack.fail_next("users.info", until=over)
    naming = asyncio.create_task(people.name(ADA))
    await wait_until(lambda: box.slack.calls, "ada is asked for")
    deciding = asyncio.create_task(people.person(ADA))
    await asyncio.sleep(0.05)
    naming.cancel()
    over.set()
    assert (await deciding).is_known
    assert len(asked(box, "users.info")) == 1


# Cases that the sandbox's workspace lacks: Enterprise Grid, and incomplete answers.


Answering = Callable[..., AbstractAsyncContextManager[People]]


@pytest.fixture
def answering(store: Store) -> Answering:
    """People whom Slack describes as the first argument, in an organization that may be named."""
    teams = count()

    @asynccontextmanager
    async def opened(user: Any, enterprise: str | None = None) -> AsyncIterator[People]:
        async def info(_: web.Request) -> web.Response:
            return web.json_response({"ok": True, "user": user})

        app = web.Application()
        app.router.add_route("*", "/api/users.info", info)
        async with serving(app) as url:
            client = SlackClient(token="xoxb-x", base_url=f"{url}/api/")
            source = LookupParts(client, store.of(f"{TEAM}{next(teams)}"), BRISK)
            channels = channels_of(client, source.store)
            yield People(source, channels.lookup, TEAM, enterprise)

    return opened


def member(**changes: Any) -> dict[str, Any]:
    """Return the user object of a full member; `changes` replaces fields, and None removes one."""
    user = {
        "id": ADA,
        "team_id": TEAM,
        "name": "ada",
        "deleted": False,
        "is_bot": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
    }
    return {key: value for key, value in {**user, **changes}.items() if value is not None}


def allowing(people: People, environ: dict[str, str], **changes: str) -> Permissions:
    """Return the rules of an operator who changed these settings."""
    return Permissions(load_settings({**environ, **changes}, None), people)


NOBODY: list[Any] = [{}, None, [], "ada"]
NOT_WHOLE: list[Any] = [
    member(team_id=None),
    member(team_id=""),
    member(is_restricted=None),
    member(is_ultra_restricted=None),
    member(is_restricted="no"),
    member(is_restricted=0),
    member(deleted=True),
    *NOBODY,
]


@pytest.mark.parametrize("user", NOT_WHOLE, ids=repr)
async def test_who_is_not_wholly_described_may_not(
    answering: Answering, user: Any, environ: dict[str, str]
) -> None:
    """A missing flag is not `false`: it could be the one that marks a guest."""
    async with answering(user) as people:
        assert await allowing(people, environ).of(ADA, "C1") is Standing.UNKNOWN


GUESTS, ANYONE = {"ALLOW_GUESTS": "true"}, {"ALLOW_GUESTS": "true", "ALLOW_EXTERNAL": "true"}
NO_FLAGS: dict[str, Any] = {"is_restricted": None, "is_ultra_restricted": None}


@pytest.mark.parametrize(
    ("user", "changes", "standing"),
    [
        (member(), {}, Standing.ALLOWED),
        (member(**NO_FLAGS), GUESTS, Standing.ALLOWED),
        (member(is_ultra_restricted=None), GUESTS, Standing.ALLOWED),
        (member(**NO_FLAGS, team_id=None), GUESTS, Standing.UNKNOWN),
        (member(**NO_FLAGS, team_id=None), ANYONE, Standing.ALLOWED),
        (member(team_id=None), {"ALLOW_EXTERNAL": "true"}, Standing.ALLOWED),
        # Without a home it might be a guest of this workspace.
        (member(**NO_FLAGS, team_id=None), {"ALLOW_EXTERNAL": "true"}, Standing.UNKNOWN),
        (member(is_restricted=True, team_id=None), {"ALLOW_EXTERNAL": "true"}, Standing.GUEST),
        (member(**NO_FLAGS, team_id="T2"), {}, Standing.EXTERNAL),
        (member(**NO_FLAGS, team_id="T2"), {"ALLOW_EXTERNAL": "true"}, Standing.ALLOWED),
        (member(**NO_FLAGS, is_bot=True), {"ALLOW_BOTS": ADA}, Standing.ALLOWED),
        (member(deleted=True), ANYONE, Standing.UNKNOWN),
        *((user, ANYONE, Standing.UNKNOWN) for user in NOBODY),
    ],
    ids=repr,
)
async def test_what_the_settings_make_irrelevant_slack_need_not_say(
    answering: Answering,
    user: Any,
    changes: dict[str, str],
    standing: Standing,
    environ: dict[str, str],
) -> None:
    """Guests are recognized by their flags, outsiders by their home."""
    async with answering(user) as people:
        assert await allowing(people, environ, **changes).of(ADA, "C1") is standing


@pytest.mark.parametrize("field", [*sorted(GUEST_FLAGS), HOME])
async def test_what_slack_leaves_out_lets_in_nobody_whom_it_might_keep_out(
    answering: Answering, environ: dict[str, str], field: str
) -> None:
    """With each combination of settings, a rule that looks at a field needs to know it."""
    values = (TEAM, "T2") if field == HOME else (True, False)
    async with AsyncExitStack() as stack:
        users = [member(**{field: value}) for value in (None, *values)]
        left_out, *told = [await stack.enter_async_context(answering(one)) for one in users]
        for on, channel in product(every_combination(), (GENERAL, "C0SECRETS0")):
            settings = settings_with(environ, on)
            if await Permissions(settings, left_out).of(ADA, channel) is Standing.ALLOWED:
                standings = [await Permissions(settings, one).of(ADA, channel) for one in told]
                assert set(standings) == {Standing.ALLOWED}, sorted(on)


async def test_slackbot_is_a_bot(answering: Answering, environ: dict[str, str]) -> None:
    """Slack describes it as a person; reminders and automatic answers are not for Devin."""
    slackbot = UserId("USLACKBOT")
    async with answering(member(id=slackbot, name="slackbot")) as people:
        assert await allowing(people, environ).of(slackbot, "C1") is Standing.BOT
        assert not (await people.person(slackbot)).is_full_member
    async with answering(member(id=slackbot)) as people:
        listed = allowing(people, environ, ALLOW_BOTS=slackbot)
        assert await listed.of(slackbot, "C1") is Standing.ALLOWED


async def test_what_slack_leaves_out_is_named_in_the_log_once(
    answering: Answering, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise nobody could tell why everybody is turned away."""
    async with answering(member(**NO_FLAGS)) as people:
        rules = allowing(people, environ)
        for who in (ADA, BEN, ADA):
            assert await rules.of(who, "C1") is Standing.UNKNOWN
    (record,) = [one for one in caplog.records if one.getMessage() == "look-up incomplete"]
    assert record.levelname == "WARNING"
    assert vars(record)["missing"] == "is_restricted, is_ultra_restricted"


async def test_nothing_is_missed_where_it_would_not_matter(
    answering: Answering, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """There is no warning that could be ignored."""
    async with answering(member(**NO_FLAGS)) as people:
        await allowing(people, environ, **GUESTS).of(ADA, "C1")
    async with answering(member(**NO_FLAGS, team_id="T2")) as people:
        await allowing(people, environ).of(ADA, "C1")
    assert "look-up incomplete" not in caplog.messages


async def test_who_is_not_wholly_described_sees_no_channel_without_being_in_it(
    answering: Answering, box: Sandbox, store: Store
) -> None:
    """This holds even if the operator lets guests in: the person might be one."""
    async with answering(member(**NO_FLAGS, id="U0CID")) as people:
        person = await people.person(UserId("U0CID"))
    assert not await channels_of(web_client(box.slack), store).includes(person, "C0GENERAL0")


@pytest.mark.parametrize(
    ("user", "ours", "is_external"),
    [
        (member(), None, False),
        (member(team_id="T2"), None, True),
        (member(team_id="T2", is_stranger=False), None, True),
        (member(team_id="T2", enterprise_user={"enterprise_id": "E1"}), "E1", False),
        (member(team_id="T2", enterprise_user={"enterprise_id": "E2"}), "E1", True),
        (member(team_id="T2", enterprise_user={"enterprise_id": "E1"}), None, True),
        (member(team_id="T2", enterprise_user={}), "E1", True),
        (member(team_id=None, enterprise_user={"enterprise_id": "E1"}), "E1", False),
        (member(team_id=None, enterprise_user={"enterprise_id": "E2"}), "E1", True),
        (member(team_id="E1"), "E1", False),
        (member(team_id=TEAM, enterprise_user={"enterprise_id": "E2"}), "E1", False),
        (member(team_id="T2", enterprise_user="E1"), "E1", True),
        (member(team_id="T2", enterprise_user={"enterprise_id": None}), None, True),
    ],
    ids=repr,
)
async def test_who_is_at_home(
    answering: Answering, user: Any, ours: str | None, *, is_external: bool
) -> None:
    """It is the same workspace, or on Enterprise Grid another one of the same organization."""
    async with answering(user, ours) as people:
        person = await people.person(ADA)
    assert (person.is_external, person.unsaid) == (is_external, frozenset())
    assert ours not in (person.teams or ())


@pytest.mark.parametrize(
    ("user", "name"),
    [
        (member(profile={"display_name": "lovelace", "real_name": "Ada L"}), "lovelace"),
        (member(profile={"display_name": "", "real_name": "Ada L"}), "Ada L"),
        (member(profile={"display_name": " ", "real_name": None}, real_name="A. L."), "A. L."),
        (member(profile={}), "ada"),
        (member(profile=None), "ada"),
        (member(profile=["x"]), "ada"),
        (member(profile={"display_name": 5}), "ada"),
        (member(name=""), ADA),
        (member(name=None), ADA),
        (member(name="a\nda"), "a da"),
    ],
    ids=repr,
)
async def test_the_name_people_see_comes_first(answering: Answering, user: Any, name: str) -> None:
    """The order is display name, real name, user name, and finally the id."""
    async with answering(user) as people:
        assert (await people.person(ADA)).name == name
