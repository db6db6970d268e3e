"""Who may be shown what a session says."""

from datetime import timedelta

import pytest

from bot.mirror.audience import Audience
from bot.model.errors import NotIdentified
from bot.model.people import UserId
from bot.model.sessions import Said, SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.slack.api import SlackClient
from bot.slack.lookups import Need
from bot.store.links import Links
from sandbox import Sandbox
from tests.support.known import channels_of
from tests.support.parts import parts_of
from tests.support.slack_apps import web_client

TTL = timedelta(hours=1)
ADA = UserId("U0ADA00000")
EVE = UserId("U0EVE00000")
SESSION = SessionId("devin-0123")


def audience_of(box: Sandbox, store: Store, client: SlackClient | None = None) -> Audience:
    """Return the audience as a process of its own knows it."""
    return parts_of(box, store, client).cases.audience


def link_by(who: str) -> Link:
    """Return a link that somebody made."""
    return Link(session=SESSION, by=UserId(who), linked_at=1)


async def test_a_process_that_was_not_told_of_a_shared_channel_is_quiet_as_well(
    box: Sandbox, store: Store
) -> None:
    """Slack tells one process, and may answer this one with what was so before."""
    thread = ThreadRef(team="T0", channel="C0GENERAL0", thread_ts="1.000000")
    await Links(store, TTL).create(thread, link_by(ADA))
    await channels_of(web_client(box.slack), store).note_shared(thread.channel)
    heard = await audience_of(box, store).of(thread, Need.WORDS)
    assert heard.is_barred
    assert not heard.hears(Said(session=SESSION))


@pytest.mark.parametrize("has_scope", [True, False])
@pytest.mark.parametrize(("member", "by", "expected"), [("ada", ADA, False), ("eve", EVE, True)])
async def test_a_direct_message_is_as_external_as_its_person(
    box: Sandbox, store: Store, *, has_scope: bool, member: str, by: UserId, expected: bool
) -> None:
    """Without `im:read` Slack does not show it, and whoever wrote there is its only reader."""
    if has_scope:
        box.slack.scopes = [*box.slack.scopes, "im:read"]
    dm = box.slack.workspace.direct_message(member, box.slack.bot_user_id)
    assert await audience_of(box, store).is_barred(dm.id, by) is expected


async def test_a_direct_message_of_nobody_known_counts_as_shared(
    box: Sandbox, store: Store
) -> None:
    """Neither Slack nor the link says whose it is, or Slack does not know the person."""
    audience = audience_of(box, store)
    assert await audience.is_barred("D0ADADM000", UserId(""))
    other = box.slack.workspace.direct_message("ben", box.slack.bot_user_id)
    assert await audience.is_barred(other.id, UserId("U0NOBODY00"))


async def test_a_channel_that_the_bot_may_not_look_up_counts_as_shared(
    box: Sandbox, store: Store
) -> None:
    """Whoever made its link is not the only reader there, as in a direct message."""
    box.slack.scopes = [scope for scope in box.slack.scopes if scope != "channels:read"]
    assert await audience_of(box, store).is_barred("C0GENERAL0", ADA)


async def test_a_person_who_cannot_be_looked_up_decides_nothing(box: Sandbox, store: Store) -> None:
    """It is a failed look-up like any other: the caller waits."""
    box.slack.fail_next("users.info", status=503, times=2)
    with pytest.raises(NotIdentified):
        await audience_of(box, store).is_barred("D0ADADM000", ADA)


async def test_a_status_line_asks_nobody_who_they_are(box: Sandbox, store: Store) -> None:
    """It uses up nothing of what Slack allows for people's acts."""
    await channels_of(web_client(box.slack), store).get("D0ADADM000", Need.WORDS)
    with pytest.raises(NotIdentified):
        await audience_of(box, store).is_barred("D0ADADM000", ADA, Need.DECORATION)
    assert not [one for one in box.slack.calls if one.method == "users.info"]


async def test_while_slack_does_not_say_who_shares_a_channel_it_counts_as_shared(
    box: Sandbox, store: Store
) -> None:
    """What is shown at once shows nothing of Devin's then."""
    thread = ThreadRef(team="T0", channel="C0GENERAL0", thread_ts="1.000000")
    await Links(store, TTL).create(thread, link_by(ADA))
    box.slack.fail_next("conversations.info", status=503, times=2)
    heard = await audience_of(box, store).of(thread, Need.CARDS)
    assert heard.unsure is not None
    assert heard.is_barred
