"""What the bot offers to words that ask for nothing, or asks about mistyped ones, a press does."""

from collections.abc import Sequence

import pytest

from bot.app import Bot
from bot.features.home.words import EMPTY
from bot.model.errors import LinkedElsewhere, MessageGone, NotAllowed, NotLinked
from bot.model.people import Standing
from bot.model.times import ts_micros
from bot.redis.connection import Store
from bot.store.checkpoints import CATCH_UP, Checkpoints
from bot.wording import forms, refusals, thread_links
from sandbox.devin.sessions import DevinSession
from sandbox.slack.server import Message
from sandbox.slack.transport.deliveries import Delivery
from tests.support.desk import OTHER_SESSION, SESSION, Desk, actions, running
from tests.support.devin_posts import linked
from tests.support.features import HELP
from tests.support.waiting import until_caught_up, until_settled, wait_until

START, LINK, RUN, SEND = "start_spoken", "link_spoken", "run_spoken", "send_spoken"


async def asked(desk: Desk, *, channel: str = "general", user: str = "ada") -> Message:
    """Wait until `user` is asked in a channel; return the newest question that only they see."""

    def found() -> Sequence[Message]:
        shown = desk.slack.ephemerals(channel, user)
        return [one for one in shown if {START, RUN, SEND} & set(actions(one))]

    await wait_until(found, f"a question ({desk.whispers(user, channel=channel)})")
    return found()[-1]


async def press(desk: Desk, action: str, on: Message, *, user: str = "ada") -> Delivery:
    """Press a button of a question, as somebody who sees it or has forged the press."""
    value = next(one["value"] for one in on.blocks[-1]["elements"] if one["action_id"] == action)
    on.ephemeral_to, seen_by = desk.slack.workspace.user(user).id, on.ephemeral_to
    delivery = await desk.slack.press_ephemeral(
        action, channel=on.channel, message_ts=on.ts, user=user, value=value
    )
    on.ephemeral_to = seen_by
    assert delivery.acked
    return delivery


def started(desk: Desk) -> list[DevinSession]:
    """Return the sessions that were started through the API, in order."""
    return [one for one in desk.devin.sessions.values() if one.origin == "api"]


@pytest.mark.parametrize("place", ["root", "thread"])
async def test_a_mention_without_a_session_offers_to_start_one(
    bot: Bot, desk: Desk, store: Store, place: str
) -> None:
    """Its text is the prompt; the thread is linked once, and pressing again changes nothing."""
    root = await desk.slack.say("The build is red.") if place == "thread" else None
    ts = await desk.mention("please fix the *login* test", thread=root)
    offer = await asked(desk)
    assert offer.text.startswith(thread_links.not_linked("").text)
    assert offer.thread_ts == root
    assert actions(offer) == [START, LINK]
    pressed = await press(desk, START, offer)
    await desk.until_linked(root or ts)
    await desk.slack.redeliver(pressed)
    await until_settled(store)
    (session,) = started(desk)
    assert "please fix the **login** test" in session.messages[0].text
    assert ("The build is red." in session.messages[0].text) is (place == "thread")
    assert offer.text == thread_links.STARTING.text
    assert not actions(offer)


async def test_a_mention_without_a_session_offers_to_link_one(bot: Bot, desk: Desk) -> None:
    """The form is the one of the message's menu."""
    thread = await desk.mention("please have a look")
    await press(desk, LINK, await asked(desk))
    await wait_until(lambda: desk.slack.open_views("ada"), "the form opens")
    (form,) = desk.slack.open_views("ada")
    assert form["callback_id"] == "ask_session"
    assert form["title"]["text"] == forms.LINK_TITLE
    await desk.slack.submit_view(form["id"], {"typed": SESSION})
    assert linked(desk.named()) in await desk.until_linked(thread)


