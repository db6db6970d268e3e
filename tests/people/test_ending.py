"""A session is ended or archived from its thread: asked once, done once, and told."""

import asyncio
from dataclasses import replace

import pytest

from bot.app import Bot
from bot.devin.api import Failure
from bot.devin.v3.client import DevinV3
from bot.mirror.poll import Polling
from bot.model.errors import (
    AlreadyDone,
    Expired,
    LinkedElsewhere,
    NotAllowed,
    NotLinked,
)
from bot.model.people import Standing
from bot.model.replies import Outcome, OutcomeKind, Refusal
from bot.model.sessions import Closing, SessionId, SessionState
from bot.model.threads import ThreadRef
from bot.wording import refusals
from bot.wording.actions import UNLINK
from bot.wording.lifecycle import ending, starting
from bot.wording.message import LEGACY
from sandbox.devin.answers import STATES
from sandbox.slack.server import Message
from tests.support.desk import (
    OTHER_SESSION,
    SESSION,
    Desk,
    actions,
    on_both,
    on_v1,
    running,
    tells,
)
from tests.support.devin_posts import says_state
from tests.support.waiting import wait_until

ACTION = {"end": "end_session", "archive": "archive_session"}


async def question(desk: Desk, thread: str, verb: str = "end", *, user: str = "ada") -> Message:
    """Ask for the end of the thread's session; return the message that asks back."""
    await desk.mention(verb, thread=thread, user=user)
    found = await desk.offering(ACTION[verb], thread)
    assert actions(found) == [ACTION[verb], "keep_session"]
    assert tells(found.text, ending.ask(Closing(verb), place_of(desk, found), desk.named()))
    return found


def place_of(desk: Desk, posted: Message) -> ThreadRef:
    return ThreadRef(
        team=desk.slack.team_id, channel=posted.channel, thread_ts=str(posted.thread_ts)
    )


async def press(
    desk: Desk, message: Message, action: str = "end_session", *, user: str = "ada",
    value: str | None = None,
) -> None:  # fmt: skip
    delivery = await desk.slack.press(
        action, channel=message.channel, message_ts=message.ts, user=user, value=value
    )
    assert delivery.acked


def state(desk: Desk) -> str:
    return desk.devin.session(SESSION).state


@on_both
async def test_end_asks_once_and_then_ends_the_session(bot: Bot, desk: Desk) -> None:
    """Anybody who may can confirm; the thread sees who did, and the card that it has ended."""
    thread = await desk.linked_thread()
    asked = await question(desk, thread)
    assert state(desk) == "running"
    await press(desk, asked, user="ben")
    await wait_until(lambda: not actions(asked), "the buttons are gone")
    assert asked.text.endswith(ending.closed_by(Closing.END, "Ben Franklin"))
    assert state(desk) == "finished"
    card = desk.cards(thread)[0]
    over = (SessionState.ENDED, SessionState.FINISHED)
    await wait_until(lambda: any(says_state(card.text, one) for one in over), "the card tells")


async def test_archive_ends_the_session_as_well(bot: Bot, desk: Desk) -> None:
    """Version 3 can; it asks as `end` does."""
    thread = await desk.linked_thread()
    asked = await question(desk, thread, "archive")
    await press(desk, asked, "archive_session")
    await wait_until(lambda: not actions(asked), "the buttons are gone")
    assert asked.text.endswith(ending.closed_by(Closing.ARCHIVE, "ada"))
    assert state(desk) == "archived"
    card = desk.cards(thread)[0]
    await wait_until(lambda: says_state(card.text, SessionState.ENDED), "the card tells")


async def test_an_archive_whose_answer_was_lost_is_told_and_may_be_repeated(
    bot: Bot, desk: Desk
) -> None:
    """Anybody who may can press again at once."""
    thread = await desk.linked_thread()
    asked = await question(desk, thread, "archive")
    desk.devin.archive_failures += [500]
    await press(desk, asked, "archive_session")
    lost = Outcome(kind=OutcomeKind.UNCERTAIN, detail="HTTP 500")
    words = ending.failed(Closing.ARCHIVE, place_of(desk, asked), desk.named(), lost)
    await desk.until_said(words, thread)
    await press(desk, asked, "archive_session")
    await wait_until(lambda: not actions(asked), "the buttons are gone")
    assert asked.text.endswith(ending.closed_by(Closing.ARCHIVE, "ada"))


