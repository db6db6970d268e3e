"""What Slack says of a channel is asked for rarely, by all processes together, the urgent first."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.model.errors import CannotPost, SlackAway
from bot.model.people import Person, UserId
from bot.model.times import Micros
from bot.redis import keep
from bot.redis.connection import Store
from bot.slack.api import PAUSED, SlackClock
from bot.slack.channels import (
    FRESH_SECONDS,
    INFO,
    LISTED_SECONDS,
    REFUSED_SECONDS,
    Channels,
    read_channel,
)
from bot.slack.lookups import TIER_3, Need
from sandbox import Sandbox
from sandbox.slack.world.workspace import Channel
from tests.support.clocks import SetClock
from tests.support.known import channels_of
from tests.support.slack_apps import web_client
from tests.support.tables import each
from tests.support.waiting import wait_until

ADA = Person(id=UserId("U0ADA00000"), name="ada")
GENERAL = "C0GENERAL0"
ALL = {need: int(TIER_3 * need.share) for need in Need}


@pytest.fixture
def clock() -> SetClock:
    """Slack's time, as each process estimates it."""
    return SetClock()


class Undated(SlackClock):
    """A clock that the answers of the sandbox, which has the real time, do not set."""

    def dated(self, headers: Mapping[str, str]) -> None:
        """Ignore the date."""


def process(box: Sandbox, store: Store, clock: SetClock) -> Channels:
    """Return the channels as a process knows them that has just started."""
    client = web_client(box.slack)
    client.clock = Undated(clock)
    client.clock.note(Micros(1_700_000_000_000_000))
    return channels_of(client, store)


@pytest.fixture
def channels(box: Sandbox, store: Store, clock: SetClock) -> Channels:
    """The channels of the sandbox's Slack."""
    return process(box, store, clock)


def asked(box: Sandbox) -> list[Any]:
    """Return the channels that were looked up, in order."""
    return [one.params.get("channel") for one in box.slack.calls if one.method == INFO]


def many(box: Sandbox, number: int, prefix: str = "team") -> Sequence[str]:
    """Add that many channels, and return their ids."""
    add = box.slack.workspace.add_channel
    return [add(Channel(f"{prefix}-{one}")).id for one in range(10, 10 + number)]


async def looked_up(channels: Channels, some: Sequence[str], need: Need) -> list[float]:
    """Look up each of some channels at once; return how long those wait that may not be asked."""
    found = await asyncio.gather(*(channels.get(one, need) for one in some), return_exceptions=True)
    return [one.retry_after or 0.0 for one in found if isinstance(one, SlackAway)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("general", False), ("secrets", False), ("group-dm", False), ("shared", True)],
)
async def test_a_channel_is_shared_if_slack_says_so(
    box: Sandbox, channels: Channels, *, name: str, expected: bool
) -> None:
    """Group direct messages, which need a scope of their own, are looked up like channels."""
    box.slack.scopes = [*box.slack.scopes, "mpim:read"]
    found = await channels.get(box.slack.workspace.channel(name).id, Need.WORDS)
    assert found.is_shared is expected


@each(
    ("said", "is_shared"),
    [
        ({}, True),
        ({"is_org_shared": False}, True),
        ({"is_shared": False}, False),
        ({"is_shared": True}, True),
        ({"is_shared": True, "is_org_shared": True}, False),
        ({"is_ext_shared": False}, False),
        ({"is_ext_shared": False, "is_shared": True}, False),
        ({"is_shared": False, "is_pending_ext_shared": True}, True),
        ({"is_im": True}, False),
    ],
)
def test_a_channel_of_which_slack_does_not_say_it_counts_as_shared(
    *, said: dict[str, bool], is_shared: bool
) -> None:
    """Each deciding field is left out; a direct message is nobody else's, and has none."""
    assert (
        read_channel({"id": GENERAL, "name": "general", **said}, Micros(1)).is_shared is is_shared
    )


