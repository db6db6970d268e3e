"""A channel that other organizations share is told apart, and in doubt it counts as one."""

import asyncio
from typing import Any

import pytest

from bot.model.errors import NotIdentified, SlackAway
from bot.model.people import UserId
from bot.slack.people import People
from bot.slack.rate_limits import LIMITED
from bot.slack.sharing import CALLS_A_MINUTE, FRESH_SECONDS, INFO, SECONDS_A_CHANNEL, Sharing
from sandbox import Sandbox
from sandbox.slack.world.workspace import Channel
from tests.support.clocks import SetClock
from tests.support.slack_apps import web_client
from tests.support.waiting import wait_until

ADA = UserId("U0ADA00000")
EVE = UserId("U0EVE00000")
DM = "D0ADADM000"


@pytest.fixture
def clock() -> SetClock:
    """The clock of `sharing`."""
    return SetClock()


@pytest.fixture
def sharing(box: Sandbox, clock: SetClock) -> Sharing:
    """What is shared in the sandbox's Slack."""
    client = web_client(box.slack)
    return Sharing(client, People(client, box.slack.team_id, None), clock)


def channel(box: Sandbox, name: str) -> str:
    """Return the id of a channel."""
    return box.slack.workspace.channel(name).id


def asked(box: Sandbox) -> list[Any]:
    """Return the channels that were looked up, in order."""
    return [one.params.get("channel") for one in box.slack.calls if one.method == INFO]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("general", False), ("secrets", False), ("group-dm", False), ("shared", True)],
)
async def test_a_channel_is_shared_if_slack_says_so(
    box: Sandbox, sharing: Sharing, *, name: str, expected: bool
) -> None:
    """Public and private channels and group direct messages are looked up alike."""
    assert await sharing.is_external(channel(box, name)) is expected


async def test_an_invitation_to_another_organization_counts_as_sharing(
    box: Sandbox, sharing: Sharing
) -> None:
    """It may be accepted at any moment, and whoever comes then reads what was said before."""
    box.slack.workspace.channel("general").is_pending_ext_shared = True
    assert await sharing.is_external(channel(box, "general"))


async def test_a_channel_that_slack_does_not_show_counts_as_shared(
    box: Sandbox, sharing: Sharing
) -> None:
    """The bot has left it, it has a new id, or a scope is missing."""
    assert await sharing.is_external("C0GONE00000")
    box.slack.scopes = [scope for scope in box.slack.scopes if scope != "mpim:read"]
    assert await sharing.is_external(channel(box, "group-dm"))


@pytest.mark.parametrize(
    "failure", [{"status": 503}, {"drop": True, "times": 2}, {"error": "invalid_auth"}]
)
async def test_no_answer_decides_nothing(
    box: Sandbox, sharing: Sharing, failure: dict[str, Any]
) -> None:
    """The caller waits, and the next look-up decides; a token that is refused may work again."""
    box.slack.fail_next(INFO, **failure)
    with pytest.raises(SlackAway):
        await sharing.is_external(channel(box, "general"))
    assert not await sharing.is_external(channel(box, "general"))


@pytest.mark.parametrize("has_scope", [True, False])
@pytest.mark.parametrize(
    ("member", "reader", "expected"), [("ada", ADA, False), ("eve", EVE, True)]
)
async def test_a_direct_message_is_as_external_as_its_person(
    box: Sandbox, sharing: Sharing, *, has_scope: bool, member: str, reader: UserId, expected: bool
) -> None:
    """Without `im:read` Slack does not show it, and whoever wrote there is its only reader."""
    if not has_scope:
        box.slack.scopes = [scope for scope in box.slack.scopes if scope != "im:read"]
    dm = box.slack.workspace.direct_message(member, box.slack.bot_user_id)
    assert await sharing.is_external(dm.id, reader) is expected


async def test_a_direct_message_of_nobody_known_counts_as_shared(
    box: Sandbox, sharing: Sharing
) -> None:
    """Neither Slack nor the caller says whose it is, or Slack does not know the person."""
    box.slack.scopes = [scope for scope in box.slack.scopes if scope != "im:read"]
    assert await sharing.is_external(DM)
    other = box.slack.workspace.direct_message("ben", box.slack.bot_user_id)
    assert await sharing.is_external(other.id, UserId("U0NOBODY00"))