@pytest.mark.parametrize("action", [START, LINK])
async def test_a_thread_that_was_linked_meanwhile_keeps_its_session(
    bot: Bot, desk: Desk, action: str
) -> None:
    """Whoever presses is told which session it has, and who linked it."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.mention("please have a look")
    offer = await asked(desk)
    await desk.mention(f"link {OTHER_SESSION}", thread=thread, user="ben")
    await desk.until_linked(thread)
    await press(desk, action, offer)
    told = refusals.sorry(LinkedElsewhere(desk.named(OTHER_SESSION), "Ben Franklin"))
    if action == START:
        await desk.until_whispered(told, "ada")
    else:
        await wait_until(lambda: desk.slack.open_views("ada"), "a modal tells")
        assert told.text in str(desk.slack.open_views("ada")[0]["blocks"])
    assert started(desk) == []


@pytest.mark.parametrize("action", [START, LINK, RUN, SEND])
async def test_who_may_not_any_more_is_told_so(
    environ: dict[str, str], desk: Desk, action: str
) -> None:
    """A press is checked again, as the button may be older than the rule."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        words = "please have a look" if action in {START, LINK} else "unlnk"
        await desk.mention(words, thread=thread if action in {RUN, SEND} else None)
        offer = await asked(desk)
    async with running(desk, environ, ALLOW_USERS="U0BEN00000"):
        await press(desk, action, offer)
        told = refusals.sorry(NotAllowed(Standing.NOT_LISTED))
        if action == LINK:
            await wait_until(
                lambda: told.text in f"{desk.whispers('ada')}{desk.slack.open_views('ada')}",
                "she is told",
            )
        else:
            await desk.until_whispered(told, "ada")
    assert started(desk) == []
    assert desk.received() == []


# Mistyped commands.


async def test_a_mistyped_command_is_asked_back_and_run(bot: Bot, desk: Desk) -> None:
    """Nothing reaches Devin, and the command runs once, however often the press comes."""
    thread = await desk.linked_thread()
    await desk.mention("staus", thread=thread)
    question = await asked(desk)
    assert question.text == thread_links.did_you_mean("status", "", "", is_linked=True).text
    assert actions(question) == [RUN, SEND]
    assert question.thread_ts == thread
    pressed = await press(desk, RUN, question)
    await wait_until(lambda: len(desk.said(thread)) == 1, "the status is told")
    await desk.slack.redeliver(pressed)
    assert await desk.fence(thread) == []
    assert len(desk.said(thread)) == 1
    assert question.text == thread_links.command_run("status", "").text


async def test_a_mistyped_command_that_answers_its_author_alone_does(bot: Bot, desk: Desk) -> None:
    """The message has no replies, so Slack would show the answer to nobody in its thread."""
    await desk.mention("sesions")
    await press(desk, RUN, await asked(desk))
    await desk.until_whispered(EMPTY, "ada")


async def test_a_word_that_was_meant_for_devin_is_sent_by_a_press(bot: Bot, desk: Desk) -> None:
    """It arrives as it was written, once."""
    thread = await desk.linked_thread()
    ts = await desk.mention("stats", thread=thread)
    pressed = await press(desk, SEND, await asked(desk))
    await desk.until_delivered(ts)
    await desk.slack.redeliver(pressed)
    (received,) = await desk.fence(thread)
    assert received.endswith("stats")


@pytest.mark.parametrize("place", ["root", "thread"])
async def test_words_from_before_the_link_are_sent_by_a_press(
    bot: Bot, desk: Desk, place: str
) -> None:
    """Redis was away when they were written, so their event comes again."""
    root = await desk.slack.say("The build is red.") if place == "thread" else None
    text = f"<@{desk.slack.bot_user_id}> please look into this"
    ts = await desk.slack.say(text, thread=root, deliver=False)
    await desk.mention(f"link {SESSION}", thread=root or ts, user="ben")
    await desk.until_linked(root or ts)
    await desk.slack.deliver_event(desk.slack.event_of("general", ts), retry_num=1)
    question = await asked(desk)
    assert question.text == thread_links.not_sent("").text
    assert actions(question) == [SEND]
    pressed = await press(desk, SEND, question)
    await desk.until_delivered(ts)
    await desk.slack.redeliver(pressed)
    await desk.slack.deliver_event(desk.slack.event_of("general", ts), retry_num=2)
    (received,) = await desk.fence(root or ts)
    assert received.endswith("please look into this")
    assert len(desk.whispers("ada")) == 1


@pytest.mark.parametrize("change", ["edited", "deleted"])
async def test_what_a_press_sends_is_what_the_message_says_now(
    bot: Bot, desk: Desk, change: str
) -> None:
    """Devin gets neither words that the thread no longer shows, nor a message that is gone."""
    thread = await desk.linked_thread()
    ts = await desk.mention("stats", thread=thread)
    question = await asked(desk)
    if change == "edited":
        await desk.slack.edit("general", ts, "figures")
    else:
        await desk.slack.delete("general", ts)
    await desk.until_heard()
    await press(desk, SEND, question)
    if change == "edited":
        await desk.until_delivered(ts)
    else:
        await desk.until_whispered(refusals.sorry(MessageGone()), "ada")
    received = [one.rpartition("\n")[2] for one in await desk.fence(thread)]
    assert received == (["figures"] if change == "edited" else [])