async def test_an_invitation_to_another_organization_counts_as_sharing(
    box: Sandbox, channels: Channels
) -> None:
    """It may be accepted at any moment, and whoever comes then reads what was said before."""
    box.slack.workspace.channel("general").is_pending_ext_shared = True
    assert (await channels.get(GENERAL, Need.WORDS)).is_shared


async def test_a_channel_that_slack_does_not_show_counts_as_shared(
    box: Sandbox, channels: Channels
) -> None:
    """The bot has left it, it has a new id, or a scope is missing."""
    assert (await channels.get("C0GONE00000", Need.WORDS)).is_shared
    group = box.slack.workspace.channel("group-dm").id
    assert (await channels.get(group, Need.WORDS)).is_shared


@pytest.mark.parametrize(
    "failure", [{"status": 503}, {"drop": True, "times": 4}, {"error": "invalid_auth"}]
)
async def test_no_answer_decides_nothing(
    box: Sandbox, channels: Channels, failure: dict[str, Any]
) -> None:
    """The caller waits, and is not told that a post may have been made."""
    box.slack.fail_next(INFO, **{"times": 2, **failure})
    with pytest.raises(SlackAway) as away:
        await channels.get(GENERAL, Need.WORDS)
    assert not away.value.maybe_done


async def test_an_answer_is_used_for_a_minute_and_lists_go_by_it_for_longer(
    box: Sandbox, channels: Channels, clock: SetClock
) -> None:
    """A channel that becomes shared is noticed after a minute, if no event told of it."""
    general = box.slack.workspace.channel("general")
    for _ in range(3):
        assert not (await channels.get(GENERAL, Need.WORDS)).is_shared
    general.is_ext_shared = True
    clock.now += FRESH_SECONDS - 1
    assert not (await channels.get(GENERAL, Need.WORDS)).is_shared
    assert asked(box) == [GENERAL]
    clock.now += 2
    assert (await channels.get(GENERAL, Need.WORDS)).is_shared
    clock.now += LISTED_SECONDS - 1
    assert await channels.includes(ADA, GENERAL, Need.CARDS)
    assert asked(box) == [GENERAL] * 2


async def test_a_restart_asks_nothing_again(
    box: Sandbox, store: Store, channels: Channels, clock: SetClock
) -> None:
    """Nor does a second process: what Slack said is kept in Redis."""
    some = many(box, ALL[Need.WORDS])
    assert await looked_up(channels, some, Need.WORDS) == []
    calls = len(asked(box))
    for _ in range(2):
        assert await looked_up(process(box, store, clock), some, Need.WORDS) == []
    assert len(asked(box)) == calls == len(some)


async def test_two_processes_share_one_budget(
    box: Sandbox, store: Store, channels: Channels, clock: SetClock
) -> None:
    """Together they ask no more than Slack allows, which refuses none of it."""
    box.slack.limit_calls(INFO, TIER_3, 60)
    other = process(box, store, clock)
    first, second = many(box, 40, "one"), many(box, 40, "two")
    waits = await asyncio.gather(
        looked_up(channels, first, Need.ACT), looked_up(other, second, Need.ACT)
    )
    assert len(asked(box)) == ALL[Need.ACT] < TIER_3
    assert sum(map(len, waits)) == 80 - ALL[Need.ACT]
    assert {one.status for one in box.slack.calls if one.method == INFO} == {200}


async def test_what_waits_has_times_of_its_own(box: Sandbox, channels: Channels) -> None:
    """No two come back at the same moment, and none before the first call is a minute old.

    Those who go by an older answer, or close App Home, don't come back: the last waits 2 min.
    """
    waits = await looked_up(channels, many(box, ALL[Need.WORDS] + 50), Need.WORDS)
    in_order = sorted(waits)[:30]
    assert len(waits) == 50
    assert in_order[0] > 50
    assert max(waits) < 121
    apart = [later - one for one, later in pairwise(in_order)]
    assert min(apart) > 60 / ALL[Need.WORDS] - 0.5


