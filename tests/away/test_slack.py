"""Accepted replies reach Devin while Slack's Web API refuses, is gone, or is overloaded."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import Bot
from bot.model.errors import SlackAway
from bot.redis.connection import Store
from bot.settings import Settings
from bot.slack.api import call
from bot.wording.delivery_reports import DELIVERED_MARK, late
from sandbox import Sandbox
from tests.support.bots import environ_of, open_bot
from tests.support.desk import SESSION, Desk, on_v1, running, tells
from tests.support.lines import Line, line_to
from tests.support.processes import kept_valkey
from tests.support.told import suspended
from tests.support.waiting import until_settled, wait_until

pytestmark = pytest.mark.usefixtures("hurried")

ALWAYS = 100_000


def asked(desk: Desk, method: str) -> int:
    """Return how often a method was called."""
    return len([one for one in desk.slack.calls if one.method == method])


async def not_ready_for(bot: Bot) -> dict[str, str]:
    """Return what `/readyz` waits for."""
    url = f"http://127.0.0.1:{bot.port}/readyz"
    async with aiohttp.ClientSession() as web, web.get(url) as answer:
        waits: dict[str, str] = (await answer.json()).get("waiting_for", {})
        return waits


def errors_of(caplog: pytest.LogCaptureFixture, name: str) -> list[str]:
    """Return the reasons in the ERROR lines of a module."""
    records = [one for one in caplog.records if one.name == name and one.levelname == "ERROR"]
    return [str(vars(one).get("reason")) for one in records]


@on_v1
async def test_a_token_that_is_revoked_costs_no_reply_and_no_report(
    settings: Settings, desk: Desk, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Known authors still reach Devin; other replies and reports follow with a working token."""
    async with open_bot(settings):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        await desk.until_delivered(await desk.reply("one", thread))
        desk.slack.fail_next("*", error="token_revoked", times=ALWAYS)
        two = await desk.reply("two", thread)
        await desk.until_received("two")
        desk.devin.behave(SESSION, "suspended", times=1)
        three = await desk.reply("three", thread)
        await wait_until(
            lambda: errors_of(caplog, "bot.reporting.reporter"), "the operator is told"
        )
        assert set(errors_of(caplog, "bot.reporting.reporter")) <= {
            f"{method}: token_revoked" for method in ("reactions.add", "chat.postMessage")
        }
        four = await desk.reply("four", thread, user="ben")
        assert not (await desk.slack.deliveries[-1].settled()).acked
    desk.slack.fail_no_more()
    async with open_bot(settings):
        await desk.until_said(suspended("three"), thread)
        await desk.until_marked("zzz", three)
        await desk.until_delivered(four)
        await until_settled(store)
    assert [one.rpartition("\n")[2] for one in desk.received()] == ["one", "two", "four"]
    assert len([one for one in desk.said(thread) if tells(one, suspended("three"))]) == 1
    assert set(desk.marks(two)) <= {DELIVERED_MARK}