@on_v1
async def test_version_1_archives_nothing(bot: Bot, desk: Desk) -> None:
    """It says so instead of asking."""
    thread = await desk.linked_thread()
    await desk.mention("archive", thread=thread)
    await desk.until_said(LEGACY, thread)


async def test_keep_it_keeps_it(bot: Bot, desk: Desk) -> None:
    """The buttons go, and the session goes on."""
    thread = await desk.linked_thread()
    asked = await question(desk, thread)
    await press(desk, asked, "keep_session")
    await wait_until(lambda: not actions(asked), "the buttons are gone")
    assert asked.text.endswith(ending.kept_by("ada"))
    assert state(desk) == "running"


@on_both
async def test_a_second_press_does_nothing(bot: Bot, desk: Desk) -> None:
    """As where two people press before the buttons are gone."""
    thread = await desk.linked_thread()
    asked = await question(desk, thread)
    before = list(asked.blocks)
    await press(desk, asked)
    await wait_until(lambda: not actions(asked), "the buttons are gone")
    asked.blocks = before
    await press(desk, asked, user="ben")
    await desk.until_whispered(refusals.sorry(AlreadyDone()), "ben")
    assert asked.text.endswith(ending.closed_by(Closing.END, "ada"))


@on_v1
async def test_a_double_click_ends_the_session_once(bot: Bot, desk: Desk) -> None:
    """The second press is told of the first; Devin would refuse it, since the session is over."""
    thread = await desk.linked_thread()
    asked = await question(desk, thread)
    await asyncio.gather(press(desk, asked), press(desk, asked))
    await desk.until_whispered(refusals.sorry(AlreadyDone()), "ada")
    await wait_until(lambda: not actions(asked), "the buttons are gone")
    assert "couldn't" not in "".join(desk.said(thread))


@pytest.mark.parametrize(
    ("user", "standing"), [("gus", Standing.GUEST), ("eve", Standing.EXTERNAL)]
)
async def test_who_may_not_steer_devin_may_not_end_it(
    environ: dict[str, str], desk: Desk, user: str, standing: Standing
) -> None:
    """Neither by asking nor by pressing."""
    async with running(desk, environ):
        thread = await desk.linked_thread(channel="shared")
        await desk.mention("end", thread=thread, user=user, channel="shared")
        await desk.until_whispered(refusals.sorry(NotAllowed(standing)), user, channel="shared")
        await desk.mention("end", thread=thread, channel="shared")
        asked = await desk.offering("end_session", thread, channel="shared")
        for action in ("end_session", "keep_session"):
            told = len(desk.whispers(user, channel="shared"))
            await press(desk, asked, action, user=user)
            await wait_until(
                lambda told=told: len(desk.whispers(user, channel="shared")) > told,  # type: ignore[misc]
                "they are told",
            )
    assert state(desk) == "running"
    assert actions(asked)


async def test_an_unlinked_thread_has_nothing_to_end(bot: Bot, desk: Desk) -> None:
    """Nor has one that is linked to another session meanwhile, nor a forged button."""
    root = await desk.slack.say("Shall we ship it?")
    await desk.mention("end", thread=root)
    await desk.until_said(refusals.sorry(NotLinked()), root)
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread()
    asked = await question(desk, thread)
    forged = f"{desk.slack.team_id}:C0GENERAL0:{thread}|{OTHER_SESSION}"
    await press(desk, asked, value=forged)
    await desk.until_whispered(refusals.sorry(LinkedElsewhere(desk.named(), "ada")), "ada")
    await press(desk, asked, value="nonsense")
    await desk.until_whispered(refusals.sorry(Expired()), "ada")
    await desk.cut_off("unlink", thread)
    told = len(desk.whispers("ada"))
    await press(desk, asked)
    await wait_until(lambda: len(desk.whispers("ada")) > told, "ada is told")
    assert {state(desk), desk.devin.session(OTHER_SESSION).state} == {"running"}


