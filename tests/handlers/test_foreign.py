"""What is acknowledged before Bolt is what no listener would act on; the rest is left to them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from redis.asyncio import Redis

from bot.model.errors import NotIdentified
from bot.model.people import UserId
from bot.model.replies import Change, Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.model.times import Micros, ts_micros
from bot.redis.connection import Store
from bot.redis.keys import READ_FIRST_KEY, lease_key, subject_key
from bot.runtime.in_flight import InFlight
from bot.settings import Settings
from bot.slack.receiving.socket_mode import SocketMode
from bot.store.links import Links
from sandbox import Sandbox
from sandbox.slack.world.workspace import TEAM_ID
from tests.support.builders import JSON, a_reply, mutated
from tests.support.desk import OTHER_SESSION, SESSION, Desk
from tests.support.doors import BODY, door, signed, waiting_app
from tests.support.keys import TENANT, at
from tests.support.listeners import Listeners, listeners
from tests.support.observers import Observed
from tests.support.redis_servers import node_url
from tests.support.waiting import wait_until

DAY = 86_400
ADDRESS = f"https://app.devin.ai/sessions/{SESSION.removeprefix('devin-')}"


class Scene:
    """A channel with a linked and an unlinked thread, and the events of what is written there."""

    def __init__(self, desk: Desk, linked: str, unlinked: str) -> None:
        self.slack = desk.slack
        self.channel = desk.slack.workspace.channel("general").id
        self.linked, self.unlinked = linked, unlinked

    def written(self, text: str = "Shall we?", thread: str | None = None, **changes: Any) -> JSON:
        """Return the `message` event of something that Ada writes now."""
        ts = self.slack.workspace.clock.next_ts()
        place = {"channel": self.channel, "ts": ts, "event_ts": ts, "team": TEAM_ID}
        root = {"thread_ts": thread} if thread else {}
        ada = self.slack.workspace.user("ada").id
        event = a_reply(text, user=ada, **place) | {"thread_ts": None} | root | changes
        return {key: value for key, value in event.items() if value is not None}

    def mentioned(self, words: str, thread: str | None = None, **changes: Any) -> JSON:
        """Return the event of a message that begins with a mention of the bot."""
        return self.written(f"<@{self.slack.bot_user_id}> {words}", thread, **changes)

    def own(self, thread: str, **changes: Any) -> JSON:
        """Return the event of a message of the bot."""
        by = {"user": self.slack.bot_user_id, "bot_id": self.slack.bot_id}
        return self.written("Linked.", thread) | by | changes

    def changed(self, message: JSON, **changes: Any) -> JSON:
        """Return the event of a change of a message that was written in a linked thread."""
        before = {"text": "What it was", "blocks": []}
        event = self._about_another("message_changed")
        return event | {"message": message, "previous_message": message | before} | changes

    def edited(self, message: JSON, **changes: Any) -> JSON:
        """Return the event of an edit by the author of a message."""
        by = {"user": message["user"], "ts": self.slack.workspace.clock.next_ts()}
        return self.changed(message | {"edited": by}, **changes)

    def deleted(self, message: JSON) -> JSON:
        """Return the event of a deletion."""
        gone = {"deleted_ts": message["ts"], "previous_message": message}
        return self._about_another("message_deleted") | gone

    def _about_another(self, subtype: str) -> JSON:
        event = self.written()
        kept = {key: event[key] for key in ("type", "channel", "ts", "event_ts", "channel_type")}
        return kept | {"subtype": subtype, "hidden": True}

    def late(self, thread: str) -> JSON:
        """Return the event of a reply that Slack brings a day late."""
        ts = f"{int(self.slack.workspace.clock.next_ts()[:10]) - DAY}.000100"
        return self.written("Was it late?", thread, ts=ts)


Write = Callable[[Scene], JSON]

FOREIGN: Mapping[str, Write] = {
    "a post": lambda at: at.written(),
    "a post with a file": lambda at: at.written(subtype="file_share", files=[{"id": "F1"}]),
    "a post of another bot": lambda at: at.written(user=None, bot_id="B0OTHER", username="ci"),
    "a post with its own ts as thread": lambda at: _as_root(at.written()),
    "somebody joins": lambda at: at.written(subtype="channel_join"),
    "a reply in an unlinked thread": lambda at: at.written(thread=at.unlinked),
    "its broadcast": lambda at: at.written(thread=at.unlinked, subtype="thread_broadcast"),
    "an aside in an unlinked thread": lambda at: at.written("(aside) no", at.unlinked),
    "a bot in an unlinked thread": lambda at: at.written(thread=at.unlinked, bot_id="B0OTHER"),
    "the bot's own words": lambda at: at.own(at.linked),
    "the bot's own words, by its other id": lambda at: at.own(at.linked, user="U0NOBODY00"),
    "the bot's own words, which name a session": lambda at: at.own(at.unlinked, text=ADDRESS),
    "the bot's own words in a shared channel": lambda at: at.own(at.linked) | {"shared": True},
    "a preview of a link": lambda at: at.changed(at.written(thread=at.linked)),
    "an edit that changes no words": lambda at: _echo(at.edited(at.written(thread=at.linked))),
    "an edit of the bot's card": lambda at: at.edited(at.own(at.linked)),
}
"""Events after which nothing may happen, in Slack, in Devin or in Redis."""

OURS: Mapping[str, Write] = {
    "a reply": lambda at: at.written(thread=at.linked),
    "a reply of another bot": lambda at: at.written(thread=at.linked, bot_id="B0OTHER"),
    "a mention that is no command": lambda at: at.mentioned("why?", at.linked),
    "a post that mentions the bot within": lambda at: at.written(f"as <@{at.slack.bot_user_id}>"),
    "talk to the bot": lambda at: at.mentioned("are you there?"),
    "talk to the bot in an unlinked thread": lambda at: at.mentioned("why?", at.unlinked),
    "a direct message": lambda at: at.written("hello?", channel="D0ADADM000"),
    "a command": lambda at: at.mentioned("status", at.unlinked),
    "a command at the top": lambda at: at.mentioned("help"),
    "a mention": lambda at: at.mentioned("are you there?", type="app_mention"),
    "a post that names a session": lambda at: at.written(f"It is {ADDRESS}"),
    "a reply that names a session": lambda at: at.written(f"It is {ADDRESS}", at.unlinked),
    "a post in a shared channel": lambda at: at.written() | {"shared": True},
    "an edit in a linked thread": lambda at: at.edited(at.written(thread=at.linked)),
    "an edit in an unlinked thread": lambda at: at.edited(at.written(thread=at.unlinked)),
    "a deletion": lambda at: at.deleted(at.written(thread=at.linked)),
    "a post without a channel": lambda at: at.written(channel=None),
    "another event": lambda at: {"type": "member_joined_channel", "channel": at.channel},
}
"""Events that the listeners must see."""


def _as_root(event: JSON) -> JSON:
    return event | {"thread_ts": event["ts"]}


def _echo(event: JSON) -> JSON:
    return event | {"previous_message": event["message"]}


def payload_of(event: JSON) -> JSON:
    """Return the whole payload of an event; its `shared` says who else is in the channel."""
    outer = {"type": "event_callback", "team_id": TEAM_ID, "event_id": "Ev0FOREIGN"}
    return outer | {"event": event, "is_ext_shared_channel": event.pop("shared", False)}


class Traces:
    """Everything that an event could leave behind."""

    def __init__(self, desk: Desk, redis: Redis) -> None:
        self._desk, self._redis = desk, redis

    async def now(self) -> object:
        """Return all of Redis, and the numbers of calls to Slack and of requests to Devin."""
        keys = sorted([key async for key in self._redis.scan_iter(count=1_000)])
        kept = [(key, await self._redis.dump(key)) for key in keys]
        return kept, len(self._desk.slack.calls), len(self._desk.devin.requests)


@pytest.fixture
async def heard(settings: Settings, store: Store, redis_url: str) -> AsyncIterator[Listeners]:
    """The listeners alone."""
    async with listeners(settings, store, redis_url) as opened:
        yield opened


@pytest.fixture
async def traces(desk: Desk, redis_url: str) -> AsyncIterator[Traces]:
    """A look at everything."""
    async with Redis.from_url(node_url(redis_url)) as redis:
        yield Traces(desk, redis)


@pytest.fixture
async def scene(desk: Desk, heard: Listeners) -> Scene:
    """A linked and an unlinked thread."""
    linked, unlinked = [await desk.slack.say("Shall we?", deliver=False) for _ in range(2)]
    at = Scene(desk, linked, unlinked)
    thread = ThreadRef(team=TENANT, channel=at.channel, thread_ts=linked)
    link = Link(session=SessionId(SESSION), by=UserId("U0ADA00000"), linked_at=0, since=Micros(1))
    assert await heard.cases.state.links.create(thread, link) is None
    return at


async def is_foreign(heard: Listeners, payload: JSON) -> bool:
    """Ask as the transports do."""
    heard.observer.brought(payload)
    return await heard.observer.is_foreign(payload)


@pytest.mark.parametrize("write", FOREIGN.values(), ids=FOREIGN)
async def test_what_is_foreign_leaves_no_trace_if_the_listeners_see_it(
    write: Write, scene: Scene, heard: Listeners, traces: Traces
) -> None:
    """It is acknowledged without them."""
    payload = payload_of(write(scene))
    assert await is_foreign(heard, payload)
    before = await traces.now()
    assert await heard.status(payload) == 200
    assert await traces.now() == before


@pytest.mark.parametrize("write", OURS.values(), ids=OURS)
async def test_what_a_listener_may_act_on_is_not_foreign(
    write: Write, scene: Scene, heard: Listeners
) -> None:
    """A payload in doubt is for the listeners, too."""
    assert not await is_foreign(heard, payload_of(write(scene)))


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_whatever_is_called_foreign_leaves_no_trace(
    scene: Scene, heard: Listeners, traces: Traces, data: st.DataObject
) -> None:
    """A listener that acts on more than before makes this fail, until `foreign` knows of it."""
    write = data.draw(st.sampled_from([*FOREIGN.values(), *OURS.values()]))
    payload = data.draw(mutated([payload_of(write(scene))]))
    if not await is_foreign(heard, payload):
        return
    before = await traces.now()
    assert await heard.status(payload) == 200
    assert await traces.now() == before


async def test_a_thread_is_ours_from_the_moment_that_another_process_links_it(
    scene: Scene, heard: Listeners
) -> None:
    """That a thread has no link is not remembered."""
    payload = payload_of(scene.written(thread=scene.unlinked))
    assert await is_foreign(heard, payload)
    thread = ThreadRef(team=TENANT, channel=scene.channel, thread_ts=scene.unlinked)
    link = Link(session=SessionId(SESSION), by=UserId("U0ADA00000"), linked_at=0, since=Micros(1))
    await heard.cases.state.links.create(thread, link)
    assert not await is_foreign(heard, payload)


async def test_over_http_a_foreign_event_is_acknowledged_without_bolt() -> None:
    """It counts as kept, like any other that is acknowledged."""
    async with door() as at:
        at.observed.calls_all_foreign = True
        slack = await at.dial(signed())
        assert await slack.status() == 200
    assert at.heard == []
    assert at.observed.came == at.observed.kept == [json.loads(BODY)]


async def test_over_socket_mode_a_foreign_event_is_acknowledged_without_bolt(box: Sandbox) -> None:
    """It counts as kept, like any other that is acknowledged."""
    observed, heard = Observed(), list[Mapping[str, Any]]()
    observed.calls_all_foreign = True
    app = waiting_app(asyncio.Event(), heard)
    app.client.base_url = box.slack.api_url
    async with SocketMode(app, box.slack.app_token, InFlight(), observed).connected():
        await box.slack.wait_connected()
        await box.slack.say("Lunch?")
        delivery = await box.slack.deliveries[-1].settled()
    assert (delivery.acked, delivery.attempts, heard) == (True, 1, [])
    assert observed.came == observed.kept == [delivery.payload]


async def test_a_reply_is_not_let_past_an_earlier_one(scene: Scene, heard: Listeners) -> None:
    """It comes to the listeners behind every arrival in its thread, linked or not yet known."""
    payload = payload_of(scene.written(thread=scene.linked))
    elsewhere = payload_of(scene.written(thread=scene.unlinked))
    thread = ThreadRef(team=TENANT, channel=scene.channel, thread_ts=scene.linked)
    assert not await is_foreign(heard, payload)
    with heard.cases.replies.in_line(thread):
        later = asyncio.create_task(is_foreign(heard, payload))
        assert await asyncio.wait_for(is_foreign(heard, elsewhere), 5)
        assert not later.done()
    assert not await asyncio.wait_for(later, 5)


async def test_a_reply_is_not_accepted_past_an_earlier_one(
    scene: Scene, heard: Listeners, raw: Redis
) -> None:
    """Slack may take longer to say who wrote the earlier one, and Devin reads what is there."""
    thread = ThreadRef(team=TENANT, channel=scene.channel, thread_ts=scene.linked)
    ada, ts = UserId("U0ADA00000"), scene.written()["ts"]
    reply = Reply(thread=thread, ts=ts, author=ada, text="Shall we?")
    await raw.set(at(lease_key(SessionId(SESSION))), "another process", ex=60)
    with heard.cases.replies.in_line(thread):
        later = asyncio.create_task(heard.cases.replies.accept(reply))
        assert not any([await raw.exists(at(subject_key(reply.id))) for _ in range(50)])
    assert await later is Change.ACCEPTED


async def test_a_link_that_another_process_has_changed_is_looked_up_again(
    scene: Scene, heard: Listeners, store: Store, raw: Redis
) -> None:
    """The first reply after that is for the new session."""
    thread = ThreadRef(team=TENANT, channel=scene.channel, thread_ts=scene.linked)
    ada, links = UserId("U0ADA00000"), Links(store, timedelta(days=1))
    first, second = (
        Reply(thread=thread, ts=scene.written()["ts"], author=ada, text="Shall we?") for _ in "12"
    )
    for session in (SESSION, OTHER_SESSION):
        await raw.set(at(lease_key(SessionId(session))), "another process", ex=60)
    assert await heard.cases.replies.accept(first) is Change.ACCEPTED
    await links.remove(thread)
    await links.create(thread, Link(session=SessionId(OTHER_SESSION), by=ada, linked_at=1))
    assert await heard.cases.replies.accept(second) is Change.ACCEPTED


async def test_a_reply_whose_author_slack_does_not_name_has_its_thread_read(
    scene: Scene, heard: Listeners
) -> None:
    """Slack may bring it no more, and a later reply must not be accepted before that is noted."""
    thread = ThreadRef(team=TENANT, channel=scene.channel, thread_ts=scene.linked)
    ben, ts = UserId("U0BEN00000"), scene.written()["ts"]
    scene.slack.fail_next("users.info", status=503, times=2)
    assert not heard.cases.listening.has_unnoted
    with pytest.raises(NotIdentified):
        await heard.cases.replies.accept(Reply(thread=thread, ts=ts, author=ben, text="Shall we?"))
    assert heard.cases.listening.has_unnoted


async def test_a_reply_whose_author_slack_does_not_name_lets_none_past_earlier_ones(
    scene: Scene, heard: Listeners
) -> None:
    """A later one would be sent before them."""
    thread = ThreadRef(team=TENANT, channel=scene.channel, thread_ts=scene.linked)
    ben, ts = UserId("U0BEN00000"), scene.written()["ts"]
    scene.slack.fail_next("users.info", status=503, times=2)
    reply, calls = Reply(thread=thread, ts=ts, author=ben, text="Shall we?"), scene.slack.calls
    with heard.cases.replies.in_line(thread):
        unknown = asyncio.create_task(heard.cases.replies.accept(reply))
        await wait_until(lambda: [one.method for one in calls].count("users.info") == 2, "asked")
        assert not (await asyncio.wait([unknown], timeout=0.3))[0]
    with pytest.raises(NotIdentified):
        await unknown


@pytest.mark.parametrize("is_late", [False, True])
async def test_mail_waits_for_what_was_written_before_a_late_link(
    scene: Scene, heard: Listeners, raw: Redis, *, is_late: bool
) -> None:
    """Replies that came between the request and the link met none, and come first."""
    thread = ThreadRef(team=TENANT, channel=scene.channel, thread_ts=scene.linked)
    event = scene.late(scene.linked) if is_late else scene.written()
    await heard.cases.accepting.read_since(thread, ts_micros(event["ts"]))
    assert (await raw.zscore(at(READ_FIRST_KEY), SESSION) is not None) is is_late


async def test_an_arrival_that_fails_leaves_the_line(scene: Scene, heard: Listeners) -> None:
    """Those behind it go on, and no line is kept that nobody stands in."""
    payload = payload_of(scene.written(thread=scene.linked))
    thread = ThreadRef(team=TENANT, channel=scene.channel, thread_ts=scene.linked)
    assert not await is_foreign(heard, payload)
    with suppress(TimeoutError), heard.cases.replies.in_line(thread):
        later = asyncio.create_task(is_foreign(heard, payload))
        await asyncio.sleep(0)
        raise TimeoutError
    assert not await asyncio.wait_for(later, 5)
    assert heard.cases.replies.is_known(thread)