async def test_socket_mode_switched_off_is_told_to_the_operator_and_seldom_asked_for(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """`/readyz` and the log have Slack's reason; the relay asks again after a minute."""
    desk.slack.fail_next("apps.connections.open", error="invalid_auth", times=ALWAYS)
    before = asked(desk, "apps.connections.open")
    await desk.slack.disconnect("link_disabled")

    async def is_told() -> bool:
        return "invalid_auth" in (await not_ready_for(bot)).get("Socket Mode", "")

    await wait_until(is_told, "/readyz says why")
    assert errors_of(caplog, "bot.slack.receiving.socket_mode") == [
        "apps.connections.open: invalid_auth"
    ]
    assert asked(desk, "apps.connections.open") == before + 1


async def test_a_name_that_does_not_resolve_is_slack_being_away() -> None:
    """Nothing was sent, so the call may be made again."""
    client = AsyncWebClient("xoxb-made-up", base_url="http://slack.invalid/api/")
    with pytest.raises(SlackAway) as raised:
        await call(client, "auth.test")
    assert raised.value.reason == "no such host"
    assert not raised.value.maybe_done


@pytest.fixture
async def line(box: Sandbox) -> AsyncIterator[Line]:
    """A line that works until a test cuts it."""
    async with line_to(box.slack.api_url) as line:
        yield line


@on_v1
async def test_while_slack_cannot_be_reached_devin_is_and_the_threads_hear_of_it_later(
    line: Line, environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """DNS fails, for instance; the threads are told once, when Slack is back."""
    async with running(desk, environ, SLACK_API_URL=line.url):
        thread = await desk.linked_thread()
        await desk.until_delivered(await desk.reply("one", thread))
        await line.cut()
        desk.devin.behave(SESSION, "suspended", times=1)
        two = await desk.reply("two", thread)
        three = await desk.reply("three", thread)
        await desk.until_received("three")
        await desk.until_heard()
        await line.mend()
        await desk.until_marked("zzz", two)
        await desk.until_delivered(three)
        await until_settled(store)
    assert len(desk.said(thread)) == 1
    assert len(desk.devin.requests) == 3


async def test_a_reply_outlasts_an_outage_of_slack_s_web_api(
    redis_url: str, tmp_path: Path, store: Store, *, is_org: bool
) -> None:
    """A backfill or Slack's last retry brings the reply, once Slack identifies its author."""
    async with Sandbox(retry_delays=(0.05, 0.3, 2.0), org=is_org) as box:
        box.devin.add_session(SESSION)
        desk = Desk(box)
        async with running(desk, environ_of(box, redis_url, tmp_path)):
            thread = await desk.linked_thread()
            await desk.until_delivered(await desk.reply("Before", thread))
            desk.slack.fail_next("*", status=503, times=ALWAYS)
            ts = await desk.reply("Please rebase", thread, user="ben")
            delivery = desk.slack.deliveries[-1]
            await wait_until(lambda: delivery.attempts >= 3, "Slack has tried three times")
            desk.slack.fail_no_more()
            await desk.until_delivered(ts)
            await until_settled(store)
            assert (await delivery.settled()).acked
        assert [one.partition(",")[0] for one in desk.received()] == ["ada", "Ben Franklin"]
        assert set(desk.said(thread)) <= {late(1, [], silenced=False).text}
        assert desk.whispers("ben") == []


async def test_a_flood_of_mentions_turns_nobody_away(bot: Bot, desk: Desk) -> None:
    """Slack takes some hundred look-ups a minute; those for names leave enough for the others."""
    thread = await desk.linked_thread()
    known = asked(desk, "users.info")
    desk.slack.fail_next("users.info", times=99 - known)  # Slack answers these
    desk.slack.fail_next("users.info", retry_after=30, times=ALWAYS)
    text = "".join(f"<@U0MANY{one:04d}>" for one in range(2_000))
    await desk.until_delivered(await desk.reply(text, thread))
    await desk.until_delivered(await desk.reply("Me too", thread, user="ben"))
    assert len(desk.received()) == 2
    assert asked(desk, "users.info") < 99
    await desk.until_heard()


async def test_a_reply_that_could_not_be_sent_in_time_is_put_back_and_sent(
    box: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A slow file and a Redis outage outlast the lease: the unsent reply is not uncertain."""
    async with kept_valkey(tmp_path / "valkey") as valkey:
        desk = Desk(box)
        async with running(desk, environ_of(box, valkey.url, tmp_path)):
            thread = await desk.linked_thread(channel="shared")
            over = asyncio.Event()
            desk.slack.fail_next("files.info", until=over)
            ts = await desk.slack.say("One", thread=thread, channel="shared", files=["plan.md"])
            await wait_until(lambda: asked(desk, "files.info"), "its file is looked up")
            await valkey.stop()
            over.set()
            lost = "lease not renewed"
            await wait_until(lambda: caplog.messages.count(lost) > 2, "its hold has expired")
            await valkey.start()
            await desk.until_delivered(ts, channel="shared")
    assert len(desk.received()) == 1
    assert desk.said(thread, channel="shared") == []