async def test_a_word_for_devin_stays_where_its_thread_is_unlinked(bot: Bot, desk: Desk) -> None:
    """*Send to Devin* says that there is no session, and opens no form."""
    thread = await desk.linked_thread()
    await desk.mention("stats", thread=thread)
    question = await asked(desk)
    await desk.cut_off("unlink", thread)
    await press(desk, SEND, question)
    await desk.until_whispered(refusals.sorry(NotLinked()), "ada")
    assert desk.slack.open_views("ada") == []
    assert desk.received() == []


async def test_without_a_session_a_mistyped_command_can_only_be_run(bot: Bot, desk: Desk) -> None:
    """There is no Devin to send it to."""
    ts = await desk.mention("hlep")
    question = await asked(desk)
    assert actions(question) == [RUN]
    await press(desk, RUN, question)
    await desk.until_said(HELP, ts)


async def test_a_mistyped_start_is_asked_back_with_its_words(bot: Bot, desk: Desk) -> None:
    """They are no prompt that begins with the slip."""
    ts = await desk.mention("strat max:5 fix the login")
    question = await asked(desk)
    words = thread_links.did_you_mean("start", "max:5 fix the login", "", is_linked=False)
    assert (question.text, actions(question)) == (words.text, [RUN])
    await press(desk, RUN, question)
    await desk.until_linked(ts)
    (session,) = started(desk)
    assert session.messages[0].text.endswith("\n\nfix the login")


async def test_both_events_of_a_mention_ask_once(bot: Bot, desk: Desk, store: Store) -> None:
    """So do their repeats."""
    await desk.mention("staus")
    await desk.mention("have a look")
    await asked(desk)
    for delivery in list(desk.slack.deliveries):
        await (await desk.slack.redeliver(delivery)).settled()
    await until_settled(store)
    assert len(desk.slack.ephemerals("general")) == 2


# The direct message.


async def test_a_direct_message_is_a_command_line(bot: Bot, desk: Desk) -> None:
    """`start` needs no mention, and replies in its thread go to Devin, whatever they begin with."""
    ts = await desk.slack.say("start Write a poem", channel="dm")
    await desk.until_linked(ts, channel="dm")
    (session,) = started(desk)
    assert session.messages[0].text.endswith("Write a poem")
    await desk.reply("start with a rhyme", ts, channel="dm")
    await desk.until_received("start with a rhyme", session.session_id)
    await desk.reply("unlink", ts, channel="dm")
    await wait_until(lambda: len(desk.said(ts, channel="dm")) == 1, "it is unlinked")
    await desk.reply("start again", ts, channel="dm")
    await desk.until_linked(ts, channel="dm", times=2)


async def test_a_direct_message_is_answered_by_a_message_that_stays(bot: Bot, desk: Desk) -> None:
    """An ephemeral one would be gone tomorrow; its buttons work as anywhere."""
    ts = await desk.slack.say("hello?", channel="dm")
    await desk.press(START, ts, channel="dm")
    await desk.until_linked(ts, channel="dm")
    (session,) = started(desk)
    assert session.messages[0].text.endswith("hello?")
    assert desk.slack.ephemerals("dm") == []
    assert thread_links.STARTING.text in desk.said(ts, channel="dm")


@pytest.mark.parametrize("action", [START, RUN])
async def test_what_was_written_before_the_press_stays_in_slack(
    bot: Bot, desk: Desk, store: Store, action: str
) -> None:
    """People wrote it in a thread that they were told isn't linked."""
    thread = await desk.slack.say("The build is red.")
    words = "please fix it" if action == START else f"lnik {SESSION}"
    await desk.mention(words, thread=thread)
    offer = await asked(desk)
    await desk.reply("Don't tell Devin.", thread, user="ben")
    await press(desk, action, offer)
    await desk.until_linked(thread)
    await desk.reply("Please go on.", thread, user="ben")
    session = started(desk)[0].session_id if action == START else SESSION
    await wait_until(lambda: desk.received(session), "the reply reaches Devin")
    await until_settled(store)
    assert [one.rpartition("\n")[2] for one in desk.received(session)][-1:] == ["Please go on."]
    assert not [one for one in desk.received(session) if "Don't tell Devin." in one]


async def test_a_mistyped_command_that_was_asked_about_is_not_missed(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """A thread that is read again, as after a crash, asks for nothing, and keeps its replies."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        await desk.mention("unlnk", thread=thread)
        await asked(desk)
        ts = await desk.reply("Please rebase.", thread)
        await desk.until_delivered(ts)
    before = desk.said(thread)
    await Checkpoints(store, CATCH_UP, "test").note_all(since=ts_micros(thread))
    async with running(desk, environ):
        await until_caught_up(store)
        await until_settled(store)
        assert desk.said(thread) == before