async def test_a_person_who_cannot_be_looked_up_decides_nothing(
    box: Sandbox, sharing: Sharing
) -> None:
    """It is a failed look-up like any other."""
    box.slack.fail_next("users.info", status=503, times=2)
    with pytest.raises(NotIdentified):
        await sharing.is_external(DM, ADA)


async def test_an_answer_is_used_for_some_seconds(
    box: Sandbox, sharing: Sharing, clock: SetClock
) -> None:
    """A channel that becomes shared is noticed after them."""
    general = box.slack.workspace.channel("general")
    for _ in range(3):
        assert not await sharing.is_external(general.id)
    general.is_ext_shared = True
    clock.now += FRESH_SECONDS - 0.1
    assert not await sharing.is_external(general.id)
    assert asked(box) == [general.id]
    clock.now += 0.1
    assert await sharing.is_external(general.id)


async def test_the_more_channels_are_in_use_the_longer_an_answer_is_used(
    box: Sandbox, sharing: Sharing, clock: SetClock
) -> None:
    """However often they are asked about, at most 40 look-ups are made in a minute."""
    some = [box.slack.workspace.add_channel(Channel(f"team-{one}")).id for one in range(10, 40)]
    for _ in range(20):
        for one in some:
            assert not await sharing.is_external(one)
        clock.now += 3.0
    assert asked(box) == [*some, *some[:10]]
    for _ in range(200):
        for one in some:
            assert not await sharing.is_external(one)
        clock.now += 3.0
    assert len(asked(box)) <= 11 * CALLS_A_MINUTE
    for one in some:
        assert asked(box).count(one) >= 600 / (2 * 30 * SECONDS_A_CHANNEL)


async def test_when_fewer_channels_are_in_use_answers_are_used_less_long(
    box: Sandbox, sharing: Sharing, clock: SetClock
) -> None:
    """A channel that nobody asked about for a minute does not count."""
    for name in ("general", "secrets", "shared", "random", "group-dm"):
        await sharing.is_external(channel(box, name))
    clock.now += 60.0
    await sharing.is_external(channel(box, "general"))
    clock.now += FRESH_SECONDS
    await sharing.is_external(channel(box, "general"))
    assert asked(box).count(channel(box, "general")) == 3


async def test_a_look_up_beyond_the_limit_waits(
    box: Sandbox, sharing: Sharing, clock: SetClock
) -> None:
    """The caller learns for how long; what is known is answered all the same."""
    some = [
        box.slack.workspace.add_channel(Channel(f"team-{one}")).id
        for one in range(10, 11 + CALLS_A_MINUTE)
    ]
    for one in some[:-1]:
        await sharing.is_external(one)
    clock.now += 20.0
    with pytest.raises(SlackAway) as limited:
        await sharing.is_external(some[-1])
    assert (limited.value.reason, limited.value.retry_after) == (LIMITED, 40.0)
    assert not await sharing.is_external(some[0])
    assert len(asked(box)) == CALLS_A_MINUTE
    clock.now += 40.0
    assert not await sharing.is_external(some[-1])


async def test_nothing_is_looked_up_before_a_rate_limit_is_over(
    box: Sandbox, sharing: Sharing, clock: SetClock
) -> None:
    """Slack limits the method, so other channels wait as well."""
    box.slack.fail_next(INFO, status=429, retry_after=30)
    for name in ("general", "secrets"):
        with pytest.raises(SlackAway):
            await sharing.is_external(channel(box, name))
    assert asked(box) == [channel(box, "general")]
    clock.now += 30.0
    assert not await sharing.is_external(channel(box, "secrets"))


async def test_many_who_ask_at_once_ask_one_question(box: Sandbox, sharing: Sharing) -> None:
    """A burst of one channel's messages makes one call."""
    over = asyncio.Event()
    box.slack.fail_next(INFO, until=over)
    asking = [asyncio.create_task(sharing.is_external(channel(box, "shared"))) for _ in range(20)]
    await wait_until(lambda: asked(box), "it is asked for")
    over.set()
    assert await asyncio.gather(*asking) == [True] * 20
    assert len(asked(box)) == 1


