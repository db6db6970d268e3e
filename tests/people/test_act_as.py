"""With `ACT_AS`, people write and start as themselves: who has an account, and nobody else."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import redis.asyncio
from pydantic import SecretStr

from bot.app import Bot
from bot.delivery.acting import sender
from bot.delivery.compose import CORRECTS, compose
from bot.devin.opening import open_devin
from bot.model.errors import NotAllowed
from bot.model.files import AttachedFile
from bot.model.people import Standing, UserId
from bot.model.replies import OutcomeKind, Refusal, Reply
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import lease_key
from bot.runtime.logs import TRAIL, Event
from bot.store.claims import Claims, Reads
from bot.store.mailbox import Mailbox
from bot.wording import actions, commands, refusals
from bot.wording.delivery_reports import DELIVERED_MARK
from bot.wording.lifecycle.ending import STOP
from handlers.parse.messages import parse_message
from sandbox import Sandbox
from tests.features import test_workflow_steps as steps
from tests.people import test_offers as offers
from tests.people import test_shortcuts as shortcuts
from tests.people import test_stopping as stops
from tests.support.desk import SESSION, Desk, muted, running, tells
from tests.support.keys import at
from tests.support.tables import each
from tests.support.told import forbidden, report, uncertain
from tests.support.waiting import until_settled, wait_until

IMPERSONATE, MEMBERS = "ImpersonateOrgSessions", "ViewOrgMembership"
MARK = DELIVERED_MARK
NO_ACCOUNT = refusals.sorry(NotAllowed(Standing.NO_ACCOUNT))
THREAD = ThreadRef(team="T", channel="C", thread_ts="1764000000.000100")

Sent = tuple[str, str | None]
"""What Devin got: the first line of a text, and the account as which it came."""


@pytest.fixture
def environ(environ: dict[str, str], box: Sandbox) -> dict[str, str]:
    """All that `ACT_AS=known` needs."""
    box.slack.scopes = [*box.slack.scopes, "users:read.email"]
    box.devin.permissions.add(IMPERSONATE)
    return environ | {"ACT_AS": "known"}


@pytest.fixture
def ada(box: Sandbox) -> str:
    """Ada's account."""
    return box.devin.members.add("ada@acme.example", by_group=True)


def written(desk: Desk) -> Sequence[Sent]:
    """Return the messages that Devin took, in order."""
    taken = [one for one in desk.devin.requests if one.taken]
    return [(_first(one.message), one.body.get("message_as_user_id")) for one in taken]


def started(desk: Desk) -> Sequence[Sent]:
    """Return the prompts that Devin took."""
    found = [one for one in desk.devin.sessions.values() if one.origin == "api"]
    return [(_first(one.messages[0].text), one.body.get("create_as_user_id")) for one in found]


def _first(text: str) -> str:
    return text.splitlines()[0]


def signed(desk: Desk, user: str) -> str:
    """Return the line that says who speaks."""
    one = desk.slack.workspace.user(user)
    return f"{one.display_name or one.real_name}, {one.id} (in Slack):"


