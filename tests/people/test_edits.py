"""Queued replies follow edits and deletions; once Devin has a reply, its author is told."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.errors import (
    AlreadyDone,
    EmptyMessage,
    Expired,
    IsMuted,
    LinkedElsewhere,
    MessageGone,
    NotAllowed,
    NotLinked,
    PersonError,
    StoreAway,
)
from bot.model.files import AttachedFile, Upload
from bot.model.people import Standing, UserId
from bot.model.replies import Change, Outcome, OutcomeKind, Reply, ReplyId, reply_id
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import Link, ThreadRef
from bot.model.times import Micros
from bot.redis import keep
from bot.redis.connection import Store
from bot.redis.keys import OUTBOX_KEY, subject_key, watched_key
from bot.settings import Settings
from bot.store.lua import scripts
from bot.store.mailbox import Head, Mailbox, Nothing
from bot.store.outbox import Outbox, Owed, OwedKind
from bot.store.revisions import Revised, Revisions
from bot.wording import delivery_reports, refusals, thread_links
from bot.wording.delivery_reports import DELIVERED_MARK
from bot.wording.phrases import mail_waiting, session_address
from handlers.parse.messages import parse_deletion, parse_edit
from sandbox.slack.server import Message
from sandbox.slack.transport.deliveries import Delivery
from tests.support.bots import open_bot
from tests.support.builders import (
    ADA,
    JSON,
    OURS,
    TEAM,
    TS,
    a_reply,
    a_share,
    mutated,
    sample_event,
)
from tests.support.desk import (
    OTHER_SESSION,
    SESSION,
    Desk,
    actions,
    in_org_too,
    muted,
    on_v1,
    quote,
    running,
    tells,
)
from tests.support.entries import Entries, linked
from tests.support.keys import at
from tests.support.known import forget
from tests.support.waiting import until_settled, wait_until

FROM_ADA = "ada, U0ADA00000 (in Slack):\n\n"
OFFER = delivery_reports.correction_offered("")
GUEST = refusals.sorry(NotAllowed(Standing.GUEST))
GONE = refusals.sorry(Expired())
AGAIN = ["send_again", "open_session"]


async def waiting(
    desk: Desk, store: Store, text: str = "Please rebase", **how: str
) -> tuple[str, str]:
    """Write a reply that Devin has not taken yet; return its thread and ts."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited")
    ts = await desk.reply(text, thread, **how)
    await until_put_off(store)
    await desk.until_heard()
    return thread, ts


async def until_put_off(store: Store) -> None:
    """Wait until Devin has refused and the first reply is queued again; a request is not enough."""

    async def is_put_off() -> bool:
        return bool(await store.field(watched_key(SessionId(SESSION)), "attempts"))

    await wait_until(is_put_off, "the reply waits")


async def delivered(desk: Desk, text: str = "Please rebase", **how: str) -> tuple[str, str]:
    """Write a reply that Devin has; return its thread and ts."""
    thread = await desk.linked_thread()
    ts = await desk.reply(text, thread, **how)
    await desk.until_delivered(ts)
    return thread, ts


async def edit(desk: Desk, ts: str, text: str, **how: Any) -> None:
    await desk.slack.edit("general", ts, text, **how)
    await desk.until_heard()


async def delete(desk: Desk, ts: str) -> None:
    await desk.slack.delete("general", ts)
    await desk.until_heard()


def offers(desk: Desk) -> list[Message]:
    return [one for one in desk.slack.ephemerals("general", "ada") if tells(one.text, OFFER)]


async def offered(desk: Desk, count: int = 1) -> Message:
    await wait_until(lambda: len(offers(desk)) == count, f"{count} offers")
    return offers(desk)[-1]


def corrections_in(desk: Desk, thread: str) -> list[Message]:
    words = delivery_reports.corrected("ada", "")
    return [one for one in desk.posts(thread) if tells(one.text, words)]


async def press(desk: Desk, offer: Message) -> None:
    await desk.slack.press_ephemeral("send_correction", channel="general", message_ts=offer.ts)


async def back(desk: Desk, store: Store) -> list[str]:
    """Bring Devin back; return what it has read once no reply waits."""
    desk.devin.behave(SESSION, "running")
    await until_no_mail(store)
    return desk.received()


async def until_no_mail(store: Store) -> None:
    async def is_empty() -> bool:
        return (await Entries(store).depths())[0] == 0

    await wait_until(is_empty, "no session has mail")


async def test_an_edit_changes_the_reply_that_waits(bot: Bot, desk: Desk, store: Store) -> None:
    """Devin reads the new text in the old place, and ✏️ shows that the edit counted."""
    thread, ts = await waiting(desk, store, "Please rebase")
    await desk.reply("And tag", thread)
    await edit(desk, ts, "Please *merge*")
    await edit(desk, ts, "Please *squash*")
    await desk.until_marked("pencil2", ts)
    assert await back(desk, store) == [FROM_ADA + "Please **squash**", FROM_ADA + "And tag"]
    assert desk.whispers("ada") == []


async def test_an_edit_that_leaves_nothing_is_told_though_redis_went_away_amid_it(
    bot: Bot, desk: Desk, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply was taken back before; Slack retries the edit, and its author is told."""
    _, ts = await waiting(desk, store, "Please rebase")
    owe = Outbox.owe

    async def away(*_: object, **__: object) -> bool:
        monkeypatch.setattr(Outbox, "owe", owe)
        raise StoreAway("gone")

    monkeypatch.setattr(Outbox, "owe", away)
    await desk.slack.edit("general", ts, " ")
    await desk.until_whispered(refusals.sorry(EmptyMessage()), "ada")
    assert await back(desk, store) == []


async def test_an_edit_keeps_the_files_that_it_does_not_show(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Slack may report only the text."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited")
    ts = await desk.slack.say("See this", thread=thread, files=["plan.md"])
    await until_put_off(store)
    event = change_of(desk, ts, "See that")
    del event["message"]["files"]
    await desk.slack.deliver_event(event)
    await desk.until_heard()
    await back(desk, store)
    ((received, (file,)),) = desk.read()
    assert "See that" in received
    assert "plan.md" in file


async def test_a_file_that_an_edit_replaced_is_not_sent(bot: Bot, desk: Desk, store: Store) -> None:
    """This holds even if the file was uploaded for an attempt that failed."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited")
    ts = await desk.slack.say("See this", thread=thread, files=["plan.md"])
    await until_put_off(store)
    other = await desk.slack.say("x", files=["other.md"], deliver=False)
    files = desk.slack.event_of("general", other)["files"]
    await desk.slack.deliver_event(change_of(desk, ts, "See that", files=files))
    await desk.until_heard()
    await back(desk, store)
    ((received, (file,)),) = desk.read()
    assert "other.md" in file
    assert "plan.md" not in received