async def test_a_session_that_is_over_counts_as_ended(bot: Bot, desk: Desk) -> None:
    """Devin refuses to end it a second time, which changes nothing."""
    thread = await desk.linked_thread()
    asked = await question(desk, thread)
    desk.devin.behave(SESSION, "failed")
    await press(desk, asked)
    await wait_until(lambda: not actions(asked), "the buttons are gone")
    assert asked.text.endswith(ending.closed_by(Closing.END, "ada"))


@on_both
async def test_what_devin_refuses_is_told_in_the_thread(bot: Bot, desk: Desk) -> None:
    """The buttons stay, for another try."""
    thread = await desk.linked_thread()
    asked = await question(desk, thread)
    desk.devin.behave(SESSION, "missing")
    await press(desk, asked)
    refused = Outcome(kind=OutcomeKind.REFUSED, refusal=Refusal.NO_SESSION, status=404)
    words = ending.failed(Closing.END, place_of(desk, asked), desk.named(), refused)
    assert [one["action_id"] for one in words.buttons] == [UNLINK]
    await desk.until_said(words, thread)
    assert actions(asked)


# On from a session that has ended.


async def told_of_the_end(desk: Desk, thread: str) -> Message:
    """Archive the thread's session as Ada; return the post that tells of its end."""
    await press(desk, await question(desk, thread, "archive"), "archive_session")
    return await desk.offering("start_new", thread)


def pings(desk: Desk, thread: str, user: str) -> bool:
    """Return True if the bot mentions somebody in a thread."""
    mention = f"<@{desk.slack.workspace.user(user).id}>"
    return any(mention in str(one.blocks) for one in desk.posts(thread))


async def test_a_card_promises_nothing_once_the_session_has_ended(bot: Bot, desk: Desk) -> None:
    """Devin takes no more replies."""
    thread = await desk.linked_thread()
    promise = "Replies here are sent to Devin"
    assert promise in await desk.until_linked(thread)
    desk.devin.behave(SESSION, "finished")
    await wait_until(lambda: promise not in shown(desk, thread), "the card has changed")


def shown(desk: Desk, thread: str) -> str:
    """Return what the thread's card says."""
    card = desk.card(thread)
    assert card is not None
    return card.text


async def test_whoever_ended_a_session_is_not_mentioned_for_it(bot: Bot, desk: Desk) -> None:
    """Somebody else who waits for Devin in another thread is."""
    mine, bens = await desk.linked_thread(), await desk.linked_thread()
    await desk.until_delivered(await desk.reply("Go on", bens, user="ben"))
    told = await told_of_the_end(desk, mine)
    assert actions(told) == ["start_new", "open_session", "unlink"]
    await desk.offering("start_new", bens)
    assert not pings(desk, mine, "ada")
    assert pings(desk, bens, "ben")