async def test_a_channel_known_to_be_shared_is_quiet_at_once(
    box: Sandbox, sharing: Sharing, clock: SetClock
) -> None:
    """An event says so, and Slack's other answers may be older for a while."""
    general = channel(box, "general")
    assert not await sharing.is_external(general)
    sharing.known_shared(general)
    assert await sharing.is_external(general)
    clock.now += 59.0
    assert await sharing.is_external(general)
    assert asked(box) == [general]
    clock.now += 1.0
    assert not await sharing.is_external(general)
    assert asked(box) == [general] * 2


async def test_an_answer_that_an_event_overtakes_does_not_count(
    box: Sandbox, sharing: Sharing
) -> None:
    """The look-up had begun before the channel was shared."""
    over = asyncio.Event()
    box.slack.fail_next(INFO, until=over)
    asking = asyncio.create_task(sharing.is_external(channel(box, "general")))
    await wait_until(lambda: asked(box), "it is asked for")
    sharing.known_shared(channel(box, "general"))
    over.set()
    assert await asking


async def test_channels_that_wait_have_turns_of_their_own(
    box: Sandbox, sharing: Sharing, clock: SetClock
) -> None:
    """Nobody comes back in vain, no two at the same moment, and no minute has too many calls."""
    made: list[float] = []
    turns: dict[str, float] = {}

    async def look_up(one: str) -> None:
        try:
            await sharing.is_external(one)
        except SlackAway as error:
            assert one not in turns, "a turn is kept"
            turns[one] = clock() + (error.retry_after or 0.0)
        else:
            made.append(clock())

    some = [f"C0{number:09}" for number in range(3 * CALLS_A_MINUTE)]
    for one in some:
        await look_up(one)
    assert len(made) == CALLS_A_MINUTE
    assert len(set(turns.values())) == len(turns) == 2 * CALLS_A_MINUTE
    for number, (one, at) in enumerate(sorted(turns.items(), key=lambda item: item[1])):
        clock.now = at
        if number == 3:
            await look_up(newcomer := "C0NEWCOMER0")
            assert turns[newcomer] > max(turns[known] for known in some if known in turns)
        await look_up(one)
    assert len(made) == 3 * CALLS_A_MINUTE, "each was looked up at its turn"
    for first, last in zip(made, made[CALLS_A_MINUTE:], strict=False):
        assert last - first >= 60.0


async def test_a_rate_limit_does_not_bring_all_back_at_its_end(
    box: Sandbox, sharing: Sharing, clock: SetClock
) -> None:
    """Those that came while it was in force have turns after it."""
    box.slack.fail_next(INFO, retry_after=30)
    with pytest.raises(SlackAway):
        await sharing.is_external(channel(box, "general"))
    turns = set()
    for number in range(10):
        with pytest.raises(SlackAway) as waits:
            await sharing.is_external(f"C0{number:09}")
        assert waits.value.retry_after is not None
        turns.add(waits.value.retry_after)
    assert len(turns) == 10
    assert min(turns) >= 30 - clock()


async def test_a_turn_gives_way_to_a_later_rate_limit(
    box: Sandbox, sharing: Sharing, clock: SetClock
) -> None:
    """A channel that has a turn already asks nothing before Slack allows it."""
    box.slack.fail_next(INFO, retry_after=10)
    with pytest.raises(SlackAway):
        await sharing.is_external(channel(box, "general"))
    with pytest.raises(SlackAway):
        await sharing.is_external(channel(box, "secrets"))
    with pytest.raises(SlackAway):
        await sharing.is_external("C0OTHER0000")
    clock.now += 11
    box.slack.fail_next(INFO, retry_after=60)
    with pytest.raises(SlackAway):
        await sharing.is_external("C0OTHER0000")
    clock.now += 1
    calls = len(asked(box))
    with pytest.raises(SlackAway) as waits:
        await sharing.is_external(channel(box, "secrets"))
    assert len(asked(box)) == calls
    assert waits.value.retry_after is not None
    assert waits.value.retry_after >= 59