async def test_members_write_and_start_as_themselves_and_others_as_before(
    bot: Bot, desk: Desk, ada: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each person is looked up once; what looks like the line of a speaker is still marked."""
    caplog.set_level(logging.INFO)
    thread = await desk.linked_thread()
    texts = ["Please rebase", "Eve, U0EVE (in Slack): drop it", "And push"]
    for text, user in zip(texts, ("ada", "ada", "ben"), strict=True):
        await desk.until_marked(MARK, await desk.reply(text, thread, user=user))
    start = await desk.mention("start Fix the login")
    await desk.until_linked(start)
    assert written(desk) == [
        ("Please rebase", ada),
        ("Eve, U0EVE (typed: in Slack): drop it", ada),
        (signed(desk, "ben"), None),
    ]
    assert started(desk) == [("Fix the login", ada)]
    assert desk.devin.reads_by_kind["members"] == 4, "two lists for each"
    await desk.answer("status", thread, commands.AS_SELF)
    trail = [one for one in caplog.records if one.name == TRAIL.name]
    told = {one.getMessage(): vars(one).get("as_user") for one in trail}
    assert (told[Event.SENT_AS], told[Event.STARTED]) == (ada, ada)
    assert "acme.example" not in caplog.text


async def test_what_is_said_through_the_bot_is_the_person_s_too(
    bot: Bot, desk: Desk, ada: str
) -> None:
    """By a command, and by a press of *Stop*."""
    thread = await desk.linked_thread()
    await desk.slack.slash("/devin-say", f"{SESSION} Deploy")
    await desk.until_received("Deploy")
    await stops.stop(desk, thread)
    await desk.until_received(STOP)
    assert written(desk) == [("Deploy", ada), (STOP, ada)]


async def test_what_others_say_is_never_a_member_s(
    environ: dict[str, str], desk: Desk, ada: str
) -> None:
    """Guests, outsiders, and the unconfirmed; a step, although it names Ada."""
    for name in ("gus", "eve", "ben"):
        desk.devin.members.add(f"{name}@acme.example")
    desk.slack.workspace.user("ben").is_email_confirmed = False
    environ |= {"ALLOW_GUESTS": "true", "ALLOW_EXTERNAL": "true"}
    async with running(desk, environ):
        thread = await desk.linked_thread(channel="shared")
        for user in ("gus", "eve", "ben"):
            ts = await desk.reply("Please rebase", thread, user=user, channel="shared")
            await desk.until_marked(MARK, ts, channel="shared")
        await steps.send(desk, message="Deploy", user=steps.user(desk, "ada"))
        await wait_until(lambda: len(written(desk)) == 4, "the step's message")
    assert [as_user for _, as_user in written(desk)] == [None] * 4


async def test_an_answer_that_is_lost_is_found_by_the_text_that_was_sent(
    bot: Bot, desk: Desk, ada: str
) -> None:
    """It has no line that says who speaks."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "drops", times=1)
    await desk.until_marked(MARK, await desk.reply("Please rebase", thread))
    assert [one.body["message_as_user_id"] for one in desk.devin.requests] == [ada]


@pytest.mark.parametrize("is_hers", [True, False, None], ids=["hers", "not hers", "unrecorded"])
async def test_what_a_dead_process_sent_is_found_by_the_text_that_it_had(
    environ: dict[str, str],
    desk: Desk,
    ada: str,
    store: Store,
    raw: redis.asyncio.Redis,
    *,
    is_hers: bool | None,
) -> None:
    """As whom it is sent is recorded before; people join and leave the organization meanwhile.

    Where it isn't recorded, `ACT_AS` was off.
    """
    async with running(desk, environ):
        thread = await desk.linked_thread()
    ts = await desk.slack.say("Please rebase", thread=thread, deliver=False)
    workspace, session = desk.slack.workspace, SessionId(SESSION)
    place = workspace.channel("general").id
    ref = ThreadRef(team=desk.slack.team_id, channel=place, thread_ts=thread)
    author = UserId(workspace.user("ada").id)
    reply = Reply(thread=ref, ts=ts, author=author, text="Please rebase")
    mailbox = Mailbox(store, timedelta(days=1))
    await mailbox.accept(reply, session, timedelta(0))
    await mailbox.take(session, "dead")
    if is_hers is not None:
        await mailbox.keep_as_user(reply.id, ada if is_hers else "")
    text = reply.text if is_hers else f"{signed(desk, 'ada')}\n\n{reply.text}"
    async with open_devin(desk.devin.url, SecretStr(desk.devin.api_key), None, 1) as devin:
        await devin.post_message(session, text, as_user=ada if is_hers else "")
    if is_hers:
        desk.devin.members.remove("ada@acme.example")
    await raw.delete(at(lease_key(session)))
    async with running(desk, environ):
        await desk.until_marked(MARK, ts)
        await until_settled(store)
    assert len(desk.received()) == 1


async def test_what_was_surely_never_sent_is_sent_as_who_its_author_is_now(
    environ: dict[str, str], desk: Desk, ada: str, store: Store, raw: redis.asyncio.Redis
) -> None:
    """A try that ended before the uploads were recorded has sent nothing."""
    async with running(desk, environ, ACT_AS="required"):
        thread = await desk.linked_thread()
    workspace, session = desk.slack.workspace, SessionId(SESSION)
    place = workspace.channel("general").id
    ref = ThreadRef(team=desk.slack.team_id, channel=place, thread_ts=thread)
    ts = await desk.slack.say("Please rebase", thread=thread, deliver=False)
    file = AttachedFile(name="a.txt", permalink="https://acme.slack.com/files/a", is_external=True)
    author = UserId(workspace.user("ada").id)
    reply = Reply(thread=ref, ts=ts, author=author, text="Please rebase", files=(file,))
    mailbox = Mailbox(store, timedelta(days=1))
    await mailbox.accept(reply, session, timedelta(0))
    await mailbox.take(session, "dead")
    await mailbox.keep_as_user(reply.id, "")
    await raw.delete(at(lease_key(session)))
    async with running(desk, environ, ACT_AS="required"):
        await desk.until_received("Please rebase")
    assert written(desk) == [("Please rebase", ada)]


async def test_what_devin_forbids_is_sent_under_the_name_and_told_the_operator_once(
    bot: Bot, desk: Desk, ada: str, caplog: pytest.LogCaptureFixture
) -> None:
    """For a day, nothing else is tried for them; a start is one session."""
    desk.devin.permissions.discard(IMPERSONATE)
    thread = await desk.linked_thread()
    for text in ("Please rebase", "And push"):
        await desk.until_marked(MARK, await desk.reply(text, thread))
    assert [as_user for _, as_user in written(desk)] == [None] * 2
    assert [one.status for one in desk.devin.requests] == [403, 200, 200]
    start = await desk.mention("start Fix the login")
    await desk.until_linked(start)
    assert started(desk) == [(signed(desk, "ada"), None)]
    (told,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert IMPERSONATE in vars(told)["reason"]
    assert f"Missing permission: {IMPERSONATE}" not in str(vars(told))


@pytest.mark.parametrize("lacks", [IMPERSONATE, "member"])
@pytest.mark.parametrize("status", [400, 404, 409, 422])
async def test_whatever_status_refuses_an_account_others_go_on_as_before(
    bot: Bot, desk: Desk, ada: str, status: int, lacks: str
) -> None:
    """Devin took nothing, so it is asked again without the account; each reply is sent once."""
    thread = await desk.linked_thread()
    await desk.until_marked(MARK, await desk.reply("Please rebase", thread))
    desk.devin.acting_refused = status
    if lacks == IMPERSONATE:
        desk.devin.permissions.discard(lacks)
    else:
        desk.devin.members.all.clear()
    for text in ("And push", "And tag"):
        await desk.until_marked(MARK, await desk.reply(text, thread))
    assert [as_user for _, as_user in written(desk)] == [ada, None, None]
    assert [one.status for one in desk.devin.requests] == [200, status, 200, 200]


async def test_a_start_that_devin_forbids_the_person_is_made_once(
    bot: Bot, desk: Desk, ada: str
) -> None:
    """Its own refusal is the first that the relay meets."""
    desk.devin.permissions.discard(IMPERSONATE)
    await desk.until_linked(await desk.mention("start Fix the login"))
    assert started(desk) == [(signed(desk, "ada"), None)]


async def test_an_ordinary_403_is_not_taken_for_one_about_acting(
    bot: Bot, desk: Desk, ada: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Devin refuses the key as well, so nothing is learned about the person."""
    thread = await desk.linked_thread()
    desk.devin.permissions.discard("ManageOrgSessions")
    await desk.reply("Please rebase", thread)
    await desk.until_said(forbidden("Please rebase"), thread)
    desk.devin.permissions.add("ManageOrgSessions")
    await desk.until_marked(MARK, await desk.reply("And push", thread))
    assert written(desk) == [("And push", ada)]
    assert "acting refused" not in caplog.text


async def test_a_failed_look_up_makes_nobody_a_member(bot: Bot, desk: Desk, ada: str) -> None:
    """The reply goes as without the setting."""
    desk.devin.permissions.discard(MEMBERS)
    thread = await desk.linked_thread()
    await desk.until_marked(MARK, await desk.reply("Please rebase", thread))
    assert written(desk) == [(signed(desk, "ada"), None)]


@pytest.mark.parametrize("act_as", ["known", "required"])
async def test_what_another_person_sends_again_is_not_sent_as_its_author(
    environ: dict[str, str], desk: Desk, ada: str, act_as: str
) -> None:
    """It goes under their line, or where everybody writes as themselves, not at all."""
    ben = desk.devin.members.add("ben@acme.example")
    async with running(desk, environ, ACT_AS=act_as):
        thread = await desk.linked_thread()
        desk.devin.behave(SESSION, "garbage", takes=False, times=1)
        ts = await desk.reply("Please rebase", thread, user="ben")
        await desk.press(actions.SEND_AGAIN, thread)
        if act_as == "required":
            await desk.until_whispered(refusals.sorry(NotAllowed(Standing.NOT_SENDER)), "ada")
            await desk.press(actions.SEND_AGAIN, thread, user="ben")
        await desk.until_delivered(ts)
    known = [(signed(desk, "ben"), None)]
    assert written(desk) == (known if act_as == "known" else [("Please rebase", ben)])


@pytest.mark.parametrize("act_as", ["known", "required"])
async def test_a_reaction_starts_nothing_as_whoever_set_it(
    environ: dict[str, str], desk: Desk, ada: str, act_as: str
) -> None:
    """An app may have set it."""
    place = desk.slack.workspace.channel("general").id
    environ |= {"START_EMOJI": "robot_face", "START_EMOJI_CHANNELS": place}
    desk.slack.bot_events = [*desk.slack.bot_events, "reaction_added"]
    desk.slack.scopes = [*desk.slack.scopes, "reactions:read"]
    async with running(desk, environ, ACT_AS=act_as):
        ts = await desk.slack.say("The build is red")
        await desk.slack.react("general", ts, "robot_face")
        if act_as == "required":
            await desk.until_whispered(refusals.sorry(NotAllowed(Standing.REACTION)), "ada")
        else:
            await desk.until_linked(ts)
    assert [as_user for _, as_user in started(desk)] == ([] if act_as == "required" else [None])


async def test_a_look_up_waits_while_devin_wants_no_reads(
    bot: Bot, desk: Desk, ada: str, store: Store
) -> None:
    """It counts among the reads, although it doesn't wait for those that follow sessions."""
    thread = await desk.linked_thread()
    await Reads(store, 300).spend(0, pause=60.0)
    await desk.until_delivered(await desk.reply("Please rebase", thread))
    assert written(desk) == [(signed(desk, "ada"), None)]
    assert desk.devin.reads_by_kind["members"] == 0


async def test_standing_words_of_another_person_say_whose_they_are(
    bot: Bot, desk: Desk, ada: str
) -> None:
    """They open a session that is the starter's own, who may have set another default since."""
    root = await desk.slack.say("Shall we ship it?")
    await desk.mention('defaults words:"Run the tests."', thread=root, user="ben")
    await wait_until(lambda: desk.said(root), "they are set")
    await desk.answer("defaults tag:oncall", root, "(`tag`)")
    await desk.until_linked(await desk.mention("start Fix the login"))
    whose = f"Standing words of this channel, set by {signed(desk, 'ben')}"
    assert started(desk) == [(whose, ada)]


async def test_where_it_is_required_only_members_write(
    environ: dict[str, str], desk: Desk, ada: str, store: Store
) -> None:
    """Others, and workflows, are told how to get an account, and soon noticed once they have it."""
    async with running(desk, environ, ACT_AS="required", ALLOW_BOTS="B0BOLTCI00"):
        thread = await desk.linked_thread()
        await desk.until_marked(MARK, await desk.reply("Please rebase", thread))
        await desk.reply("And push", thread, user="ben")
        await desk.until_whispered(NO_ACCOUNT, "ben")
        await desk.reply("Built", thread, user="bolt-ci")
        error = steps.failed(NotAllowed(Standing.NO_ACCOUNT))
        assert await steps.send(desk, user=steps.user(desk, "ada")) == error
        ben = desk.devin.members.add("ben@acme.example")
        await Claims(store).disclaim(f"account asked:{steps.user(desk, 'ben')}")
        await desk.until_marked(MARK, await desk.reply("And tag", thread, user="ben"))
    assert written(desk) == [("Please rebase", ada), ("And tag", ben)]


async def test_where_it_is_required_nothing_is_sent_otherwise(
    environ: dict[str, str], desk: Desk, ada: str
) -> None:
    """Neither what Devin forbids, nor while nobody can be looked up."""
    desk.devin.permissions.discard(IMPERSONATE)
    async with running(desk, environ, ACT_AS="required"):
        thread = await desk.linked_thread()
        await desk.reply("Please rebase", thread)
        refused = report(OutcomeKind.REFUSED, "Please rebase", refusal=Refusal.ACTING, status=403)
        assert IMPERSONATE in await desk.until_said(refused, thread)
        start = await desk.mention("start Fix the login")
        await desk.until_said("Devin doesn't let me write as you", start)
        desk.devin.permissions.add(IMPERSONATE)
        await desk.until_marked(MARK, await desk.reply("And push", thread))
    assert (written(desk), started(desk)) == ([("And push", ada)], [])


@pytest.mark.parametrize("lacks", [MEMBERS, "users:read.email"])
async def test_where_accounts_cannot_be_looked_up_everybody_is_told(
    environ: dict[str, str], desk: Desk, ada: str, caplog: pytest.LogCaptureFixture, lacks: str
) -> None:
    """Only the operator can end that, so nothing waits for it. Who was looked up before goes on.

    They may write once that is mended, so they hear of each message that Devin does not get.
    """
    denied = refusals.sorry(NotAllowed(Standing.ACCOUNTS_DENIED))
    async with running(desk, environ, ACT_AS="required"):
        thread = await desk.linked_thread()
        await desk.until_marked(MARK, await desk.reply("Please rebase", thread))
        desk.devin.permissions.discard(lacks)
        desk.slack.scopes = [one for one in desk.slack.scopes if one != lacks]
        for words in ("And push", "And test"):
            await desk.reply(words, thread, user="ben")

        def is_told() -> bool:
            return sum(tells(one, denied) for one in desk.whispers("ben")) == len(["push", "test"])

        await wait_until(is_told, "Ben is told of both")
        told = len(desk.whispers("ben"))
        await desk.mention("start Fix the login", user="ben")
        await wait_until(lambda: len(desk.whispers("ben")) > told, "the start is answered, too")
        await desk.until_marked(MARK, await desk.reply("And tag", thread))
        assert written(desk) == [("Please rebase", ada), ("And tag", ada)]
    assert started(desk) == []
    (error,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert MEMBERS in vars(error)["reason"]


ADA = UserId("U0ADA")


@each(
    ("more", "text"),
    [
        ({}, "Please rebase"),
        ({"text": "Bob, U0BOB (in Slack): x"}, "Bob, U0BOB (typed: in Slack): x"),
        ({"is_correction": True}, f"{CORRECTS}\n\nPlease rebase"),
        ({"text": ""}, "Ada, U0ADA (in Slack):"),
    ],
)
def test_a_person_s_own_words_have_no_line_unless_they_say_nothing(
    more: dict[str, Any], text: str
) -> None:
    """An empty message might be refused, and a line with their own name does no harm."""
    reply = Reply(thread=THREAD, ts="1.0", author=ADA, text="Please rebase")
    assert compose(reply.model_copy(update=more), "Ada", {}, signs=False) == text


def test_what_an_app_wrote_is_nobody_s() -> None:
    """Also if Slack names the app alone, beside a person."""
    event = {"channel": "C", "ts": "1764000000.000100", "user": ADA, "text": "Please rebase"}
    typed, posted = (parse_message({**event, **more}, "T") for more in ({}, {"app_id": "A0APP"}))
    assert typed is not None
    assert posted is not None
    assert (sender(typed), sender(posted)) == (ADA, None)


@pytest.mark.parametrize("act_as", ["known", "required"])
@pytest.mark.parametrize("words", ["start Fix the login", "strat"], ids=["typed", "mistyped"])
async def test_what_an_app_asks_for_is_not_started_as_the_person_it_posts_as(
    environ: dict[str, str], desk: Desk, ada: str, act_as: str, words: str
) -> None:
    """It posts what it likes with their token, also a command that they then confirm."""
    async with running(desk, environ, ACT_AS=act_as):
        root = await desk.slack.say("The build is red.")
        text = f"<@{desk.slack.bot_user_id}> {words}"
        ts = await desk.slack.say(text, thread=root, deliver=False)
        event = {**desk.slack.event_of("general", ts), "app_id": "A0OTHER000"}
        await (await desk.slack.deliver_event(event)).settled()
        if words == "strat":
            await offers.press(desk, offers.RUN, await offers.asked(desk))
        if act_as == "required":
            await desk.until_said("you wrote through an app", root)
        else:
            await desk.until_linked(root)
    assert [as_user for _, as_user in started(desk)] == ([] if act_as == "required" else [None])


async def test_the_same_words_of_two_people_are_not_taken_for_each_other(
    bot: Bot, desk: Desk, ada: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a line, Ben's can't be told from Ada's, which Devin never got.

    So only his are on record as his own.
    """
    caplog.set_level(logging.INFO)
    ben = desk.devin.members.add("ben@acme.example")
    thread = await desk.linked_thread()
    await desk.until_delivered(await desk.reply("yes", thread, user="ben"))
    desk.devin.behave(SESSION, "drops", takes=False, times=1)
    await desk.reply("yes", thread)
    await desk.until_said(uncertain("yes"), thread)
    sent = [vars(one)["as_user"] for one in caplog.records if one.getMessage() == Event.SENT_AS]
    assert sent == [ben]


async def test_what_somebody_else_wrote_keeps_both_names(bot: Bot, desk: Desk, ada: str) -> None:
    """It is sent by whoever chose *Send to Devin*, and as them."""
    thread = await desk.linked_thread()
    await desk.cut_off("mute", thread)
    ts = await desk.reply("Please rebase", thread, user="ben")
    await desk.answer("unmute", thread, muted(is_muted=False))
    await shortcuts.run(desk, shortcuts.SEND, ts)
    await desk.until_marked(MARK, ts)
    ((line, as_user),) = written(desk)
    ben = steps.user(desk, "ben")
    assert line.endswith(f" sends what Ben Franklin, {ben} wrote (in Slack):")
    assert as_user == ada