async def test_a_channel_without_an_answer_comes_before_those_that_have_an_older_one(
    box: Sandbox, raw: Redis, channels: Channels, clock: SetClock
) -> None:
    """However many channels are in use, one that nobody has asked about is not held up."""
    some = many(box, ALL[Need.WORDS])
    await looked_up(channels, some, Need.WORDS)
    async for calls in raw.scan_iter("*calls:*"):  # a minute later
        await raw.delete(calls)
    clock.now += LISTED_SECONDS + 1
    assert await looked_up(channels, some, Need.WORDS) == []
    assert len(asked(box)) == len(some) + ALL[Need.CARDS]
    fresh = many(box, ALL[Need.WORDS] - ALL[Need.CARDS], "fresh")
    assert await looked_up(channels, fresh, Need.WORDS) == []


async def test_home_does_not_starve_words_nor_words_a_persons_act(
    box: Sandbox, store: Store, channels: Channels, clock: SetClock
) -> None:
    """Each need leaves room for more urgent ones, whichever process they meet."""
    home = many(box, 60, "home")
    shown = await asyncio.gather(
        *(channels.includes(ADA, one, Need.CARDS) for one in home), return_exceptions=True
    )
    assert sum(one is True for one in shown) == ALL[Need.CARDS]
    assert await looked_up(channels, many(box, 1, "named"), Need.NAMES)
    other = process(box, store, clock)
    speaks = many(box, 40, "speaks")
    assert len(await looked_up(other, speaks, Need.WORDS)) == 40 - ALL[Need.WORDS] + ALL[Need.CARDS]
    await channels.check_in(GENERAL)


async def test_without_a_look_up_left_an_older_answer_will_do(
    box: Sandbox, channels: Channels, clock: SetClock
) -> None:
    """Words that Slack's limit would hold up go by what it said some minutes ago."""
    assert not (await channels.get(GENERAL, Need.WORDS)).is_shared
    clock.now += keep.CHANNEL.total_seconds() - 1
    await looked_up(channels, many(box, 60), Need.ACT)
    calls = len(asked(box))
    assert not (await channels.get(GENERAL, Need.WORDS)).is_shared
    assert len(asked(box)) == calls


async def test_decoration_never_asks(box: Sandbox, channels: Channels, clock: SetClock) -> None:
    """A status line is shown where it is known that it may be."""
    with pytest.raises(SlackAway) as limited:
        await channels.get(GENERAL, Need.DECORATION)
    assert limited.value.reason == PAUSED
    await channels.get(GENERAL, Need.WORDS)
    clock.now += FRESH_SECONDS * 5
    assert not (await channels.get(GENERAL, Need.DECORATION)).is_shared
    assert asked(box) == [GENERAL]


async def test_a_rate_limit_holds_for_all_processes_and_urgent_calls_come_first_after_it(
    box: Sandbox, store: Store, channels: Channels, clock: SetClock
) -> None:
    """Nobody asks before `Retry-After` is over, and not all at its end."""
    box.slack.fail_next(INFO, retry_after=30)
    assert min(await looked_up(channels, [GENERAL], Need.WORDS)) >= 30
    other = process(box, store, clock)
    waits = [
        (await looked_up(other, many(box, 1, need.name.lower()), need))[0]
        for need in (Need.ACT, Need.WORDS, Need.CARDS, Need.NAMES)
    ]
    assert 29 <= waits[0] <= 30
    assert waits == sorted(waits)
    assert len(set(map(round, waits))) == len(waits)
    assert asked(box) == [GENERAL]


async def test_what_an_event_tells_counts_at_once_for_all_processes(
    box: Sandbox, store: Store, channels: Channels, clock: SetClock
) -> None:
    """Slack's other answers may be older for a minute."""
    other = process(box, store, clock)
    assert not (await other.get(GENERAL, Need.WORDS)).is_shared
    assert await channels.note_shared(GENERAL)
    assert await other.note_shared(GENERAL), "the first process may have died"
    await other.note_shared(GENERAL, is_told=True)
    assert not await channels.note_shared(GENERAL)
    assert (await other.get(GENERAL, Need.WORDS)).is_shared
    clock.now += FRESH_SECONDS - 1
    assert (await other.get(GENERAL, Need.ACT)).is_shared
    clock.now += FRESH_SECONDS
    assert not (await other.get(GENERAL, Need.WORDS)).is_shared


