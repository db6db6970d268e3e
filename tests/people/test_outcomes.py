"""The outcome table is tested row by row, end to end: Devin's messages and the thread's reports.

`tests/devin/test_wire.py` covers the ways in which a connection can end.
"""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from redis.asyncio import Redis

from bot.app import Bot
from bot.devin.answers import DETAIL_LIMIT
from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind, Refusal, Reply, reply_id
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import DUE_KEY, Key, lease_key, subject_key, watched_key
from bot.settings import Settings, load_settings
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.text.to_slack import cut
from bot.timing import TIMING
from bot.wording import delivery_reports
from bot.wording.delivery_reports import DELIVERED_MARK, WAITING_MARK
from bot.wording.message import QUOTE_LIMIT, SlackMessage
from sandbox.devin.answers import ARCHIVED, FAILED, FINISHED, STATES, SUSPENDED, Api
from sandbox.slack.server import Message
from tests.support.bots import open_bot
from tests.support.desk import SESSION, Desk, actions, is_words, quote
from tests.support.keys import at
from tests.support.redis_servers import node_url
from tests.support.waiting import until_settled, wait_until

HOSTILE = "<!channel> & <@U0ADA00000>: *bold* _it_ `code` :tada: <https://evil.example|here>\n> q"
TEXT = "Please *rebase* &amp; <https://ex.am/ple|push>"
PROBLEMS = (
    "String should have at most 2000 characters (message)\n"
    "Value error, the first line must not be empty (message → 0)"
)
EMPTY_PAGE = "<html>  <body>\n<!channel> & no</body>"
OPEN = ("open_session",)
AGAIN = ("send_again", *OPEN)
AWAY = (*OPEN, "unlink")
OVER = ("start_new", *AWAY)


@dataclass(frozen=True)
class Row:
    """A row: Devin's behavior, and its visible effects; without an outcome, nothing is reported."""

    state: str
    mark: str | None = None
    outcome: Outcome | None = None
    buttons: tuple[str, ...] = OPEN
    how: Mapping[str, Any] = field(default_factory=dict)


def refused(refusal: Refusal, status: int, detail: str = "", **more: Any) -> Outcome:
    """Return the outcome of an answer by which Devin takes nothing."""
    return Outcome(kind=OutcomeKind.REFUSED, refusal=refusal, status=status, detail=detail, **more)


def other(status: int, detail: str) -> Outcome:
    """Return the outcome of a refusal that only Devin's own words explain."""
    return refused(Refusal.OTHER, status, detail)


def unsure(detail: str, status: int | None = None) -> Outcome:
    """Return the outcome of no answer, or of one that cannot be read."""
    return Outcome(kind=OutcomeKind.UNCERTAIN, detail=detail, status=status)


def unconfirmed(detail: str, kind: OutcomeKind = OutcomeKind.SUSPENDED) -> Outcome:
    """Return the outcome of a 200 that does not confirm the message."""
    return Outcome(kind=kind, detail=detail, status=200)


def ended(detail: str, status: int) -> Outcome:
    """Return the outcome of a refusal by a session that is over."""
    return Outcome(kind=OutcomeKind.ENDED, status=status, detail=detail)


LOST = unsure("connection lost")
NO_SESSION = refused(Refusal.NO_SESSION, 404)
UNTAKEN = {"takes": False}
"""The session does not list the message: reading the session does not help."""