async def test_nor_if_that_is_seen_before_devin_has_answered(
    bot: Bot, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll finds that it has ended, and the thread is told."""
    thread, end = await desk.linked_thread(), DevinV3.end

    async def end_late(self: DevinV3, session: SessionId) -> Failure | None:
        answer = await end(self, session)
        await desk.offering("start_new", thread)
        return answer

    monkeypatch.setattr(DevinV3, "end", end_late)
    await press(desk, await question(desk, thread))
    await desk.offering("start_new", thread)
    assert not pings(desk, thread, "ada")


@pytest.mark.parametrize("words", ["start Try again", f"link {OTHER_SESSION}"])
async def test_a_new_session_takes_the_place_of_one_that_has_ended(
    bot: Bot, desk: Desk, words: str
) -> None:
    """Nobody has to unlink the thread first, and replies go to the new session."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread()
    await told_of_the_end(desk, thread)
    await desk.mention(words, thread=thread)
    await desk.until_linked(thread, times=2)
    session = list(desk.devin.sessions)[-1] if words.startswith("start") else OTHER_SESSION
    await desk.reply("Are you there?", thread)
    await desk.until_received("Are you there?", session)
    assert desk.received() == []


@pytest.mark.parametrize("told_by", ["a press", "a reply"])
async def test_nor_until_a_poll_has_seen_the_end(
    bot: Bot, desk: Desk, monkeypatch: pytest.MonkeyPatch, told_by: str
) -> None:
    """What people are told to do then works at once, and they know that it has ended."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread()
    await wait_until(lambda: says_state(shown(desk, thread), SessionState.WORKING), "it is seen")

    async def take_nothing(_: Polling) -> None:
        """Poll no session."""

    monkeypatch.setattr(Polling, "_take", take_nothing)
    if told_by == "a press":
        await press(desk, await question(desk, thread))
        await wait_until(lambda: state(desk) == "finished", "it is over")
    else:
        desk.devin.behave(SESSION, "finished")
        await desk.reply("One more thing", thread)
        await desk.offering("start_new", thread)
    assert says_state(shown(desk, thread), SessionState.WORKING)
    await desk.mention(f"link {OTHER_SESSION}", thread=thread)
    await desk.until_linked(thread, times=2)


async def test_start_a_new_session_is_a_button(bot: Bot, desk: Desk) -> None:
    """It gives the session the thread so far, in place of the one that has ended, once."""
    thread = await desk.linked_thread()
    told = await told_of_the_end(desk, thread)
    known = set(desk.devin.sessions)
    slow = asyncio.Event()
    desk.devin.creations.append(replace(STATES["running"], until=slow))
    await press(desk, told, "start_new")
    await wait_until(lambda: starting.started_new("ada") in str(told.blocks), "the note is there")
    slow.set()
    await desk.until_linked(thread, times=2)
    (session,) = (one for name, one in desk.devin.sessions.items() if name not in known)
    assert "Shall we ship it?" in session.messages[0].text


@on_v1
@pytest.mark.parametrize("words", ["", "start Try again", f"link {OTHER_SESSION}"])
async def test_a_finished_session_that_takes_no_reply_is_replaced(
    bot: Bot, desk: Desk, words: str
) -> None:
    """The reply is told that the session has ended, so its button works, and so do commands."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "finished")
    await wait_until(lambda: says_state(shown(desk, thread), SessionState.FINISHED), "it is seen")
    await desk.reply("One more thing", thread)
    told = await desk.offering("start_new", thread)
    known = set(desk.devin.sessions)
    if words:
        await desk.mention(words, thread=thread)
    else:
        await press(desk, told, "start_new")
    await desk.until_linked(thread, times=2)
    started = [one for one in desk.devin.sessions if one not in known]
    (session,) = started or [OTHER_SESSION]
    await desk.reply("Are you there?", thread)
    await desk.until_received("Are you there?", session)
    assert desk.received() == []


@on_v1
async def test_a_finished_session_is_not_replaced_until_somebody_ends_it(
    bot: Bot, desk: Desk
) -> None:
    """It may go on with a reply; on version 1, one that was ended is also a finished one."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "finished")
    await wait_until(lambda: says_state(shown(desk, thread), SessionState.FINISHED), "it is seen")
    elsewhere = refusals.sorry(LinkedElsewhere(desk.named(), "ada"))
    await desk.answer("start Try again", thread, elsewhere)
    await desk.answer(f"link {OTHER_SESSION}", thread, elsewhere)
    desk.devin.behave(SESSION, "running")
    await wait_until(lambda: says_state(shown(desk, thread), SessionState.WORKING), "it goes on")
    await press(desk, await question(desk, thread))
    await wait_until(lambda: says_state(shown(desk, thread), SessionState.FINISHED), "it is over")
    await press(desk, await question(desk, thread), user="ben")
    await desk.until_said("the request to end", thread)  # which Devin refuses, since it is over
    await desk.mention(f"link {OTHER_SESSION}", thread=thread)
    await desk.until_linked(thread, times=2)


async def test_a_session_that_goes_on_is_not_replaced(bot: Bot, desk: Desk) -> None:
    """Neither by a command nor by a forged button, nor after somebody tried in vain to end it."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread()
    asked = await question(desk, thread)
    desk.devin.permissions.discard("ManageOrgSessions")
    await press(desk, asked, "end_session")
    await desk.until_said("the request to end", thread)
    desk.devin.permissions.add("ManageOrgSessions")
    elsewhere = refusals.sorry(LinkedElsewhere(desk.named(), "ada"))
    await desk.answer("start Try again", thread, elsewhere)
    await desk.answer(f"link {OTHER_SESSION}", thread, elsewhere)
    asked.blocks[-1]["elements"][0]["action_id"] = "start_new"
    await press(desk, asked, "start_new")
    await desk.until_whispered(elsewhere, "ada")
