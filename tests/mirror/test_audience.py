"""Who may be shown what a session says."""

from datetime import timedelta

from slack_sdk.web.async_client import AsyncWebClient

from bot.mirror.audience import Audience
from bot.model.mirror import Follow
from bot.model.people import UserId
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.slack.people import People
from bot.slack.sharing import Sharing
from bot.store.links import Links
from bot.store.places import Places

TTL = timedelta(hours=1)
THREAD = ThreadRef(team="T0", channel="C0", thread_ts="1.000000")
SESSION = SessionId("devin-0123")


async def test_a_process_that_was_not_told_of_a_shared_channel_is_quiet_as_well(
    store: Store,
) -> None:
    """Slack tells one process; this one would not even ask Slack, which is not there."""
    links, places, client = Links(store, TTL), Places(store, TTL), AsyncWebClient()
    audience = Audience(
        links=links,
        places=places,
        sharing=Sharing(client, People(client, "T0", None)),
        default=Follow.ALL,
        allows_external=False,
    )
    await links.create(THREAD, Link(session=SESSION, by=UserId("U0ADA"), at=1))
    await places.note_shared("C0")
    heard = await audience.of(THREAD)
    assert heard.is_barred
    assert not heard.follows(SESSION)