ROWS = {
    "sent": Row("running", DELIVERED_MARK),
    "invalid": Row("rejects", "x", refused(Refusal.INVALID, 422, detail=PROBLEMS)),
    "invalid, unreadable": Row("rejects", "x", other(422, EMPTY_PAGE), how={"body": EMPTY_PAGE}),
    "key rejected": Row("unauthorized", "x", refused(Refusal.KEY_REJECTED, 401)),
    "key echoed": Row("unauthorized", "x", refused(Refusal.KEY_REJECTED, 401),
        how={"detail": "Bad key KEY"}),
    "may not write": Row("forbidden", "x", refused(Refusal.FORBIDDEN, 403)),
    "no such session": Row("missing", "x", NO_SESSION, AWAY),
    "no such session, no text": Row("missing", "x", NO_SESSION, AWAY, {"detail": "\ud800"}),
    "bottomless 4xx": Row("teapot", "x", other(418, "[" * DETAIL_LIMIT),
        how={"body": "[" * 60_000}),
    "plain 4xx": Row("teapot", "x", other(418, "I'm a teapot")),
    "HTML 4xx": Row("other", "x", other(400, str(STATES["other"].body))),
    "JSON 4xx": Row("other", "x", other(409, "busy"), how={"status": 409, "detail": "busy"}),
    "4xx with our key": Row("teapot", "x", other(418, "Bearer (key)"),
        how={"body": "Bearer KEY"}),
    "long 4xx": Row("teapot", "x", other(418, "x" * 9_000), how={"body": "x" * 9_000}),
    "redirect": Row("other", "x", other(302, "elsewhere"),
        how={"status": 302, "body": "elsewhere"}),
    "200, no JSON": Row("garbage", None, unsure("{'ok': True", 200), AGAIN),
    "200, empty": Row("garbage", None, unsure("", 200), AGAIN, {"body": ""}),
    "200, other JSON": Row("running", None, unsure('{"ok": true}', 200), AGAIN,
        {"body": {"ok": True}, **UNTAKEN}),
    "202": Row("running", None, unsure("later", 202), AGAIN,
        {"status": 202, "body": "later", **UNTAKEN}),
    "200, no JSON, but there": Row("running", DELIVERED_MARK, how={"body": "{"}),
    "200, half": Row("half", None, LOST, AGAIN, UNTAKEN),
    "hangs up after reading": Row("drops", None, LOST, AGAIN, UNTAKEN),
    "hangs up, but it is there": Row("drops", DELIVERED_MARK),
    "hangs up at once": Row("refuses", None, LOST, AGAIN),
    "500": Row("server_error", None, unsure("HTTP 500", 500), AGAIN),
    "502": Row("gateway", None, unsure("HTTP 502", 502), AGAIN),
    "504": Row("timeout", None, unsure("HTTP 504", 504), AGAIN),
}  # fmt: skip

ONLY_IN: Mapping[Api, Mapping[str, Row]] = {
    "v1": {
        "suspended": Row("suspended", "zzz", unconfirmed(SUSPENDED), AGAIN),
        "finished": Row("finished", "x", ended(FINISHED, 200), OVER),
        "expired": Row("failed", "x", ended(FAILED, 200), OVER),
        "not confirmed": Row("running", "zzz", unconfirmed("Later", OutcomeKind.UNCONFIRMED), AGAIN,
            {"detail": "Later", **UNTAKEN}),
        "hostile detail": Row("suspended", "zzz", unconfirmed(HOSTILE), AGAIN,
            {"detail": HOSTILE}),
        "half text": Row("suspended", "zzz", unconfirmed("asleep\ufffd"), AGAIN,
            {"detail": "asleep\ud800"}),
        "empty detail": Row("suspended", "zzz", unconfirmed(""), AGAIN, {"detail": ""}),
    },
    "v3": {
        "resumed": Row("suspended", DELIVERED_MARK),
        "waits for somebody": Row("blocked", DELIVERED_MARK),
        "exit": Row("finished", "x", ended(FINISHED, 409), OVER),
        "error": Row("failed", "x", ended(FAILED, 409), OVER),
        "archived": Row("archived", "x", ended(ARCHIVED, 409), OVER),
        "archived, and a 404": Row("archived", "x", ended("Gone", 404), OVER,
            {"status": 404, "detail": "Gone"}),
        "hostile 4xx": Row("other", "x", other(400, HOSTILE), OPEN, {"detail": HOSTILE}),
        "503": Row("down", None, unsure("HTTP 503", 503), AGAIN),
    },
}  # fmt: skip


@pytest.mark.parametrize("api", ["v1", "v3"])
async def test_every_answer_is_one_outcome(
    bot: Bot,
    api: Api,
    desk: Desk,
    store: Store,
    caplog: pytest.LogCaptureFixture,
    subtests: pytest.Subtests,
) -> None:
    """There is one POST, at most one mark, one report with Devin's own words, and no key."""
    caplog.set_level("DEBUG")
    rows = {**ROWS, **ONLY_IN[api]}
    seen = await asyncio.gather(
        *(_reply(row, f"devin-{number:032x}", desk) for number, row in enumerate(rows.values()))
    )
    await until_settled(store)
    for (name, row), where in zip(rows.items(), seen, strict=True):
        with subtests.test(name):
            _see(row, where, desk)
    key = desk.devin.api_key
    assert key not in json.dumps([call.params for call in desk.slack.calls])
    assert key not in caplog.text
    assert desk.devin.strays == []