async def test_an_answer_that_an_event_overtakes_does_not_count(
    box: Sandbox, store: Store, channels: Channels, clock: SetClock
) -> None:
    """The look-up had begun before the channel was shared, whichever process was told."""
    over = asyncio.Event()
    box.slack.fail_next(INFO, until=over)
    asking = asyncio.create_task(channels.get(GENERAL, Need.WORDS))
    await wait_until(lambda: asked(box), "it is asked for")
    await process(box, store, clock).note_shared(GENERAL)
    over.set()
    assert (await asking).is_shared
    assert (await channels.get(GENERAL, Need.WORDS)).is_shared


async def test_a_channel_that_is_shared_a_second_time_is_shared_at_once(
    box: Sandbox, store: Store, channels: Channels, clock: SetClock
) -> None:
    """The answer between the two, that nobody shares it, does not count any more."""
    other = process(box, store, clock)
    await channels.note_shared(GENERAL, is_told=True)
    clock.now += 180
    assert not (await channels.get(GENERAL, Need.ACT)).is_shared
    clock.now += 30
    assert await other.note_shared(GENERAL), "its threads have to be told again"
    for seconds in (0, FRESH_SECONDS - 1):
        clock.now += seconds
        assert (await channels.get(GENERAL, Need.WORDS)).is_shared


async def test_a_channel_that_moved_has_its_new_id_and_stays_shared(
    channels: Channels, clock: SetClock
) -> None:
    """Both events are handled at the same time, and in any order."""
    await asyncio.gather(channels.note_shared(GENERAL), channels.note_moved(GENERAL, "C0NEW00000"))
    await channels.note_shared(GENERAL)
    assert await channels.now(GENERAL) == "C0NEW00000"
    clock.now += 2 * FRESH_SECONDS
    assert (await channels.get(GENERAL, Need.WORDS)).is_shared


async def test_a_change_that_an_event_tells_has_the_channel_asked_for_again(
    box: Sandbox, store: Store, channels: Channels, clock: SetClock
) -> None:
    """It is called something else, is archived, or is private by now; all processes ask."""
    assert await channels.includes(ADA, GENERAL)
    general = box.slack.workspace.channel("general")
    general.kind, general.members = "group", []
    assert await channels.includes(ADA, GENERAL)
    await process(box, store, clock).lookup.forget(GENERAL)
    assert not await channels.includes(ADA, GENERAL)


async def test_a_person_may_act_where_the_bot_was_just_invited(
    box: Sandbox, channels: Channels, clock: SetClock
) -> None:
    """That the bot is in a channel may be an answer of the last minute; that it is not is asked."""
    await channels.check_in(GENERAL)
    await channels.check_in(GENERAL)
    assert asked(box) == [GENERAL]
    members = box.slack.workspace.channel("general").members
    members.remove(box.slack.bot_user_id)
    clock.now += FRESH_SECONDS + 1
    with pytest.raises(CannotPost) as refused:
        await channels.check_in(GENERAL)
    assert refused.value.reason == "not_in_channel"
    members.append(box.slack.bot_user_id)
    clock.now += 1
    await channels.check_in(GENERAL)


async def test_a_refusal_counts_for_some_seconds_only(
    box: Sandbox, channels: Channels, clock: SetClock
) -> None:
    """Somebody may invite the bot as soon as they read that it sees nothing."""
    assert (await channels.get("C0GONE00000", Need.WORDS)).is_shared
    clock.now += REFUSED_SECONDS - 1
    await channels.get("C0GONE00000", Need.WORDS)
    assert len(asked(box)) == 1
    clock.now += 2
    await channels.get("C0GONE00000", Need.WORDS)
    assert len(asked(box)) == 2