def change_of(desk: Desk, ts: str, text: str, **message: Any) -> dict[str, Any]:
    """Return the `message_changed` of an edit, to be modified and delivered by hand."""
    before = desk.slack.event_of("general", ts)
    del before["channel_type"]
    at = desk.slack.workspace.clock.next_ts()
    edited = {"user": before["user"], "ts": at}
    after = {**before, "text": text, "blocks": [], "edited": edited}
    return {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "message": after | message,
        "previous_message": before,
        "channel": before["channel"],
        "ts": at,
        "event_ts": at,
    }


@pytest.mark.parametrize("shows_before", [True, False])
async def test_a_redelivered_edit_acts_once(
    bot: Bot, desk: Desk, store: Store, shows_before: bool,  # noqa: FBT001 — a parameter of pytest's
) -> None:  # fmt: skip
    """This also holds after a later edit, and if Slack does not show the previous text."""
    _, ts = await waiting(desk, store)
    first, second = change_of(desk, ts, "One"), change_of(desk, ts, "Two")
    for event in (first, second, first):
        if not shows_before:
            event.pop("previous_message", None)
        await (await desk.slack.deliver_event(event)).settled()
    assert await back(desk, store) == [FROM_ADA + "Two"]
    await (await desk.slack.deliver_event(second)).settled()
    await desk.until_heard()
    assert desk.whispers("ada") == []


async def test_a_link_preview_is_no_edit(bot: Bot, desk: Desk, store: Store) -> None:
    """This holds before and after delivery, and for a message that was edited once."""
    _, ts = await waiting(desk, store)
    await desk.slack.unfurl("general", ts)
    await edit(desk, ts, "Please merge https://example.com/")
    await desk.until_marked("pencil2", ts)
    await desk.slack.unfurl("general", ts)
    await desk.until_heard()
    assert await back(desk, store) == [FROM_ADA + "Please merge https://example.com/"]
    await desk.slack.unfurl("general", ts)
    await desk.until_heard()
    assert desk.whispers("ada") == []


async def test_an_edit_into_an_aside_cancels_the_reply(bot: Bot, desk: Desk, store: Store) -> None:
    """The text now says that it is not for Devin; 🗑️ shows that this counted."""
    thread, ts = await waiting(desk, store)
    after = await desk.reply("And tag", thread)
    await edit(desk, ts, "(aside) Please rebase")
    await desk.until_marked("wastebasket", ts)
    assert await back(desk, store) == [FROM_ADA + "And tag"]
    await desk.until_delivered(after)
    assert desk.marks(ts) == ["wastebasket"]


async def test_a_deleted_reply_leaves_its_mailbox(bot: Bot, desk: Desk, store: Store) -> None:
    """It may be first or last in its mailbox, and a retried event does not bring it back."""
    thread, first = await waiting(desk, store, "One")
    event = desk.slack.event_of("general", first)
    await desk.reply("Two", thread)
    third = await desk.reply("Three", thread)
    await desk.until_heard()
    await delete(desk, first)
    await delete(desk, third)
    await (await desk.slack.deliver_event(event)).settled()
    assert await back(desk, store) == [FROM_ADA + "Two"]
    await desk.reply("Four", thread)
    await desk.until_received("Four")