@dataclass(frozen=True)
class Where:
    """A session, its thread, and a reply in it."""

    session: str
    thread: str
    reply: str


async def _reply(row: Row, session: str, desk: Desk) -> Where:
    """Reply to a new session that answers as the row says."""
    desk.devin.add_session(session)
    thread = await desk.linked_thread(session)
    how: dict[str, Any] = {
        name: value.replace("KEY", desk.devin.api_key) if isinstance(value, str) else value
        for name, value in row.how.items()
    }
    desk.devin.behave(session, row.state, **how)
    reply = await desk.reply(TEXT, thread)
    await wait_until(lambda: desk.devin.session(session).requests, "Devin is asked")
    return Where(session, thread, reply)


def _see(row: Row, where: Where, desk: Desk) -> None:
    asked = desk.devin.session(where.session).requests
    assert [request.authorized for request in asked] == [True]
    if row.state != "refuses":
        message = "ada, U0ADA00000 (in Slack):\n\nPlease **rebase** & [push](https://ex.am/ple)"
        assert asked[0].body == {"message": message}
    assert desk.marks(where.reply) == ([row.mark] if row.mark else [])
    reports = [one for one in desk.posts(where.thread) if not is_words(one)]
    assert len(reports) == (0 if row.outcome is None else 1)
    for report in reports:
        _check(report, row, desk.named(where.session))


def _check(report: Message, row: Row, session: NamedSession) -> None:
    assert row.outcome is not None
    words = delivery_reports.report(row.outcome, reply_in("", TEXT), 1, session)
    assert report.text == words.params()["text"]
    assert quote(report) == cut(words.quote, QUOTE_LIMIT)
    assert "&amp; [push](https://ex.am/ple)" in report.text
    assert actions(report) == list(row.buttons)
    (row_of_buttons,) = [block for block in report.blocks if block["type"] == "actions"]
    address = f"https://app.devin.ai/sessions/{session.session.removeprefix('devin-')}"
    assert [one["url"] for one in row_of_buttons["elements"] if "url" in one] == [address]
    for trick in ("<!channel>", "<@", "*bold*", "`code`", "<https://evil"):
        assert trick not in report.text


def reply_in(thread: str, text: str) -> Reply:
    """Return a reply of Ada's as its report sees it."""
    place = ThreadRef(team="", channel="", thread_ts=thread)
    return Reply(thread=place, ts="", author=UserId("U0ADA00000"), text=text)


def given_up(reason: str) -> SlackMessage:
    """Return the report of a reply that Devin has taken at no try."""
    outcome = Outcome(kind=OutcomeKind.GIVEN_UP, detail=reason)
    return delivery_reports.words_of(outcome, '"Please rebase"')


NOTICE = timedelta(seconds=0.2)
WAITS: Mapping[str, Mapping[str, Any]] = {
    "429": {"state": "rate_limited", "retry_after": 2},
    "429 with a fraction": {"state": "rate_limited", "retry_after": "1.5"},
    "429 with a date": {"state": "rate_limited"},
    "429 without a word": {"state": "rate_limited"},
}


@pytest.mark.times(send_pauses=TIMING.send_pauses)
@pytest.mark.parametrize("name", WAITS)
async def test_a_wait_ends_no_earlier_than_devin_says(name: str, bot: Bot, desk: Desk) -> None:
    """A 429 is retried after `Retry-After` in any form; the thread is not told."""
    thread = await desk.linked_thread()
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    how: dict[str, Any] = {"retry_after": until} if "date" in name else {}
    desk.devin.behave(SESSION, times=1, **WAITS[name], **how)
    await desk.until_delivered(await desk.reply("Please rebase", thread))

    first, second = desk.devin.session(SESSION).requests
    waited = second.at - first.at
    if "date" in name:
        assert time.time() - (time.monotonic() - second.at) >= until.timestamp()
    else:
        assert waited >= {"429": 2, "429 with a fraction": 1.5}.get(name, 0.75)
    assert len(desk.received()) == 1
    assert desk.said(thread) == []


async def test_a_refused_connection_is_tried_again(bot: Bot, desk: Desk, store: Store) -> None:
    """Nothing was sent, so nothing is said, and the reply arrives once Devin listens."""
    thread = await desk.linked_thread()
    await desk.devin.go_offline()
    reply = await desk.reply("Please rebase", thread)
    await wait_until(lambda: _attempts(store), "a first try")
    await desk.devin.go_online()
    await desk.until_delivered(reply)
    assert len(desk.devin.requests) == len(desk.received()) == 1
    assert desk.said(thread) == []


async def _attempts(store: Store) -> int:
    return int(await store.field(watched_key(SessionId(SESSION)), "attempts") or 0)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("https://devin.invalid", "no such host"),
        ("https://127.0.0.1:{port}", "no secure connection"),
        ("http://127.0.0.1:9", "connection refused"),
    ],
)
async def test_a_devin_out_of_reach_is_given_up_in_time(
    place: str, why: str, environ: dict[str, str], desk: Desk
) -> None:
    """After `GIVE_UP_AFTER` the thread is told why, with *Send again*; nothing was sent."""
    port = desk.devin.url.rpartition(":")[2]
    given = {"DEVIN_API_URL": place.format(port=port), "GIVE_UP_AFTER": "1s"}
    async with open_bot(load_settings(environ | given, None), delay_wait=timedelta(hours=1)):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        reply = await desk.reply("Please rebase", thread)
        await desk.until_said(given_up(why), thread)
    assert actions(desk.posts(thread)[-1]) == list(AGAIN)
    assert desk.marks(reply) == []
    assert len(desk.said(thread)) == 1
    assert desk.devin.requests == []