async def test_the_only_reply_deleted_leaves_nothing_behind(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Its session has no mail and no failures, and accepts the next reply at once."""
    thread, ts = await waiting(desk, store, "One")
    await delete(desk, ts)
    await until_no_mail(store)
    desk.devin.behave(SESSION, "running")
    await desk.reply("Two", thread)
    await desk.until_received("Two")
    assert desk.received() == [FROM_ADA + "Two"]
    status = await desk.answer("status", thread, session_address(desk.named()))
    assert mail_waiting(0) in status


async def test_a_notice_of_a_deleted_reply_is_not_given(
    bot: Bot, desk: Desk, store: Store, raw: Redis
) -> None:
    """There is no reply that waits."""
    thread, ts = await waiting(desk, store)
    await delete(desk, ts)
    for owed in await raw.zrange(at(OUTBOX_KEY), 0, -1):
        await raw.zadd(at(OUTBOX_KEY), {str(owed): 1})  # it is due
    await until_settled(store)
    assert desk.said(thread) == []


@on_v1
@pytest.mark.parametrize("state", ["suspended", "server_error"])
async def test_sent_again_a_reply_is_as_it_was_edited_since(
    settings: Settings, desk: Desk, store: Store, state: str
) -> None:
    """While it waits again, it follows edits and deletions like the first time."""
    async with open_bot(settings):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        desk.devin.behave(SESSION, state)
        ts = await desk.reply("One", thread)
        await wait_until(
            lambda: [actions(one) for one in desk.posts(thread)] == [AGAIN],
            "the report",
        )
        desk.devin.behave(SESSION, "rate_limited")
        await desk.press("send_again", thread)
        await until_put_off(store)
        await edit(desk, ts, "Two")
        await desk.until_marked("pencil2", ts)
        assert (await back(desk, store))[-1] == FROM_ADA + "Two"


@in_org_too
async def test_after_delivery_an_edit_is_offered_to_its_author(bot: Bot, desk: Desk) -> None:
    """Nothing is sent automatically; a press posts the correction under their name and sends it."""
    thread, ts = await delivered(desk)
    await edit(desk, ts, "Please *merge*")
    offer = await offered(desk)
    assert actions(offer) == ["send_correction"]
    assert offer.thread_ts == thread
    assert desk.received() == [FROM_ADA + "Please rebase"]

    await press(desk, offer)
    await desk.until_received("merge")
    assert desk.received()[1:] == [
        "ada, U0ADA00000 (in Slack), correcting an earlier message:\n\nPlease **merge**"
    ]
    post = desk.posts(thread)[-1]
    assert corrections_in(desk, thread) == [post]
    assert quote(post) == "Please **merge**"
    await desk.until_delivered(post.ts)
    await wait_until(lambda: not actions(offer), "the offer is gone")

    await edit(desk, ts, "Please squash")
    await press(desk, await offered(desk))
    await desk.until_received("squash")
    assert desk.marks(ts) == [DELIVERED_MARK]


async def test_each_edit_is_offered_once_and_the_latest_text_is_sent(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The button of an earlier offer sends it as well; the others then have nothing to send."""
    _, ts = await delivered(desk)
    await edit(desk, ts, "One")
    first = await offered(desk)
    await edit(desk, ts, "Two")
    second = await offered(desk, 2)
    for delivery in reversed(list(desk.slack.deliveries)):
        if delivery.payload.get("event", {}).get("subtype") == "message_changed":
            await (await desk.slack.redeliver(delivery)).settled()
    await press(desk, first)
    await desk.until_received("Two")
    await press(desk, second)
    await desk.until_whispered(refusals.sorry(AlreadyDone()), "ada")
    await until_settled(store)
    assert len(desk.received()) == 2
    assert len(offers(desk)) <= 2


async def test_of_two_edits_at_once_the_later_text_is_sent(
    bot: Bot, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are offered under one number, the later one first."""
    _, ts = await delivered(desk)
    offer, edits = Revisions.offer, ["Two"]

    async def offer_late(self: Revisions, reply: ReplyId, number: str) -> str:
        if edits:
            await desk.slack.edit("general", ts, edits.pop())
            await desk.slack.deliveries[-1].settled()
        return await offer(self, reply, number)

    monkeypatch.setattr(Revisions, "offer", offer_late)
    await edit(desk, ts, "One")
    await press(desk, await offered(desk, 2))
    await wait_until(lambda: len(desk.received()) == 2, "a correction arrives")
    assert "Two" in desk.received()[-1]


async def test_a_correction_whose_post_was_not_answered_is_found(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """It is in the thread once, and goes to Devin once, without another press."""
    thread, ts = await delivered(desk)
    await edit(desk, ts, "Please merge")
    offer = await offered(desk)
    desk.slack.fail_next("chat.postMessage", drop_after=True)
    await press(desk, offer)
    await desk.until_received("Please merge")
    await until_settled(store)
    assert len(corrections_in(desk, thread)) == 1
    assert len(desk.received()) == 2


@pytest.mark.usefixtures("hurried")
async def test_an_edit_waits_at_slack_while_slack_does_not_say_whose_it_is(
    environ: dict[str, str], desk: Desk, store: Store, raw: Redis
) -> None:
    """A failed look-up must not lose the edit of a reply that waits."""
    async with running(desk, environ):
        _, ts = await waiting(desk, store)
    await forget(raw)
    async with running(desk, environ):
        desk.slack.fail_next("users.info", status=500, times=2)
        await desk.slack.edit("general", ts, "Please merge")
        delivery = desk.slack.deliveries[-1]
        await wait_until(lambda: delivery.attempts > 1, "it is brought again")
        assert not delivery.acked

        async def is_taken() -> bool:
            again = await (await desk.slack.redeliver(delivery)).settled()
            return again.acked

        await wait_until(is_taken, "it is taken once Slack says who that is")
        assert "Please merge" in (await back(desk, store))[0]


async def test_while_it_is_being_sent_an_edit_is_offered(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Nobody knows what Devin read, so nothing is changed under way."""
    thread, answers = await desk.linked_thread(), asyncio.Event()
    desk.devin.behave(SESSION, "running", until=answers)
    ts = await desk.reply("Please rebase", thread)
    await wait_until(lambda: desk.devin.requests, "Devin was asked")
    await desk.slack.edit("general", ts, "Please merge")
    await until_noted(desk, store, ts, "Please merge")
    answers.set()
    await offered(desk)
    await desk.until_delivered(ts)
    assert desk.received() == [FROM_ADA + "Please rebase"]
    assert desk.marks(ts) == [DELIVERED_MARK]


@pytest.mark.parametrize("text", ["Please merge", "(aside) merge", ""])
async def test_a_change_during_the_upload_of_its_files_counts(
    bot: Bot, desk: Desk, store: Store, text: str
) -> None:
    """Devin has nothing of the message yet, and that may take a minute; no text is a deletion."""
    thread, answers = await desk.linked_thread(), asyncio.Event()
    desk.slack.fail_next("files.info", until=answers)
    file = desk.slack.workspace.add_file("plan.md", content=b"x")
    ts = await desk.slack.say("Please rebase", thread=thread, files=[file], deliver=False)
    stub = {"id": file.id, "mode": "file_access", "file_access": "check_file_info"}
    await desk.slack.deliver_event({**desk.slack.event_of("general", ts), "files": [stub]})
    await wait_until(lambda: "files.info" in [one.method for one in desk.slack.calls], "it's asked")
    if text:
        await desk.slack.edit("general", ts, text)
    else:
        await desk.slack.delete("general", ts)
    await until_noted(desk, store, ts, text if text == "Please merge" else "")
    answers.set()
    await until_no_mail(store)
    await until_settled(store)
    sent = [one.rpartition("\n")[2] for one in desk.received()]
    assert sent == (["Please merge"] if text == "Please merge" else [])
    assert desk.whispers("ada") == []


async def until_noted(desk: Desk, store: Store, ts: str, text: str) -> None:
    """Wait until it is noted what a reply that is being sent says now; empty if nothing."""
    channel = desk.slack.workspace.channel("general").id
    key = subject_key(reply_id(desk.slack.team_id, channel, ts))

    async def is_noted() -> bool:
        noted = await store.field(key, "meanwhile")
        return noted is not None and text == (noted and Reply.model_validate_json(noted).text)

    await wait_until(is_noted, f"{text!r} is noted")


async def being_asked(desk: Desk) -> tuple[str, str, asyncio.Event]:
    """Return a reply that is being sent to a Devin that will not take it: thread and ts.

    Devin refuses it, and answers the next one, once the event is set.
    """
    thread, refuses = await desk.linked_thread(), asyncio.Event()
    desk.devin.behave(SESSION, "rate_limited", until=refuses)
    ts = await desk.reply("Please rebase", thread)
    await wait_until(lambda: desk.devin.requests, "Devin was asked")
    return thread, ts, refuses


@pytest.mark.parametrize("times", [1, 2])
async def test_an_edit_that_meets_a_try_in_vain_counts_for_the_next(
    bot: Bot, desk: Desk, store: Store, times: int
) -> None:
    """It acts as if it had come while the reply waited; a repeated event counts once."""
    _, ts, refuses = await being_asked(desk)
    await desk.slack.edit("general", ts, "Please merge")
    await desk.slack.edit("general", ts, "Please *squash*")
    for _ in range(times - 1):
        await desk.slack.redeliver(desk.slack.deliveries[-2])
        await desk.slack.redeliver(desk.slack.deliveries[-2])
    await until_noted(desk, store, ts, "Please *squash*")
    refuses.set()
    await desk.until_marked("pencil2", ts)
    assert await back(desk, store) == [FROM_ADA + "Please **squash**"]
    await desk.until_heard()
    assert desk.whispers("ada") == []


@pytest.mark.parametrize("change", ["deletion", "aside"])
async def test_a_reply_that_is_taken_back_during_a_try_in_vain_is_not_sent_again(
    bot: Bot, desk: Desk, store: Store, change: str
) -> None:
    """It does not wait any longer, either, or hold up the replies behind it."""
    thread, ts, refuses = await being_asked(desk)
    await desk.reply("And tag", thread)
    await desk.slack.edit("general", ts, "Please merge")
    if change == "deletion":
        await desk.slack.delete("general", ts)
    else:
        await desk.slack.edit("general", ts, "(aside) Please rebase")
    await until_noted(desk, store, ts, "")
    refuses.set()
    await wait_until(lambda: len(desk.devin.requests) > 1, "Devin is asked for the other")
    assert await back(desk, store) == [FROM_ADA + "And tag"]
    await desk.until_heard()
    assert desk.whispers("ada") == []


@on_v1
async def test_what_is_taken_back_while_it_is_sent_is_not_sent_again_by_anybody(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Its report still shows the text, and offers a *Send again* that has nothing to send."""
    thread, answers = await desk.linked_thread(), asyncio.Event()
    desk.devin.behave(SESSION, "suspended", until=answers)
    ts = await desk.reply("Please rebase", thread)
    await wait_until(lambda: desk.devin.requests, "Devin was asked")
    await desk.slack.delete("general", ts)
    await until_noted(desk, store, ts, "")
    answers.set()
    await desk.until_whispered(delivery_reports.READ_ALREADY, "ada")
    await wait_until(
        lambda: [actions(one) for one in desk.posts(thread)] == [AGAIN],
        "the report",
    )
    await until_settled(store)
    await desk.press("send_again", thread)
    await desk.until_whispered(refusals.sorry(MessageGone()), "ada")
    assert len(desk.devin.requests) == 1


async def test_an_edit_whose_process_died_during_a_try_in_vain_counts(store: Store) -> None:
    """The edit is noted with the reply, and an older one that comes late does not undo it."""
    mailbox, revisions, reply = await taken(store)
    edits = [reply.model_copy(update={"text": text}) for text in ("older", "newer")]
    for number in (2, 1, 2, 1):
        met = await revisions.change(edits[number - 1], Micros(number), may_be_ahead=False)
        assert met.what is Revised.SENDING
    head = await mailbox.take(OF, "token")
    assert isinstance(head, Head)
    await mailbox.defer(OF, "token", head, timedelta(0), timedelta(0))
    met = await revisions.change(edits[1], Micros(2), may_be_ahead=False)
    assert met.what is Revised.CHANGED
    met = await revisions.change(edits[0], Micros(1), may_be_ahead=False)
    assert met.what is Revised.REPEATED
    again = await mailbox.take(OF, "another")
    assert isinstance(again, Head)
    assert again.reply.text == "newer"


@pytest.mark.parametrize("kind", OutcomeKind)
async def test_what_may_be_sent_again_is_what_the_message_says_now(
    store: Store, kind: OutcomeKind
) -> None:
    """Whatever ends the try applies the edit, with or without the process that heard of it."""
    mailbox, revisions, reply = await taken(store)
    edited = reply.model_copy(update={"text": "newer"})
    met = await revisions.change(edited, Micros(2), may_be_ahead=False)
    assert met.what is Revised.SENDING
    head = await mailbox.take(OF, "token")
    assert isinstance(head, Head)
    await mailbox.finish(OF, "token", head, Outcome(kind=kind), go_on=True)
    kept = await mailbox.kept(reply.id)
    assert kept == (None if kind is OutcomeKind.DELIVERED else edited)
    met = await revisions.change(edited, Micros(2), may_be_ahead=False)
    assert (met.what, met.outcome) == (Revised.DONE, Outcome(kind=kind))


async def test_what_is_taken_back_while_it_is_sent_is_gone_even_if_nobody_repeats_that(
    store: Store,
) -> None:
    """The process that heard of it may die. The text goes with the report that still needs it."""
    mailbox, revisions, reply = await taken(store)
    met = await revisions.withdraw(reply.id, may_be_ahead=False)
    assert met.what is Revised.SENDING
    head = await mailbox.take(OF, "token")
    assert isinstance(head, Head)
    await mailbox.finish(OF, "token", head, Outcome(kind=OutcomeKind.UNCERTAIN), go_on=True)
    assert await mailbox.send_again(reply, head.round) is None
    entries, report = Entries(store), Owed(reply.id, head.round, OwedKind.OUTCOME)
    assert await entries.begin(report)
    assert await mailbox.kept(reply.id) == reply
    await entries.end(report, told=True)
    assert await mailbox.kept(reply.id) is None


@pytest.mark.parametrize("when", ["waiting", "sending", "done"])
async def test_nothing_that_a_deleted_reply_said_is_kept(
    store: Store, raw: Redis, when: str
) -> None:
    """Neither its text nor its files, whose names, links and spoken words are noted with it."""
    mailbox, revisions, reply = await taken(store)
    file = AttachedFile(name="plan.md", permalink="https://acme.slack.com/F1", spoken="hello")
    await mailbox.keep_uploads(reply.id, [Upload(file=file)])
    head = await mailbox.take(OF, "token")
    assert isinstance(head, Head)
    entries, report = Entries(store), Owed(reply.id, head.round, OwedKind.OUTCOME)
    if when == "waiting":
        await mailbox.defer(OF, "token", head, timedelta(0))
    if when == "sending":
        await revisions.withdraw(reply.id, may_be_ahead=False)
    if when != "waiting":
        await mailbox.finish(OF, "token", head, Outcome(kind=OutcomeKind.UNCERTAIN), go_on=True)
        assert await entries.begin(report)
        await entries.end(report, told=True)
    await revisions.withdraw(reply.id, may_be_ahead=False)
    kept = str(await raw.hgetall(at(subject_key(reply.id))))
    assert "hello" not in kept
    assert "plan.md" not in kept


async def test_a_change_of_what_was_not_for_devin_leaves_nothing(store: Store, raw: Redis) -> None:
    """Its text is nothing that the relay may keep."""
    _, revisions, reply = await taken(store)
    other = reply.model_copy(update={"ts": "1764000002.000100"})
    for met in (
        await revisions.change(other, Micros(1), may_be_ahead=False),
        await revisions.withdraw(other.id, may_be_ahead=False),
    ):
        assert met.what is Revised.UNKNOWN
    assert not await raw.exists(at(subject_key(other.id)))


async def test_an_edit_ahead_of_its_message_is_kept_no_longer_once_it_is_deleted(
    store: Store, raw: Redis
) -> None:
    """Slack brings the message within 24 h, or never."""
    _, revisions, reply = await taken(store)
    other = reply.model_copy(update={"ts": "1764000002.000100"})
    for met in (
        await revisions.change(other, Micros(1), may_be_ahead=True),
        await revisions.withdraw(other.id, may_be_ahead=True),
    ):
        assert met.what is Revised.AHEAD
        assert 0 < await raw.ttl(at(subject_key(other.id))) <= keep.AHEAD.total_seconds()


async def test_a_change_of_another_form_than_the_reply_has_is_made_again(store: Store) -> None:
    """Another edit came between its read and its write, and what that brought must stay."""
    mailbox, _, reply = await taken(store)
    await scripts.defer(
        store,
        session=OF,
        token="token",
        reply_id=reply.id,
        after_ms=0,
        report="",
        report_after_ms=0,
    )
    said = reply.model_copy(update={"text": "read before another edit came"})
    answer = await scripts.revise(
        store,
        reply_id=reply.id,
        session=OF,
        old=said.to_json(),
        new=said.to_json(),
        edited=1,
        may_be_ahead=False,
        drops="",
    )
    assert list(answer) == ["raced", ""]
    assert await mailbox.kept(reply.id) == reply


async def test_an_edit_that_was_offered_is_offered_no_more(store: Store) -> None:
    """Neither when its event comes again, nor after an older one; only a later edit is news."""
    mailbox, revisions, reply = await taken(store)
    head = await mailbox.take(OF, "token")
    assert isinstance(head, Head)
    await mailbox.finish(OF, "token", head, Outcome(kind=OutcomeKind.DELIVERED), go_on=True)
    await revisions.offered(reply.id, Micros(5))
    met = [(await revisions.change(reply, Micros(at), may_be_ahead=False)).what for at in (4, 5, 6)]
    assert met == [Revised.REPEATED, Revised.REPEATED, Revised.DONE]


async def test_a_late_edit_does_not_bring_back_what_was_deleted_while_it_was_sent(
    store: Store,
) -> None:
    """A deletion is final, and nobody is told that the reply waits."""
    mailbox, revisions, reply = await taken(store)
    await revisions.withdraw(reply.id, may_be_ahead=False)
    edit = reply.model_copy(update={"text": "edited"})
    assert (await revisions.change(edit, Micros(1), may_be_ahead=False)).what is Revised.SENDING
    head = await mailbox.take(OF, "token")
    assert isinstance(head, Head)
    await mailbox.defer(OF, "token", head, timedelta(0), timedelta(0))
    assert await mailbox.take(OF, "another") is Nothing.EMPTY
    assert await Entries(store).depths() == (0, 0)


OF = SessionId(SESSION)


async def taken(store: Store) -> tuple[Mailbox, Revisions, Reply]:
    """Return a reply that the lease holder `token` is sending."""
    thread, day = ThreadRef(team=TEAM, channel="C0GENERAL0", thread_ts=TS), timedelta(days=1)
    await linked(store, thread, Link(session=OF, by=UserId(ADA), linked_at=1), day)
    reply = Reply(thread=thread, ts="1764000001.000100", author=UserId(ADA), text="hello")
    mailbox = Mailbox(store, day)
    await mailbox.accept(reply, OF, timedelta(0))
    await mailbox.take(OF, "token")
    return mailbox, Revisions(store), reply


async def test_an_offer_is_its_author_s_and_of_its_channel(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """A number that somebody else sends, or that comes from another channel, is worth nothing."""
    _, ts = await delivered(desk)
    await edit(desk, ts, "Please merge")
    offer = await offered(desk)
    number = offer.blocks[-1]["elements"][0]["value"]
    for user, channel in (("ben", "general"), ("ada", "secrets")):
        await forge(desk, number, user, channel)
        await desk.until_whispered(GONE, user, channel=channel)
    await forge(desk, "0" * 32, "ada", "general")
    await desk.until_whispered(GONE, "ada")
    await until_settled(store)
    assert len(desk.received()) == 1


async def forge(desk: Desk, number: str, user: str, channel: str) -> None:
    """Press *Send correction* with any number."""
    text = {"type": "plain_text", "text": "x"}
    button = {"type": "button", "action_id": "send_correction", "text": text, "value": number}
    blocks = [{"type": "actions", "elements": [button]}]
    ts = await desk.slack.say("x", user="bolt-ci", channel=channel, blocks=blocks, deliver=False)
    await desk.slack.press("send_correction", channel=channel, message_ts=ts, user=user)


@pytest.mark.parametrize(("verb", "error"), [("unlink", NotLinked()), ("mute", IsMuted())])
async def test_a_correction_needs_a_thread_that_goes_to_devin(
    bot: Bot, desk: Desk, verb: str, error: PersonError
) -> None:
    """If it is unlinked or muted, the press says so, and works again afterwards."""
    thread, ts = await delivered(desk)
    await edit(desk, ts, "Please merge")
    offer = await offered(desk)
    await desk.mention(verb, thread=thread)
    await wait_until(lambda: len(desk.posts(thread, with_cards=True)) == 2, "obeyed")
    await press(desk, offer)
    await desk.until_whispered(refusals.sorry(error), "ada")
    back_again = {"unlink": f"link {SESSION}", "mute": "unmute"}[verb]
    await desk.mention(back_again, thread=thread)
    await wait_until(lambda: len(desk.posts(thread, with_cards=True)) == 3, "obeyed")
    await press(desk, offer)
    await desk.until_received("merge")


async def test_a_correction_goes_to_the_session_that_has_the_original_or_nowhere(
    bot: Bot, desk: Desk
) -> None:
    """Another session never saw what is corrected; an edit offers nothing there."""
    desk.devin.add_session(OTHER_SESSION)
    thread, ts = await delivered(desk)
    await edit(desk, ts, "Please merge")
    offer = await offered(desk)
    await desk.mention("unlink", thread=thread)
    await desk.until_said(thread_links.unlinked(desk.named()), thread)
    await desk.mention(f"link {OTHER_SESSION}", thread=thread)
    await desk.until_linked(thread, times=2)
    await press(desk, offer)
    elsewhere = LinkedElsewhere(NamedSession(SessionId(OTHER_SESSION)), "ada")
    await desk.until_whispered(refusals.sorry(elsewhere), "ada")
    before = len(desk.whispers("ada"))
    await edit(desk, ts, "Please merge now")
    await desk.until_heard()
    assert len(desk.whispers("ada")) == before
    assert desk.received(OTHER_SESSION) == []


async def test_after_delivery_a_deletion_cannot_be_followed(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Its author is told so, once."""
    _, ts = await delivered(desk)
    await delete(desk, ts)
    await desk.until_whispered(delivery_reports.READ_ALREADY, "ada")
    deletion = desk.slack.deliveries[-1]
    await (await desk.slack.redeliver(deletion)).settled()
    await until_settled(store)
    assert len(desk.whispers("ada")) == 1


@on_v1
async def test_a_deleted_reply_that_devin_never_took_needs_no_words(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """A suspended one may be with Devin, which its author is told; then neither is sent again."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "forbidden", times=1)
    refused = await desk.reply("One", thread)
    await desk.until_marked("x", refused)
    desk.devin.behave(SESSION, "suspended", times=1)
    suspended = await desk.reply("Two", thread)
    await desk.until_marked("zzz", suspended)
    await until_settled(store)
    await edit(desk, refused, "Uno")
    await offered(desk)
    await edit(desk, suspended, "Dos")
    await offered(desk, 2)
    await delete(desk, refused)
    await delete(desk, suspended)
    told = await desk.until_whispered(delivery_reports.READ_ALREADY, "ada")
    assert "already has that message, or may have it" in told
    assert len(desk.whispers("ada")) == 3
    await desk.press("send_again", thread)
    await desk.until_whispered(refusals.sorry(MessageGone()), "ada")
    assert len(desk.devin.requests) == 2


async def test_an_aside_after_delivery_is_told_like_a_deletion(bot: Bot, desk: Desk) -> None:
    """Devin has the reply, so there is no correction to offer."""
    _, ts = await delivered(desk)
    await edit(desk, ts, "(aside) Please rebase")
    await desk.until_whispered(delivery_reports.READ_ALREADY, "ada")
    assert offers(desk) == []


NOBODY_S: dict[str, Any] = {
    "another user's": {"edited": {"user": "U0BEN00000", "ts": "1900000000.000100"}},
    "no edit": {"edited": None},
    "an edit without a time": {"edited": {"user": "U0ADA"}},
    "a tombstone": {"subtype": "channel_topic"},
    "no author": {"user": None},
}


@pytest.mark.parametrize("kind", NOBODY_S)
async def test_a_change_that_its_author_did_not_make_is_none(
    bot: Bot, desk: Desk, store: Store, kind: str
) -> None:
    """It is acknowledged, and nothing else happens."""
    _, ts = await waiting(desk, store)
    event = change_of(desk, ts, "Forged", **NOBODY_S[kind])
    await (await desk.slack.deliver_event(event)).settled()
    await desk.until_heard()
    assert await back(desk, store) == [FROM_ADA + "Please rebase"]


async def test_edits_where_nothing_goes_to_devin_do_nothing(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The threads are muted or unlinked, or the messages are guests' or never went to Devin."""
    thread, ts = await delivered(desk)
    aside = await desk.reply("(aside) lunch?", thread)
    guests = await desk.reply("Let me in", thread, user="gus")
    await desk.until_whispered(GUEST, "gus")
    await edit(desk, aside, "Lunch!")
    await edit(desk, guests, "Please")
    await desk.cut_off("mute", thread)
    await edit(desk, ts, "Please merge")
    await desk.cut_off("unlink", thread)
    await edit(desk, ts, "Please squash")
    await until_settled(store)
    assert desk.received() == [FROM_ADA + "Please rebase"]
    assert desk.whispers("ada") == []
    assert len(desk.whispers("gus")) == 1


async def test_an_edit_of_what_the_bot_has_answered_is_told_and_does_nothing(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The bot acts on no edited command. What else people edit concerns nobody."""
    thread, reply = await delivered(desk, f"<@{desk.slack.bot_user_id}> rebase")
    other = await desk.reply("Please tag", thread)
    await desk.until_delivered(other)
    answered = {
        await desk.mention("start rep:acme/api Fix"): "{bot} start repo:acme/api Fix",
        await desk.mention("muet", thread=thread): "{bot} mute",
        await desk.mention("status", thread=thread): "also bump the version",
        await desk.mention("help"): "{bot} hello",
    }
    talk = await desk.slack.say("Lunch?")
    direct = [await desk.slack.say(text, channel="dm") for text in ("hi", "start max:x Fix")]
    await desk.until_heard()
    bot_user = f"<@{desk.slack.bot_user_id}>"
    for ts, text in answered.items():
        await desk.slack.unfurl("general", ts)
        await edit(desk, ts, text.format(bot=bot_user))
        await edit(desk, ts, f"{bot_user} (aside) never mind")
    await edit(desk, talk, "<@U0BEN00000>, lunch?")
    await edit(desk, reply, f"{bot_user} merge")
    await edit(desk, other, f"{bot_user} status")
    for ts in direct:
        await desk.slack.edit("dm", ts, "start Fix")
        await desk.until_said(delivery_reports.ANSWERED_BEFORE, ts, channel="dm")
    await offered(desk)
    await until_settled(store)
    assert desk.whispers("ada").count(delivery_reports.ANSWERED_BEFORE.text) == len(answered) + 1
    assert len(desk.whispers("ada")) == len(answered) + 1 + len(["Did you mean", "Send correction"])
    assert desk.devin.creations == []
    assert desk.received() == [
        f"{FROM_ADA}@Devin Relay (U0DEVINREL) rebase",
        f"{FROM_ADA}Please tag",
    ]
    assert not any(tells(one.text, muted()) for one in desk.posts(thread))
    assert sum(session_address(desk.named()) in one.text for one in desk.posts(thread)) == 1


@pytest.mark.parametrize(
    ("text", "not_a_command"),
    [
        *(("{bot} mute", False), ("{bot} stauts", False), ("{bot} unfolow", False)),
        *(("{bot} strat it", True), ("{bot} mute it", True), ("stauts", True)),
    ],
)
async def test_a_sent_reply_that_is_edited_is_what_a_fresh_message_would_be(
    bot: Bot, desk: Desk, store: Store, text: str, *, not_a_command: bool
) -> None:
    """A command, also a mistyped one, is asked for again; a fresh reply's words are offered."""
    thread, ts = await delivered(desk)
    told = text.format(bot=f"<@{desk.slack.bot_user_id}>")
    await edit(desk, ts, told)
    await wait_until(lambda: desk.whispers("ada"), "the author is told")
    await until_settled(store)
    (told_of_edit,) = desk.whispers("ada")
    assert len(desk.received()) == 1
    await desk.reply(told, thread)
    await desk.until_heard()
    await until_settled(store)
    is_reply = len(desk.received()) == 2
    words = OFFER if is_reply else delivery_reports.ANSWERED_BEFORE
    assert tells(told_of_edit, words)
    assert is_reply is not_a_command


async def test_a_reply_that_waits_and_is_edited_into_a_command_is_taken_back(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Devin never reads what its author has replaced, and the command isn't run."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited")
    ts = await desk.reply("The password is X", thread)
    await until_put_off(store)
    await edit(desk, ts, f"<@{desk.slack.bot_user_id}> mute")
    await desk.until_whispered(delivery_reports.ANSWERED_BEFORE, "ada")
    await desk.until_marked("wastebasket", ts)
    assert await back(desk, store) == []
    assert not any(tells(one.text, muted()) for one in desk.posts(thread))


async def test_a_reply_that_an_edit_made_a_command_before_its_event_came_stays_in_slack(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The edit's event is there first; the message's own one, a retry, brings the original."""
    thread = await desk.linked_thread()
    first = await desk.reply("First", thread)
    await desk.until_delivered(first)
    sent = next(one for one in desk.slack.deliveries if first in str(one.payload))
    ts = await desk.slack.say("The password is X", thread=thread, deliver=False)
    listed = desk.slack.bot_events
    desk.slack.bot_events = [one for one in listed if one != "app_mention"]
    await edit(desk, ts, f"<@{desk.slack.bot_user_id}> mute")
    await desk.until_whispered(delivery_reports.ANSWERED_BEFORE, "ada")
    desk.slack.bot_events = listed
    own = {"ts": ts, "event_ts": ts, "text": "The password is X", "client_msg_id": "late"}
    event = {**sent.payload["event"], **own}
    event.pop("blocks", None)
    late = Delivery("events_api", {**sent.payload, "event_id": "Ev0LATE000", "event": event})
    assert (await (await desk.slack.redeliver(late)).settled()).acked
    await desk.until_heard()
    await until_settled(store)
    assert desk.received() == [f"{FROM_ADA}First"]


async def test_of_two_edits_of_a_reply_that_may_be_sent_again_the_later_one_counts(
    store: Store,
) -> None:
    """In whatever order their events come."""
    mailbox, revisions, reply = await taken(store)
    head = await mailbox.take(OF, "token")
    assert isinstance(head, Head)
    await mailbox.finish(OF, "token", head, Outcome(kind=OutcomeKind.GIVEN_UP), go_on=True)
    for text, edited in (("newer", 2), ("older", 1)):
        new = reply.model_copy(update={"text": text})
        met = await revisions.change(new, Micros(edited), may_be_ahead=False)
        assert met.what is Revised.DONE
    kept = await mailbox.kept(reply.id)
    assert kept is not None
    assert kept.text == "newer"


async def test_a_mention_that_an_edit_adds_is_answered(bot: Bot, desk: Desk, store: Store) -> None:
    """Slack then tells of the mention as of any other."""
    ts = await desk.slack.say("status")
    await edit(desk, ts, f"<@{desk.slack.bot_user_id}> status")
    await desk.until_said(refusals.sorry(NotLinked()), ts)
    await until_settled(store)
    assert desk.whispers("ada") == []


@pytest.mark.parametrize("words", ["please merge", "status", "stauts"])
@pytest.mark.parametrize("was", ["root", "earlier", "muted", "aside", "muted mention"])
async def test_an_edit_that_speaks_to_the_bot_in_a_linked_thread_is_told(
    bot: Bot, desk: Desk, store: Store, was: str, words: str
) -> None:
    """No session got the message, and none gets it now, nor is it run: its author hears that."""
    bot_user = f"<@{desk.slack.bot_user_id}>"
    thread = await desk.slack.say("Please rebase")
    earlier = await desk.reply("Please rebase", thread)
    await desk.mention(f"link {SESSION}", thread=thread, user="ben")
    await desk.until_linked(thread)
    if "muted" in was:
        await desk.cut_off("mute", thread)
    said = {"aside": "(aside) rebase?", "muted mention": f"{bot_user} rebase"}
    ts = {"root": thread, "earlier": earlier}.get(was)
    ts = ts or await desk.reply(said.get(was, "Please rebase"), thread)
    await desk.until_heard()
    await until_settled(store)
    whispers, posts = len(desk.whispers("ada")), len(desk.said(thread))
    await edit(desk, ts, f"{bot_user} {words}")
    await until_settled(store)
    assert desk.whispers("ada")[whispers:] == [delivery_reports.ANSWERED_BEFORE.text]
    assert (len(desk.said(thread)), desk.received()) == (posts, [])


@pytest.mark.parametrize("verb", ["mute", "unlink"])
async def test_what_was_accepted_before_follows_its_edits(
    bot: Bot, desk: Desk, store: Store, verb: str
) -> None:
    """It is still delivered, with its author's latest text."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited")
    ts = await desk.reply("Please rebase", thread)
    await until_put_off(store)
    await desk.cut_off(verb, thread)
    await edit(desk, ts, "Please merge")
    await desk.until_marked("pencil2", ts)
    assert await back(desk, store) == [FROM_ADA + "Please merge"]


@pytest.mark.times(soon_seconds=0.2)
async def test_a_press_is_acknowledged_before_slack_takes_the_correction(
    bot: Bot, desk: Desk
) -> None:
    """If posting takes longer than that allows, the work continues after the acknowledgement."""
    _, ts = await delivered(desk)
    await edit(desk, ts, "Please merge")
    offer = await offered(desk)
    hangs = asyncio.Event()
    desk.slack.fail_next("chat.postMessage", until=hangs)
    posts = len(desk.slack.channel_messages("general"))
    await press(desk, offer)
    assert len(desk.slack.channel_messages("general")) == posts
    hangs.set()
    await desk.until_received("Please merge")


async def test_a_guest_cannot_change_what_somebody_sent_for_them(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The person who passed the message on read it in its original form."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited")
    ts = await desk.reply("Let me in", thread, user="gus")
    await desk.until_whispered(GUEST, "gus")
    await desk.slack.shortcut("send_to_devin", channel="general", message_ts=ts)
    await until_put_off(store)
    await edit(desk, ts, "Delete everything")
    (received,) = await back(desk, store)
    assert received.endswith("\n\nLet me in")


@pytest.mark.parametrize("later", ["edit", "aside", "deletion"])
async def test_an_edit_that_comes_before_its_message_counts(
    bot: Bot, desk: Desk, later: str
) -> None:
    """Slack may swap the two events; the old text does not come back."""
    thread = await desk.linked_thread()
    ts = await desk.slack.say("Please rebase", thread=thread, deliver=False)
    original = desk.slack.event_of("general", ts)
    text = {"edit": "Please merge", "aside": "(aside) Please merge"}.get(later)
    if text is None:
        await delete(desk, ts)
    else:
        await edit(desk, ts, text)
    await (await desk.slack.deliver_event(original)).settled()
    read = await desk.fence(thread)
    assert read == ([FROM_ADA + "Please merge"] if later == "edit" else [])


async def test_a_change_of_our_own_post_is_no_edit(bot: Bot, desk: Desk, store: Store) -> None:
    """The relay removes buttons from its reports, for instance."""
    thread, _ = await delivered(desk)
    post = desk.card(thread)
    assert post is not None
    await edit(desk, post.ts, "Changed")
    await until_settled(store)
    assert len(desk.received()) == 1


async def test_an_allowed_bot_s_edit_changes_what_waits(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """Bots edit their posts often; after delivery there is nobody to offer a correction to."""
    async with running(desk, environ, ALLOW_BOTS="B0BOLTCI00"):
        _, ts = await waiting(desk, store, "Building…", user="bolt-ci")
        await edit(desk, ts, "Build 12 is red")
        assert await back(desk, store) == ["Bolt CI, B0BOLTCI00 (in Slack):\n\nBuild 12 is red"]
        await edit(desk, ts, "Build 12 is green")
        assert desk.slack.ephemerals("general") == []
        assert len(desk.received()) == 1


async def test_a_withdrawn_reply_takes_nothing_with_it(store: Store) -> None:
    """Without the last reply, a session has no mail at once; an earlier one leaves the others."""
    thread = ThreadRef(team=TEAM, channel="C0GENERAL0", thread_ts="1764000000.000100")
    of, day = SessionId(SESSION), timedelta(days=1)
    await linked(store, thread, Link(session=of, by=UserId(ADA), linked_at=1), day)
    mailbox, revisions = Mailbox(store, day), Revisions(store)
    one, two = (
        Reply(thread=thread, ts=f"176400000{number}.000100", author=UserId(ADA), text="hello")
        for number in (1, 2)
    )
    for reply in (one, two):
        await mailbox.accept(reply, of, timedelta(0))
    assert (await revisions.withdraw(one.id, may_be_ahead=False)).what is Revised.WITHDRAWN
    head = await mailbox.take(of, "token")
    assert isinstance(head, Head)
    assert head.reply == two
    assert (await revisions.withdraw(two.id, may_be_ahead=False)).what is Revised.SENDING
    await mailbox.defer(of, "token", head, timedelta(0))
    assert (await revisions.withdraw(two.id, may_be_ahead=False)).what is Revised.REPEATED
    assert await Entries(store).depths() == (0, 0)
    assert await mailbox.kept(two.id) is None
    again = await mailbox.accept(two, of, timedelta(0))
    assert again.change is Change.REPEATED


async def test_a_deletion_that_meets_its_reply_at_the_door_takes_it_out(store: Store) -> None:
    """Two processes handle the two events at once; the session's other mail goes on."""
    thread = ThreadRef(team=TEAM, channel="C0GENERAL0", thread_ts="1764000000.000100")
    of, day = SessionId(SESSION), timedelta(days=1)
    await linked(store, thread, Link(session=of, by=UserId(ADA), linked_at=1), day)
    mailbox, revisions = Mailbox(store, day), Revisions(store)
    reply = Reply(thread=thread, ts="1764000001.000100", author=UserId(ADA), text="hello")
    # The reply is looked up before it is there, and withdrawn after that.
    met, _ = await asyncio.gather(
        revisions.withdraw(reply.id, may_be_ahead=True), mailbox.accept(reply, of, timedelta(0))
    )
    assert met.what is Revised.WITHDRAWN
    assert not await mailbox.length(of)
    assert await mailbox.take(of, "token") is Nothing.EMPTY


EDITED = sample_event("message_changed")
DELETED = sample_event("message_deleted")
TOMBSTONE = EDITED | {"message": {"subtype": "tombstone", "ts": TS}, "previous_message": a_reply()}
WHOLE = [
    EDITED,
    EDITED | {"previous_message": EDITED["message"] | {"text": "Hello?"}},
    DELETED,
    DELETED | {"previous_message": a_reply()},
    EDITED | {"message": a_reply("", attachments=[a_share()]) | {"edited": {"ts": TS}}},
    TOMBSTONE,
]


def test_a_documented_edit_is_read() -> None:
    """It has the author's new text and the time of the edit, but no old text."""
    edited = parse_edit(EDITED, OURS)
    assert edited is not None
    assert edited.reply.text == "Hello, world!"
    assert edited.reply.id == "T123ABC456:C123ABC456:1355517523.000005"
    assert edited.edited == Micros(1358878755_000001)
    assert not edited.is_aside
    assert parse_deletion(EDITED, OURS) is None
    blank = EDITED | {"message": EDITED["message"] | {"subtype": ""}}
    assert parse_edit(blank, OURS) == edited


def test_a_documented_deletion_is_read() -> None:
    """This holds without the original message, and with a tombstone in its place."""
    gone = parse_deletion(DELETED, OURS)
    assert gone is not None
    assert (gone.id, gone.thread, gone.author) == (
        "T123ABC456:C123ABC456:1358878749.000002",
        None,
        None,
    )
    assert parse_edit(DELETED, OURS) is None
    tombstone = parse_deletion(TOMBSTONE, OURS)
    assert tombstone is not None
    assert tombstone.ts == TS
    assert tombstone.author == ADA
    assert parse_edit(TOMBSTONE, OURS) is None


def test_what_is_forwarded_is_compared_by_what_devin_reads() -> None:
    """Slack may show another picture of the author, or a preview below it."""
    before = EDITED["message"] | {"text": "", "attachments": [a_share()]}
    same = EDITED | {"previous_message": before}
    shown = before | {"attachments": [a_share(author_icon="https://x"), {"id": 1, "title": "x"}]}
    assert parse_edit(same | {"message": shown}, OURS) is None
    gone = parse_edit(same | {"message": before | {"attachments": []}}, OURS)
    assert gone is not None
    assert gone.drops_forwarded
    other = parse_edit(same | {"message": before | {"text": "Look"}}, OURS)
    assert other is not None
    assert not other.drops_forwarded
    assert len(other.reply.forwarded) == 1


def test_what_did_not_change_is_no_edit() -> None:
    """`edited` stays on a message, so the event is about some other change."""
    same = EDITED | {"previous_message": EDITED["message"]}
    assert parse_edit(same, OURS) is None
    previewed = EDITED["message"] | {"attachments": [{"id": 1}]}
    assert parse_edit(same | {"message": previewed}, OURS) is None


@given(mutated(WHOLE))
def test_no_change_makes_a_parser_raise(payload: JSON) -> None:
    """An exception would make Slack retry the same event again and again."""
    edited = parse_edit(payload, OURS)
    if edited is not None:
        assert type(edited.reply).model_validate_json(edited.reply.to_json()) == edited.reply
        assert edited.edited >= Micros(0)
    gone = parse_deletion(payload, OURS)
    if gone is not None:
        assert len(gone.id.split(":")) == 3