async def test_a_long_wait_is_noticed_once_and_forgotten_when_it_ends(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """A waiting reply has ⏳ and one notice; once delivered, it has ✅ instead."""
    async with open_bot(load_settings(environ, None), delay_wait=NOTICE):
        thread, reply = await put_off(desk)
        words = delivery_reports.waiting(
            reply_in(thread, "Please rebase"), timedelta(minutes=15), desk.named()
        )
        await desk.until_said(words, thread)
        desk.devin.behave(SESSION, "running")
        await desk.until_delivered(reply)
        await until_settled(store)
    assert desk.marks(reply) == [DELIVERED_MARK]
    (notice,) = desk.said(thread)
    assert notice == delivery_reports.waited(desk.named()).text


async def put_off(desk: Desk) -> tuple[str, str]:
    """Return a new thread, and a reply in it that waits, since Devin limits messages."""
    await desk.slack.wait_connected()
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited")
    reply = await desk.reply("Please rebase", thread)
    await desk.until_marked(WAITING_MARK, reply)
    return thread, reply


async def wait_too_long(desk: Desk, raw: Redis, ts: str) -> None:
    """Let a reply have waited for longer than `GIVE_UP_AFTER`."""
    channel = desk.slack.workspace.channel("general").id
    subject = subject_key(reply_id(desk.slack.team_id, channel, ts))
    await raw.hset(at(subject), "accepted", "1")
    await raw.hset(at(watched_key(SessionId(SESSION))), "failing", "1")


async def test_the_notice_of_a_wait_in_vain_says_that_it_is_over(
    environ: dict[str, str], desk: Desk, store: Store, raw: Redis
) -> None:
    """Beside the report, whatever that says, "I'll keep trying" would be untrue."""
    async with open_bot(load_settings(environ, None), delay_wait=NOTICE):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        desk.devin.behave(SESSION, "rate_limited")
        reply = await desk.reply("Please rebase", thread)
        await wait_until(lambda: desk.said(thread), "the notice is given")
        await wait_too_long(desk, raw, reply)
        await desk.until_said(given_up("HTTP 429"), thread)
        await until_settled(store)
    notice, _ = desk.said(thread)
    assert notice == delivery_reports.waited(desk.named()).text


@pytest.mark.parametrize("how", ["deleted", "an aside"])
async def test_the_notice_of_a_reply_that_is_taken_back_says_so(
    settings: Settings, desk: Desk, store: Store, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Else it would promise a try, and quote what was deleted; an aside loses its ⏳ as well.

    A poll finds that to be done, and the log takes it for no failure.
    """
    caplog.set_level(logging.INFO)
    async with open_bot(settings, delay_wait=NOTICE):
        thread, reply = await put_off(desk)
        if how == "deleted":
            await desk.slack.delete("general", reply)
        else:
            await desk.slack.edit("general", reply, "(aside) Please rebase")
            await desk.until_marked("wastebasket", reply)
        await until_settled(store)
        await wait_until(
            lambda: desk.said(thread)[0] == delivery_reports.waited(desk.named()).text,
            "the notice is taken back",
        )
    assert len(desk.said(thread)) == 1
    if how == "an aside":
        assert desk.marks(reply) == ["wastebasket"]
    assert "reports were not being told" not in caplog.messages


async def test_the_notice_of_a_reply_that_is_taken_back_and_then_sent_says_that_the_wait_is_over(
    settings: Settings, desk: Desk, store: Store
) -> None:
    """It is sent before a poll finds that the notice is to be taken back."""
    async with open_bot(settings, delay_wait=NOTICE, entry_pause=3600.0):
        thread, reply = await put_off(desk)
        channel = desk.slack.workspace.channel("general").id
        subject = subject_key(reply_id(desk.slack.team_id, channel, reply))
        await wait_until(lambda: store.field(subject, "delay_told_in"), "the notice is told")
        await desk.slack.edit("general", reply, "(aside) Please rebase")
        await desk.until_marked("wastebasket", reply)
        desk.devin.behave(SESSION, "running")
        await desk.slack.shortcut("send_to_devin", channel="general", message_ts=reply)
        await desk.until_delivered(reply)
    async with open_bot(settings):
        await until_settled(store)
    assert desk.said(thread) == [delivery_reports.waited(desk.named()).text]
    assert WAITING_MARK not in desk.marks(reply)


async def test_a_notice_that_comes_after_its_reply_was_given_up_ends_though_that_is_sent_again(
    settings: Settings, desk: Desk, store: Store, raw: Redis
) -> None:
    """Slack takes its time for the notice; *Send again* is pressed before a poll takes it back."""
    async with open_bot(settings, delay_wait=NOTICE, entry_pause=3600.0):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        desk.devin.behave(SESSION, "rate_limited")
        is_late, before = asyncio.Event(), _methods(desk).count("chat.postMessage")
        desk.slack.fail_next("chat.postMessage", until=is_late)
        reply = await desk.reply("Please rebase", thread)
        await wait_until(
            lambda: _methods(desk).count("chat.postMessage") > before, "the notice is on its way"
        )
        await wait_too_long(desk, raw, reply)
        await desk.until_said(given_up("HTTP 429"), thread)
        is_late.set()
        channel = desk.slack.workspace.channel("general").id
        subject = subject_key(reply_id(desk.slack.team_id, channel, reply))
        await wait_until(lambda: store.field(subject, "delay_told_in"), "the notice is told")
        desk.devin.behave(SESSION, "running")
        await desk.press("send_again", thread)
        await desk.until_delivered(reply)
    async with open_bot(settings):
        await until_settled(store)
    assert delivery_reports.waited(desk.named()).text in desk.said(thread)
    assert desk.marks(reply) == [DELIVERED_MARK]


@pytest.mark.parametrize("how", ["deleted", "delivered"])
async def test_a_notice_whose_try_was_cut_short_is_taken_back_as_well(
    settings: Settings, desk: Desk, store: Store, how: str
) -> None:
    """It was posted, but Slack had no room for its ⏳; the reply is gone before the next try."""
    async with open_bot(settings, delay_wait=NOTICE):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        desk.devin.behave(SESSION, "rate_limited")
        is_late = asyncio.Event()
        desk.slack.fail_next("reactions.add", status=500, until=is_late)
        reply = await desk.reply("Please rebase", thread)
        await wait_until(lambda: "reactions.add" in _methods(desk), "⏳ is on its way")
        channel = desk.slack.workspace.channel("general").id
        subject = subject_key(reply_id(desk.slack.team_id, channel, reply))
        if how == "deleted":
            await desk.slack.delete("general", reply)
        else:
            desk.devin.behave(SESSION, "running")
        await wait_until(lambda: _is_over(store, subject), "the reply waits no longer")
        is_late.set()
        await until_settled(store)
    assert desk.said(thread) == [delivery_reports.waited(desk.named()).text]


async def _is_over(store: Store, subject: Key) -> bool:
    return await store.field(subject, "state") in {"done", "withdrawn"}


async def test_a_notice_that_comes_too_late_leaves_no_mark(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """The outcome may be told while ⏳ is still under way; ⏳ is then removed again."""
    async with open_bot(load_settings(environ, None), delay_wait=NOTICE):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        desk.devin.behave(SESSION, "rate_limited")
        is_late = asyncio.Event()
        desk.slack.fail_next("reactions.add", until=is_late)
        reply = await desk.reply("Please rebase", thread)
        await wait_until(lambda: "reactions.add" in _methods(desk), "⏳ is on its way")
        desk.devin.behave(SESSION, "running")
        await desk.until_delivered(reply)
        assert WAITING_MARK not in desk.marks(reply)
        is_late.set()
        await until_settled(store)
        await wait_until(lambda: "reactions.remove" in _methods(desk), "⏳ is taken off")
    assert desk.marks(reply) == [DELIVERED_MARK]


async def test_a_notice_that_comes_after_the_outcome_says_that_the_wait_is_over(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """Slack may take its time for the notice, while Devin takes the reply."""
    async with open_bot(load_settings(environ, None), delay_wait=NOTICE):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        await until_settled(store)
        desk.devin.behave(SESSION, "rate_limited")
        is_late, before = asyncio.Event(), _methods(desk).count("chat.postMessage")
        desk.slack.fail_next("chat.postMessage", until=is_late)
        reply = await desk.reply("Please rebase", thread)
        await wait_until(
            lambda: _methods(desk).count("chat.postMessage") > before, "the notice is on its way"
        )
        desk.devin.behave(SESSION, "running")
        await desk.until_delivered(reply)
        is_late.set()
        await until_settled(store)
    (notice,) = desk.said(thread)
    assert notice == delivery_reports.waited(desk.named()).text
    assert desk.marks(reply) == [DELIVERED_MARK]


def _methods(desk: Desk) -> list[str]:
    return [call.method for call in desk.slack.calls]


async def test_a_reply_given_up_can_be_sent_again(
    settings: Settings, desk: Desk, store: Store, raw: Redis
) -> None:
    """It loses its ⏳, keeps its text, and arrives by *Send again* when Devin is back."""
    async with open_bot(settings, delay_wait=NOTICE):
        thread, reply = await put_off(desk)
        await wait_until(lambda: desk.said(thread), "the notice is given")
        await wait_too_long(desk, raw, reply)
        await desk.until_said(given_up("HTTP 429"), thread)
        await until_settled(store)
        assert desk.marks(reply) == []
        assert len(desk.said(thread)) == 2
        assert desk.received() == []

        desk.devin.behave(SESSION, "running")
        await desk.press("send_again", thread)
        await desk.until_received("Please rebase")
        await desk.until_delivered(reply)


async def test_a_relay_that_died_while_sending_says_so(
    settings: Settings, desk: Desk, store: Store, redis_url: str
) -> None:
    """A half-sent reply is uncertain: it is reported, with *Send again*, and not sent blindly."""
    root = await desk.slack.say("Shall we ship it?", deliver=False)
    ts = await desk.slack.say("Please rebase", thread=root, deliver=False)
    channel, ada = desk.slack.workspace.channel("general").id, UserId("U0ADA00000")
    thread = ThreadRef(team=desk.slack.team_id, channel=channel, thread_ts=root)
    session, ttl = SessionId(SESSION), timedelta(days=1)
    await Links(store, ttl).create(thread, Link(session=session, by=ada, linked_at=1))
    reply = Reply(thread=thread, ts=ts, author=ada, text="Please rebase")
    await Mailbox(store, ttl).accept(reply, session, timedelta(0))
    await Mailbox(store, ttl).take(session, "the token of one who died")
    with redis.Redis.from_url(node_url(redis_url)) as client:  # as if it had died a minute ago
        client.delete(at(lease_key(session)))
        client.zincrby(at(DUE_KEY), -60_000, session)

    async with open_bot(settings):
        report = await desk.offering("send_again", root)
        await until_settled(store)
    words = delivery_reports.words_of(unsure("its reason"), '"Please rebase"')
    before, after = words.text.split("its reason")
    assert report.text.startswith(before)
    assert after in report.text
    assert desk.posts(root) == [report]
    assert actions(report) == list(AGAIN)
    assert desk.marks(ts) == []
    assert desk.devin.requests == []
