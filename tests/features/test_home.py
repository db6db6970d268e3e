"""App Home lists the linked threads that a person may see, with actions on them."""

import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from redis.asyncio import Redis

from bot.app import Bot
from bot.features.home import words
from bot.features.home.words import ThreadShown
from bot.features.start_forms.words import START_FORM
from bot.model.errors import NotIdentified, NotLinked, SlackAway, StoreAway
from bot.model.people import Person, Standing, UserId
from bot.model.replies import Outcome, OutcomeKind
from bot.model.sessions import Follow, NamedSession, PullRequest, SessionId, SessionState, Watched
from bot.model.threads import TOPIC_LIMIT, Link, ThreadRef
from bot.model.times import Millis
from bot.redis.connection import Store
from bot.redis.keys import THREADS_KEY, link_key, watched_key
from bot.store.links import Links
from bot.wording import actions, forms, refusals, thread_links
from bot.wording.commands import following
from bot.wording.forms import LINK_TITLE
from bot.wording.message import SlackMessage
from bot.wording.mirror.card import FOLLOWS
from bot.wording.phrases import last_ending, mail_waiting, session_address, session_link
from handlers.home import parse_home_choice, parse_opened
from handlers.parse.interactions import parse_press, parse_submission
from sandbox import Sandbox
from sandbox.slack.api.blocks import view_problems
from sandbox.slack.transport.deliveries import Delivery
from sandbox.slack.world.workspace import Channel, User
from tests.people import test_offers as offers
from tests.support.builders import ADA, CHANNEL, JSON, OURS, ROOT_TS, TEAM, mutated
from tests.support.desk import OTHER_SESSION, SESSION, Desk, in_org_too, is_card, on_v1, running
from tests.support.devin_posts import until_card, until_state
from tests.support.entries import linked
from tests.support.keys import at
from tests.support.known import channels_of, forget
from tests.support.slack_apps import web_client
from tests.support.tables import each
from tests.support.waiting import until_settled, wait_until
from tests.wording.foreign import FOREIGN

AWAY = SlackAway("conversations.info", "HTTP 503", maybe_done=True)
View = dict[str, Any]


async def home(desk: Desk, user: str = "ada") -> View:
    """Open the Home tab as somebody, and return what it shows."""
    before = shown_hash(desk, user)
    await desk.slack.open_home(user)
    return await changed(desk, before, user)


async def changed(desk: Desk, before: object, user: str = "ada") -> View:
    """Return the Home tab once it has been published again."""
    await wait_until(lambda: shown_hash(desk, user) != before, "the home is published")
    view = desk.slack.home_view(user)
    assert view is not None
    return view


def shown_hash(desk: Desk, user: str) -> object:
    view = desk.slack.home_view(user)
    return None if view is None else view["hash"]


def lines(view: View) -> list[str]:
    """Return the text of the view, without its menus and buttons."""
    found = []
    for block in view["blocks"]:
        texts = [
            block.get("text"),
            *(block.get("elements", []) if block["type"] == "context" else []),
        ]
        found += [one["text"] for one in texts if one]
    return found


def listed(view: View) -> list[str]:
    """Return the threads of the view: their `ts`, by their menus."""
    values = [value for value in choices(view) if value.startswith(f"{words.HOME_UNLINK}|")]
    return [value.split("|")[1].split(":")[2] for value in values]


def choices(view: View) -> list[str]:
    """Return the values of the choices beside all threads of the view."""
    menus = [block["accessory"] for block in view["blocks"] if "accessory" in block]
    return [one["value"] for menu in menus for one in menu["options"]]


def first_choice(view: View, action: str) -> str:
    """Return the value of the first choice of that action."""
    return next(value for value in choices(view) if value.startswith(f"{action}|"))


async def press(
    desk: Desk, view: View, action: str, value: str | None = None, *, user: str = "ada"
) -> View:
    """Choose that action for the first thread, or another; return what the tab then shows."""
    before = shown_hash(desk, user)
    chosen = f"{action}|{value}" if value else first_choice(view, action)
    where = {"view_id": view["id"], "user": user, "value": chosen}
    assert (await desk.slack.press_view(words.HOME_MENU, **where)).acked
    if action == words.HOME_UNLINK:
        form = await asked(desk, user)
        assert (await desk.slack.submit_view(form["id"], {}, user=user)).acked
    return await changed(desk, before, user)


async def asked(desk: Desk, user: str = "ada") -> View:
    """Return the modal in which somebody is asked whether to unlink a thread."""
    await wait_until(lambda: desk.slack.open_views(user), "a modal opens")
    (form,) = desk.slack.open_views(user)
    return form


def muted(name: str = "", *, is_muted: bool = True) -> SlackMessage:
    """Return the answer to `mute`, or what the thread is told if `name` did it from App Home."""
    link = Link(session=SessionId(SESSION), by=UserId(ADA), linked_at=0, muted=is_muted)
    return thread_links.muted(link, name)


@pytest.fixture
async def raw(redis_url: str) -> AsyncIterator[Redis]:
    """A plain Redis client."""
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


ENDED = Watched(state=SessionState.ENDED, read_at=Millis(1))


async def many(
    desk: Desk, store: Store, raw: Redis, number: int, channel: str = "general"
) -> list[str]:
    """Link that many threads, one after the other; return their `ts`.

    Their sessions are over, so that no poll tells the threads anything, which would order them.
    """
    place = desk.slack.workspace.channel(channel).id
    ada = desk.slack.workspace.user("ada").id
    made = [f"1764{one:06d}.000100" for one in range(number)]
    for one, ts in enumerate(made):
        ref = ThreadRef(team=desk.slack.team_id, channel=place, thread_ts=ts)
        session = SessionId(f"devin-{one:032x}")
        await raw.hset(at(watched_key(session)), "seen", ENDED.to_json())
        link = Link(session=session, by=UserId(ada), linked_at=int(time.time()))
        await linked(store, ref, link, timedelta(days=1))
    now = int(time.time() * 1000)
    names = [f"{desk.slack.team_id}:{place}:{ts}" for ts in made]
    await raw.zadd(at(THREADS_KEY), {name: now - number + one for one, name in enumerate(names)})
    return made


async def test_a_page_that_slack_does_not_take_is_left_to_the_next_opening(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so."""
    desk.slack.fail_next("views.publish", status=503)
    await desk.slack.open_home("ada")
    await wait_until(lambda: "home not published" in caplog.text, "it is given up")
    assert lines(await home(desk))


async def test_without_links_the_tab_says_how_to_begin(bot: Bot, desk: Desk) -> None:
    """It names three ways, and says that the bot must be in the channel."""
    assert lines(await home(desk)) == [words.TITLE, words.EMPTY.text]
    for way in ("`link &lt;session", f"*{LINK_TITLE}*", "`/devin-say", "`/invite"):
        assert way in words.EMPTY.text


@on_v1
async def test_a_linked_thread_is_shown_with_how_it_stands(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """It has session, place, first words, the last outcome with its time, and its queue."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "suspended")
    await desk.reply("Please rebase", thread)
    await desk.offering("send_again", thread)
    await until_settled(store)
    await until_state(desk, SessionState.SUSPENDED, thread)
    desk.devin.behave(SESSION, "rate_limited")
    waits = await desk.reply("And test it", thread)
    await wait_until(lambda: len(desk.devin.requests) > 1, "Devin is asked")
    await until_state(desk, SessionState.WORKING, thread)
    general = desk.slack.workspace.channel("general").id
    await until_topic(desk, store, thread)
    (count, title, said, standing) = lines(await home(desk))
    assert count == "1 thread"
    assert title == words.TITLE
    host = "sandbox" if desk.slack.workspace.wide is None else "sandbox.enterprise"
    address = f"https://{host}.slack.invalid/archives/{general}/p{thread.replace('.', '')}"
    state, _, rest = said.partition("\n")
    assert state.startswith(":large_green_circle: Devin ")
    assert rest == (
        f"*{session_link(desk.named())}* in <#{general}>\n"
        f"<{address}?thread_ts={thread}&cid={general}|Shall we ship it?>"
    )
    assert "<!date^" in standing
    suspended = Outcome(kind=OutcomeKind.SUSPENDED, detail="x")
    assert last_ending(suspended) in standing
    assert mail_waiting(1) in standing
    desk.devin.behave(SESSION, "running")
    await desk.until_delivered(waits)


async def test_who_waits_for_someone_is_above_the_rest(bot: Bot, desk: Desk) -> None:
    """It is the one thing that needs a person; the others follow under a heading of their own."""
    waits = await desk.linked_thread()
    desk.devin.say(SESSION, "Shall I?")
    desk.devin.behave(SESSION, "blocked")
    await until_state(desk, SessionState.WAITING, waits)
    other = await desk.linked_thread(OTHER_SESSION, channel="secrets")
    view = await home(desk)
    assert listed(view) == [waits, other]
    headings = [block["text"]["text"] for block in view["blocks"] if block["type"] == "header"]
    assert headings == [words.WAITING_TITLE, words.TITLE]


async def test_what_is_as_usual_is_left_out(bot: Bot, desk: Desk, store: Store) -> None:
    """A thread that follows all and has nothing queued shows what Devin does, and when."""
    thread = await desk.linked_thread()
    ts = await desk.reply("Please rebase", thread)
    await desk.until_delivered(ts)
    await until_settled(store)
    standing = lines(await home(desk))[-1]
    assert re.fullmatch(r"Last activity <!date\^\d+\^[^<>]+>", standing)


async def test_a_session_can_be_started_from_the_tab(bot: Bot, desk: Desk) -> None:
    """The button is there from the beginning, and opens the form of the shortcut, once a press."""
    view = await home(desk)
    pressed = await desk.slack.press_view(actions.OPEN_START_FORM, view_id=view["id"], user="ada")
    assert pressed.acked
    await wait_until(lambda: desk.slack.open_views("ada"), "a form opens")
    (form,) = desk.slack.open_views("ada")
    assert form["callback_id"] == START_FORM


async def test_the_latest_traffic_is_at_the_top(bot: Bot, desk: Desk) -> None:
    """This holds across channels; a reply moves its thread to the top again."""
    first = await desk.linked_thread()
    second = await desk.linked_thread(OTHER_SESSION, channel="secrets")
    assert listed(await home(desk)) == [second, first]
    ts = await desk.reply("Please rebase", first)
    await desk.until_delivered(ts)
    assert listed(await home(desk)) == [first, second]


WHO_SEES = {
    "general": ("ada", "ben", "cid"),
    "shared": ("ada", "ben", "cid"),
    "secrets": ("ada", "ben"),
    "group-dm": ("ada", "ben"),
    "dm": ("ada",),
}


@pytest.mark.parametrize("channel", WHO_SEES)
async def test_a_thread_is_shown_to_whom_slack_shows_its_channel(
    bot: Bot, desk: Desk, channel: str
) -> None:
    """Public channels: all full members; private ones: their members; a DM: its person."""
    desk.slack.scopes = [*desk.slack.scopes, "mpim:read"]
    desk.slack.workspace.add_user(User("cid"))
    thread = await desk.linked_thread(channel=channel)
    for user in ("ada", "ben", "cid"):
        seen = [thread] if user in WHO_SEES[channel] else []
        assert listed(await home(desk, user)) == seen, user


async def test_a_channel_that_becomes_private_is_hidden_at_once(bot: Bot, desk: Desk) -> None:
    """The message about it says so, and what Slack said before does not count any more."""
    desk.slack.workspace.add_user(User("cid"))
    thread = await desk.linked_thread()
    await desk.until_heard()
    assert listed(await home(desk, "cid")) == [thread]
    general = desk.slack.workspace.channel("general")
    general.kind = "group"
    told = {
        "type": "message",
        "subtype": "channel_convert_to_private",
        "user": "U0ADA00000",
        "channel": general.id,
        "text": "made this channel *private*.",
        "ts": desk.slack.workspace.clock.next_ts(),
    }
    await (await desk.slack.deliver_event(told)).settled()
    assert listed(await home(desk, "cid")) == []


async def test_a_direct_message_is_shown_to_nobody_else(bot: Bot, desk: Desk) -> None:
    """Ben's link is his; Ada's threads there are hers."""
    desk.slack.workspace.add_channel(
        Channel("ben-dm", "im", ["ben", "devin-relay"], id="D0BENDM000")
    )
    hers = await desk.linked_thread(channel="dm")
    root = await desk.slack.say("Shall we?", user="ben", channel="ben-dm")
    await desk.mention(f"link {OTHER_SESSION}", thread=root, user="ben", channel="ben-dm")
    await desk.until_linked(root, channel="ben-dm")
    assert listed(await home(desk, "ada")) == [hers]
    assert listed(await home(desk, "ben")) == [root]


@pytest.mark.parametrize("method", ["conversations.info", "conversations.members"])
@pytest.mark.parametrize("failure", [{"error": "missing_scope"}, {"status": 503}])
async def test_where_slack_does_not_say_who_is_in_a_channel_nothing_is_shown(
    bot: Bot, desk: Desk, raw: Redis, method: str, failure: dict[str, Any]
) -> None:
    """It fails closed for that channel; if Slack was away, the tab tells what may be missing."""
    await desk.linked_thread(channel="secrets")
    own = await desk.linked_thread(channel="dm")
    await desk.until_heard()
    desk.slack.fail_next(method, times=1_000, **failure)
    await forget(raw)
    view = await home(desk)
    assert listed(view) == [own]
    assert (words.PARTIAL in lines(view)) == ("status" in failure)


async def test_where_slack_did_not_answer_the_tab_does_not_say_that_there_is_nothing(
    bot: Bot, desk: Desk, raw: Redis
) -> None:
    """There may be linked threads, so the tab does not explain how to begin."""
    await desk.linked_thread(channel="secrets")
    await desk.until_heard()
    desk.slack.fail_next("conversations.info", status=503, times=1_000)
    await forget(raw)
    assert lines(await home(desk)) == [words.PARTIAL]


@pytest.mark.parametrize("is_linked", [True, False])
async def test_a_press_is_not_obeyed_while_slack_does_not_say_who_sees_the_thread(
    bot: Bot, desk: Desk, raw: Redis, *, is_linked: bool
) -> None:
    """It says so, whether or not there is a link."""
    thread = await desk.linked_thread(channel="secrets")
    await desk.linked_thread(OTHER_SESSION, channel="dm")
    place = desk.slack.workspace.channel("secrets").id
    session = SESSION if is_linked else OTHER_SESSION
    await desk.until_heard()
    desk.slack.fail_next("conversations.info", status=503, times=1_000)
    await forget(raw)
    value = f"{desk.slack.team_id}:{place}:{thread}|{session}"
    view = await press(desk, await home(desk), words.HOME_UNLINK, value)
    assert any(refusals.passing(AWAY).text in line for line in lines(view))
    assert desk.said(thread, channel="secrets") == []


@pytest.mark.parametrize(
    ("who", "channel", "is_seen"),
    [
        (Person(id=UserId("U1"), name="x"), "C0GENERAL0", True),
        (Person(id=UserId("U1"), name="x", is_known=False), "C0GENERAL0", False),
        (Person(id=UserId("U1"), name="x", is_guest=True), "C0GENERAL0", False),
        (Person(id=UserId("U1"), name="x", is_external=True), "C0GENERAL0", False),
        (Person(id=UserId("U1"), name="x", is_bot=True), "C0GENERAL0", False),
        (Person(id=UserId("U0ADA00000"), name="ada"), "D0ADADM000", False),
    ],
)
async def test_a_public_channel_is_for_full_members(
    box: Sandbox, store: Store, who: Person, channel: str, *, is_seen: bool
) -> None:
    """Others see it if they are in it; a direct message is shown to nobody."""
    audience = channels_of(web_client(box.slack), store)
    assert await audience.includes(who, channel) is is_seen


async def test_a_member_is_found_on_any_page(bot: Bot, desk: Desk) -> None:
    """Slack returns a thousand at a time."""
    thread = await desk.linked_thread(channel="secrets")
    members = desk.slack.workspace.channel("secrets").members
    members[:0] = [f"U{number:09d}" for number in range(1_500)]
    assert listed(await home(desk, "ben")) == [thread]
    calls = [one for one in desk.slack.calls if one.method == "conversations.members"]
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("user", "changes", "why"),
    [
        ("gus", {}, Standing.GUEST),
        ("eve", {}, Standing.EXTERNAL),
        ("ben", {"ALLOW_USERS": "U0ADA00000"}, Standing.NOT_LISTED),
        ("slackbot", {}, Standing.BOT),
    ],
)
async def test_who_may_not_steer_devin_reads_a_sentence(
    environ: dict[str, str], desk: Desk, user: str, changes: dict[str, str], why: Standing
) -> None:
    """They see no session, no channel and no count."""
    async with running(desk, environ, **changes):
        await desk.linked_thread()
        (said,) = lines(await home(desk, user))
    assert said == words.closed(why).text


async def test_an_allowed_guest_sees_the_channels_that_they_are_in(
    environ: dict[str, str], desk: Desk
) -> None:
    """This includes public channels: Slack shows a guest no others."""
    async with running(desk, environ, ALLOW_GUESTS="true", ALLOW_EXTERNAL="true"):
        here = await desk.linked_thread()
        there = await desk.linked_thread(OTHER_SESSION, channel="shared")
        assert listed(await home(desk, "gus")) == [there, here]
        assert listed(await home(desk, "eve")) == [there]


@pytest.mark.parametrize("is_shown", [False, True])
async def test_an_outsider_reads_no_more_of_a_session_than_its_thread_shows(
    environ: dict[str, str], desk: Desk, *, is_shown: bool
) -> None:
    """Neither its title nor its state, in the Home tab, by `sessions` and in forms."""
    desk.devin.rename(SESSION, "Secret plans")
    desk.devin.behave(SESSION, "idle")
    also = {"MIRROR_EXTERNAL": "true"} if is_shown else {}
    async with running(desk, environ, ALLOW_EXTERNAL="true", **also):
        await until_state(desk, SessionState.FINISHED, await desk.linked_thread())
        thread = await desk.linked_thread(channel="shared")
        view = await home(desk, "eve")
        assert listed(view) == [thread]
        await desk.mention("sessions", thread=thread, user="eve", channel="shared")
        told = await desk.until_whispered(session_address(desk.named()), "eve", channel="shared")
        await desk.mention("please have a look", user="eve", channel="shared")
        offer = await offers.asked(desk, channel="shared", user="eve")
        await offers.press(desk, offers.LINK, offer, user="eve")
        await wait_until(lambda: desk.slack.open_views("eve"), "a form opens")
        (form,) = desk.slack.open_views("eve")
    for hidden in ("Secret plans", "finished"):
        found = [hidden in told, hidden in "".join(lines(view))]
        assert found == [is_shown] * 2, (hidden, told, lines(view))
    assert ("Secret plans" in str(form)) is is_shown
    assert "devin-" in str(form)


async def test_who_is_asking_may_be_unknown(bot: Bot, desk: Desk) -> None:
    """A failed look-up shows no threads, and the tab says so."""
    desk.slack.fail_next("users.info", status=503, times=2)
    (said,) = lines(await home(desk, "ben"))
    assert said == refusals.passing(NotIdentified("users.info")).text


async def test_only_allowed_channels_are_shown(environ: dict[str, str], desk: Desk) -> None:
    """In other channels nobody may steer Devin, from App Home either."""
    secrets = desk.slack.workspace.channel("secrets").id
    async with running(desk, environ):
        await desk.linked_thread()
        kept = await desk.linked_thread(channel="secrets")
    async with running(desk, environ, ALLOW_CHANNELS=secrets):
        assert listed(await home(desk)) == [kept]


async def test_a_thread_is_muted_and_unmuted_from_there(bot: Bot, desk: Desk) -> None:
    """The thread is told who did it, since people there would not know; replies follow suit."""
    thread = await desk.linked_thread()
    view = await press(desk, await home(desk), words.HOME_MUTE)
    assert words.DONE in lines(view)
    assert any("· *muted*" in line for line in lines(view))
    await desk.until_said(muted("ada"), thread)
    await desk.reply("Not for Devin", thread)
    view = await press(desk, view, words.HOME_UNMUTE)
    await desk.until_said(muted("ada", is_muted=False), thread)
    offered = [value.partition("|")[0] for value in choices(view)]
    assert offered == [words.HOME_MUTE, words.HOME_UNLINK]
    assert await desk.fence(thread) == []


async def test_what_is_muted_already_is_not_told_again(bot: Bot, desk: Desk) -> None:
    """The tab was older than an action in the thread."""
    thread = await desk.linked_thread()
    view = await home(desk)
    await desk.mention("mute", thread=thread)
    await desk.until_said(muted(), thread)
    view = await press(desk, view, words.HOME_MUTE)
    assert first_choice(view, words.HOME_UNMUTE)
    view = await press(desk, view, words.HOME_UNMUTE)
    await desk.until_said(muted("ada", is_muted=False), thread)
    assert len(desk.said(thread)) == 2


@in_org_too
async def test_a_thread_is_unlinked_from_there(bot: Bot, desk: Desk) -> None:
    """It disappears from the tab, and the thread is told who did it."""
    thread = await desk.linked_thread()
    view = await press(desk, await home(desk), words.HOME_UNLINK)
    assert listed(view) == []
    assert words.DONE in lines(view)
    await desk.until_said(thread_links.unlinked(desk.named(), "ada"), thread)
    await desk.mention("status", thread=thread)
    await desk.until_said(refusals.sorry(NotLinked()), thread)


@in_org_too
async def test_a_thread_is_unlinked_only_once_that_is_confirmed(bot: Bot, desk: Desk) -> None:
    """The menu asks; whoever closes the question changes nothing."""
    thread = await desk.linked_thread()
    view = await home(desk)
    value = first_choice(view, words.HOME_UNLINK)
    await desk.slack.press_view(words.HOME_MENU, view_id=view["id"], value=value)
    form = await asked(desk)
    assert form["callback_id"] == words.HOME_UNLINK_FORM
    assert f"/p{thread.replace('.', '')}" in str(form["blocks"])
    await desk.slack.close_view(form["id"])
    assert listed(await home(desk)) == [thread]
    desk.slack.trigger_seconds = 0.0
    before = shown_hash(desk, "ada")
    await desk.slack.press_view(words.HOME_MENU, view_id=view["id"], value=value)
    late = await changed(desk, before)
    assert listed(late) == [thread]
    assert forms.TOO_LATE.text in lines(late)
    assert desk.slack.open_views("ada") == []
    assert desk.said(thread) == []


async def test_a_press_that_comes_twice_acts_once(bot: Bot, desk: Desk) -> None:
    """This holds even if the thread was linked again in between."""
    thread = await desk.linked_thread()
    await press(desk, await home(desk), words.HOME_UNLINK)
    await desk.until_said(thread_links.unlinked(desk.named(), "ada"), thread)
    once = pressed(desk)
    await desk.mention(f"link {SESSION}", thread=thread)
    await desk.until_linked(thread, times=2)
    before = shown_hash(desk, "ada")
    for _ in range(2):
        assert (await (await desk.slack.redeliver(once)).settled()).acked
    assert listed(await changed(desk, before)) == [thread]
    assert len(desk.said(thread, with_cards=True)) == 3


def pressed(desk: Desk) -> Delivery:
    """Return the last press, as it went to the bot."""
    kinds = {"block_actions", "view_submission"}
    return [one for one in desk.slack.deliveries if one.payload.get("type") in kinds][-1]


@pytest.mark.parametrize("action", [words.HOME_MUTE, words.HOME_UNLINK])
async def test_an_old_tab_does_not_change_a_newer_link(bot: Bot, desk: Desk, action: str) -> None:
    """The tab showed another session."""
    thread = await desk.linked_thread()
    view = await home(desk)
    await desk.mention("unlink", thread=thread)
    await desk.until_said(thread_links.unlinked(desk.named()), thread)
    await desk.mention(f"link {OTHER_SESSION}", thread=thread)
    await desk.until_linked(thread, times=2)
    view = await press(desk, view, action)
    assert words.GONE in lines(view)
    ts = await desk.reply("Please rebase", thread)
    await desk.until_marked("x", ts)
    assert len(desk.said(thread, with_cards=True)) == 4


FORGED = {
    "a thread that is not there": "{team}:{channel}:1.000001|{session}",
    "another session": "{team}:{channel}:{ts}|" + OTHER_SESSION,
    "nothing": "",
}


@pytest.mark.parametrize("value", FORGED.values(), ids=FORGED.keys())
async def test_a_forged_button_changes_nothing(bot: Bot, desk: Desk, value: str) -> None:
    """A value counts only if it is complete, and for an existing link."""
    thread = await desk.linked_thread()
    view = await home(desk)
    ids = {"team": desk.slack.team_id, "channel": desk.slack.workspace.channel("general").id}
    forged = value.format(ts=thread, session=SESSION, **ids)
    where = {"view_id": view["id"], "value": f"{words.HOME_MUTE}|{forged}"}
    assert (await desk.slack.press_view(words.HOME_MENU, **where)).acked
    where["value"] = first_choice(view, words.HOME_UNLINK)
    await desk.slack.press_view(words.HOME_MENU, **where)
    form = await asked(desk)
    form["private_metadata"] = f"{words.HOME_UNLINK}|{forged}"
    assert (await desk.slack.submit_view(form["id"], {})).acked
    assert listed(await home(desk)) == [thread]
    assert desk.said(thread) == []


@pytest.mark.parametrize("channel", ["secrets", "dm"])
async def test_a_thread_that_somebody_cannot_see_cannot_be_changed_by_them(
    bot: Bot, desk: Desk, channel: str
) -> None:
    """A button can be forged; the answer does not reveal whether the thread exists."""
    desk.slack.workspace.add_user(User("cid"))
    hidden = await desk.linked_thread(channel=channel)
    await desk.linked_thread(OTHER_SESSION)
    place = desk.slack.workspace.channel(channel).id
    said = desk.said(hidden, channel=channel)
    value = f"{desk.slack.team_id}:{place}:{hidden}|{SESSION}"
    view = await press(desk, await home(desk, "cid"), words.HOME_UNLINK, value, user="cid")
    assert words.GONE in lines(view)
    assert desk.said(hidden, channel=channel) == said


async def test_who_became_a_guest_can_no_longer_press(
    environ: dict[str, str], desk: Desk, raw: Redis
) -> None:
    """A presser is checked like the author of a reply; the tab then shows one sentence."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        view = await home(desk)
    await forget(raw)
    desk.slack.workspace.user("ada").is_restricted = True
    async with running(desk, environ):
        view = await press(desk, view, words.HOME_UNLINK)
    assert lines(view) == [words.closed(Standing.GUEST).text]
    assert desk.said(thread) == []


async def test_a_forgotten_link_is_not_shown(bot: Bot, desk: Desk, raw: Redis) -> None:
    """It is gone `LINK_TTL` after its last traffic, while its channel's list may still have it."""
    kept, gone = await desk.linked_thread(), await desk.linked_thread(OTHER_SESSION)
    general = desk.slack.workspace.channel("general").id
    ref = ThreadRef(team=desk.slack.team_id, channel=general, thread_ts=gone)
    await raw.delete(at(link_key(ref)))
    assert listed(await home(desk)) == [kept]


async def test_of_many_threads_the_latest_are_shown(
    bot: Bot, desk: Desk, store: Store, raw: Redis
) -> None:
    """Those that wait for someone come first of all, and Slack accepts the view."""
    desk.devin.add_session(OTHER_SESSION)
    waiting = await desk.linked_thread(OTHER_SESSION)
    desk.devin.behave(OTHER_SESSION, "blocked")
    await until_card(desk, ":large_yellow_circle:", waiting)
    made = await many(desk, store, raw, 40)
    view = await home(desk)
    assert len(view["blocks"]) <= 100
    assert listed(view) == [waiting, *made[::-1][: words.MOST_SHOWN - 1]]
    assert any("30 of 41 threads" in line for line in lines(view))


async def test_many_channels_cost_bounded_calls(
    environ: dict[str, str], desk: Desk, store: Store, raw: Redis
) -> None:
    """Slack is asked about as many as leaves room for others, about the rest a minute later."""
    for number in range(60):
        name = f"c{number:02}"
        desk.slack.workspace.add_channel(Channel(name, members=["ada", "devin-relay"]))
        await many(desk, store, raw, 1, name)
    times = {"watch_pause": 3_600.0, "entry_pause": 3_600.0}  # a card asks about its channel
    for minute in (1, 2):
        async with running(desk, environ, times):
            await home(desk)
            view = await home(desk)
        calls = [one for one in desk.slack.calls if one.method == "conversations.info"]
        assert len(calls) == 30 * minute
        assert (words.PARTIAL in lines(view)) == (minute == 1)
        async for key in raw.scan_iter("*}:calls:*"):
            await raw.delete(key)
    assert "of 60 threads" in str(view)


@pytest.mark.times(redis_seconds=2.0)
async def test_while_redis_is_away_the_tab_says_so(bot: Bot, desk: Desk, raw: Redis) -> None:
    """The tab shows the threads when it is opened again."""
    thread = await desk.linked_thread()
    await raw.client_pause(20_000, all=False)
    (said,) = lines(await home(desk))
    assert said == refusals.passing(StoreAway("PING")).text
    await raw.client_unpause()
    assert listed(await home(desk)) == [thread]


@pytest.mark.parametrize("tab", ["messages", None, 5])
async def test_another_tab_is_none_of_this(bot: Bot, desk: Desk, tab: object) -> None:
    """Slack sends the same event when the messages tab is opened."""
    ada = desk.slack.workspace.user("ada").id
    event = {"type": "app_home_opened", "user": ada, "channel": "D0ADADM000", "tab": tab}
    delivery = await desk.slack.deliver_event(event)
    assert (await delivery.settled()).acked
    assert (await home(desk, "ben"))["blocks"]
    assert desk.slack.home_view("ada") is None


PLACE = f"{TEAM}:{CHANNEL}:{ROOT_TS}|{SESSION}"


def a_home_choice(value: str) -> JSON:
    """Return a choice from a menu of App Home, as Slack sends it (`block_actions`)."""
    chosen = {"type": "overflow", "selected_option": {"value": value}}
    return {
        "type": "block_actions",
        "team": {"id": TEAM, "domain": "example"},
        "user": {"id": ADA, "username": "ada", "team_id": TEAM},
        "container": {"type": "view", "view_id": "V1"},
        "trigger_id": "1.2.3",
        "view": {"id": "V1", "team_id": TEAM, "type": "home", "blocks": []},
        "actions": [{**chosen, "action_id": words.HOME_MENU}],
    }


def a_submission(carried: str = "0" * 32) -> JSON:
    """Return a submitted form of `/devin-say`, or one that carries something else."""
    option = {"text": {"type": "plain_text", "text": "x"}, "value": SESSION}
    return {
        "type": "view_submission",
        "team": {"id": TEAM},
        "user": {"id": ADA, "team_id": TEAM},
        "view": {
            "id": "V1",
            "team_id": TEAM,
            "type": "modal",
            "private_metadata": carried,
            "state": {
                "values": {
                    "session": {"session": {"type": "static_select", "selected_option": option}},
                    "message": {"message": {"type": "plain_text_input", "value": "Hello"}},
                }
            },
        },
    }


WHOLE = [
    a_home_choice(f"{words.HOME_UNLINK}|{PLACE}"),
    a_submission(),
    {"type": "app_home_opened", "user": ADA, "channel": "D1", "tab": "home"},
    a_submission(f"{words.HOME_UNLINK}|{PLACE}"),
]


@each(
    "value",
    [
        f"T0OTHER:{CHANNEL}:{ROOT_TS}|{SESSION}",
        f"{TEAM}:C1/..:{ROOT_TS}|{SESSION}",
        f"{TEAM}:C\N{ARABIC-INDIC DIGIT ONE}:{ROOT_TS}|{SESSION}",
        f"{TEAM}:{CHANNEL}:now|{SESSION}",
        f"{TEAM}:{CHANNEL}:{ROOT_TS}|{SESSION.upper()}",
        f"{TEAM}:{CHANNEL}:{ROOT_TS}|x",
        f"{TEAM}:{CHANNEL}:{ROOT_TS}|{SESSION}|",
        f"{TEAM}:{CHANNEL}:{ROOT_TS}|{SESSION}|0",
    ],
)
def test_a_tampered_value_is_none(value: str) -> None:
    """A button of App Home counts only if its value is complete and unchanged."""
    assert parse_home_choice(a_home_choice(f"{words.HOME_UNLINK}|{value}"), OURS) is None


def test_whole_payloads_are_read() -> None:
    """The payloads that the next test mutates are valid at first."""
    choice = parse_home_choice(WHOLE[0], OURS)
    assert choice is not None
    assert choice.thread == ThreadRef(team=TEAM, channel=CHANNEL, thread_ts=ROOT_TS)
    form = parse_submission(WHOLE[1], OURS)
    assert form is not None
    assert form.typed == {"session": SESSION, "message": "Hello"}
    assert parse_opened(WHOLE[2]) == (ADA, "")
    confirmed = parse_home_choice(WHOLE[3], OURS)
    assert confirmed == replace(choice, trigger="")
    assert parse_home_choice(a_home_choice(f"unlink|{PLACE}"), OURS) is None


@given(payload=mutated(WHOLE))
def test_no_payload_of_these_surfaces_raises(payload: JSON) -> None:
    """A broken payload is ignored, or is still of the relay's team."""
    choice = parse_home_choice(payload, OURS)
    assert choice is None or choice.thread.team == TEAM
    opened = parse_opened(payload)
    assert opened is None or opened[0].isalnum()
    pressed = parse_press(payload, OURS)
    assert pressed is None or pressed.thread.team == TEAM
    form = parse_submission(payload, OURS)
    assert form is None or all(isinstance(text, str) for text in form.typed.values())


@pytest.mark.parametrize("last", [None, *OutcomeKind])
def test_a_full_page_is_one_that_slack_takes(last: OutcomeKind | None) -> None:
    """The longest values of everything fit: 100 blocks, and 250 kB in all."""
    thread = ThreadRef(team="T" * 12, channel="C" * 12, thread_ts="1764000000.000100")
    session = SessionId("devin-" + "f" * 64)
    link = Link(session=session, by=UserId("U1"), linked_at=1, topic="&" * TOPIC_LIMIT)
    named = NamedSession(session, "&" * 1_000, "https://acme.devin.ai/" + "x" * 1_900)
    outcome = None if last is None else Outcome(kind=last, detail="x" * 32_000)
    request = PullRequest(url="https://github.com/acme/relay/pull/" + "7" * 300, state="open")
    one = ThreadShown(
        thread,
        link,
        named,
        "https://x.slack.com/" + "y" * 200,
        Millis(1_764_000_000),
        99_999,
        outcome,
        Watched(read_at=Millis(1), since=Millis(1), pull_requests=(request,) * 9),
        Follow.TURNS,
    )
    rows: Sequence[ThreadShown] = [one] * words.MOST_SHOWN
    view = words.threads(rows, 9_999, "note " * 200)
    assert view_problems(dict(view)) == []
    assert len(str(view)) < 250_000


@example(topic=":`:")
@given(topic=FOREIGN)
def test_first_words_are_inert(topic: str) -> None:
    """They stay within their link, ping nobody, and are not formatted."""
    one = a_row(topic[:TOPIC_LIMIT])
    (row,) = [block for block in words.threads([one], 1, "")["blocks"] if "accessory" in block]
    _, _, link = row["text"]["text"].rpartition("\n")
    found = re.fullmatch(r"<https://x\.slack\.com/y\|([^<>|]+)>", link)
    assert found is not None
    assert not re.search(r"@(here|channel|everyone)\b|:\w+:|`|&(?!amp;|lt;|gt;)", found[1])


def a_row(topic: str) -> ThreadShown:
    """Return a thread of App Home with these first words."""
    session = SessionId(SESSION)
    link = Link(session=session, by=UserId(ADA), linked_at=1, topic=topic)
    thread = ThreadRef(team=TEAM, channel=CHANNEL, thread_ts=ROOT_TS)
    return ThreadShown(
        *(thread, link, NamedSession(session), "https://x.slack.com/y", Millis(1), 0, None),
        *(Watched(), Follow.ALL),
    )


async def test_the_tab_shows_what_devin_does(bot: Bot, desk: Desk) -> None:
    """Beside each thread are the session's state, its pull requests, and how much is followed."""
    thread = await desk.linked_thread()
    desk.devin.open_pull_request(SESSION, "https://github.com/acme/relay/pull/7")
    desk.devin.behave(SESSION, "blocked")
    await until_card(desk, ":large_yellow_circle:", thread)
    await desk.mention("follow turns", thread=thread)
    await desk.until_said(following(Follow.TURNS, is_barred=False), thread)
    said = "\n".join(lines(await home(desk)))
    assert ":large_yellow_circle:" in said
    assert "|acme/relay#7> (open)" in said
    assert FOLLOWS[Follow.TURNS] in said


async def until_topic(desk: Desk, store: Store, thread: str, channel: str = "general") -> str:
    """Wait until the link of a thread has its first words, and return them."""
    links, ref = Links(store, timedelta(days=1)), ref_of(desk, thread, channel)

    async def topic() -> str:
        link = await links.get(ref)
        return "" if link is None else link.topic

    await wait_until(topic, "the thread's first words are kept")
    return await topic()


def ref_of(desk: Desk, thread: str, channel: str = "general") -> ThreadRef:
    place = desk.slack.workspace.channel(channel).id
    return ThreadRef(team=desk.slack.team_id, channel=place, thread_ts=thread)


async def test_threads_of_one_session_are_told_apart_by_their_first_words(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The words link to the thread, with names for ids; nothing in them is Slack's markup."""
    texts = {
        "Is *it* green, <@U0BEN00000>?\nOr not?": "Is it green, @Ben Franklin? Or not?",
        "<https://example.com|This> | <!channel>": "This | @channel",
        "x" * 200: "x" * 79 + "…",
    }
    for text, topic in texts.items():
        root = await desk.slack.say(text)
        await desk.mention(f"link {SESSION}", thread=root)
        await desk.until_linked(root)
        assert (await until_topic(desk, store, root)).startswith(topic)
    found = "\n".join(lines(await home(desk)))
    assert "|Is it green, " in found
    assert "<!channel>" not in found
    assert len(re.findall(r"<https://[a-z.]+\.slack\.invalid/archives/[^|>]+\|[^|>]+>", found)) == 3


@pytest.mark.parametrize("way", ["say", "start", "form"])
async def test_a_thread_that_begins_with_the_message_is_named_by_it(
    bot: Bot, desk: Desk, store: Store, way: str
) -> None:
    """Slack need not be asked for what is at hand."""
    if way == "form":
        root = await desk.slack.say("Please rebase")
        await desk.slack.shortcut("send_to_devin", channel="general", message_ts=root)
        await wait_until(lambda: desk.slack.open_views("ada"), "a modal opens")
        (form,) = desk.slack.open_views("ada")
        await desk.slack.submit_view(form["id"], {"session": SESSION})
    else:
        word = {"say": SESSION, "start": "new"}[way]
        await desk.slack.slash("/devin-say", f"{word} Please rebase")
    await wait_until(lambda: roots(desk), "a card is posted")
    assert await until_topic(desk, store, roots(desk)[0]) == "Please rebase"
    read = [one for one in desk.slack.calls if one.method == "conversations.replies"]
    assert [one for one in read if one.params.get("limit") == "1"] == []


def roots(desk: Desk) -> list[str]:
    """Return the threads that have a card."""
    cards = [one for one in desk.slack.channel_messages("general") if is_card(one)]
    return [str(one.thread_ts) for one in cards]


async def test_without_the_first_words_there_is_a_link_to_the_thread(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Slack may not show them, or the first message was a command."""
    thread = await desk.linked_thread()
    await until_topic(desk, store, thread)
    desk.slack.fail_next("conversations.replies", error="thread_not_found")
    other = await desk.slack.say("Is it green?")
    await desk.mention(f"link {SESSION}", thread=other)
    await desk.until_linked(other)
    await wait_until(lambda: other in desk.read_threads(), "Slack does not show it")
    own = await desk.mention(f"link {SESSION}")
    await desk.until_linked(own)
    view = await home(desk)
    assert listed(view) == [own, other, thread]
    assert sum(f"|{words.OPEN_THREAD}>" in line for line in lines(view)) == 2


async def test_the_first_words_follow_their_message(bot: Bot, desk: Desk, store: Store) -> None:
    """They are edited and deleted with it, and stay with a link that is muted."""
    thread = await desk.linked_thread()
    await until_topic(desk, store, thread)
    await desk.mention("mute", thread=thread)
    await desk.until_said(muted(), thread)
    assert await until_topic(desk, store, thread) == "Shall we ship it?"
    await desk.slack.edit("general", thread, "Shall we wait?")
    links, ref = Links(store, timedelta(days=1)), ref_of(desk, thread)

    async def topic() -> str | None:
        link = await links.get(ref)
        return None if link is None else link.topic

    async def is_edited() -> bool:
        return await topic() == "Shall we wait?"

    await wait_until(is_edited, "they are edited")
    await desk.slack.delete("general", thread)

    async def is_forgotten() -> bool:
        return await topic() == ""

    await wait_until(is_forgotten, "they are forgotten")


async def test_each_thread_tells_its_session_s_queue(bot: Bot, desk: Desk) -> None:
    """Threads of one session share its mailbox."""
    first, second = [await desk.linked_thread() for _ in range(2)]
    desk.devin.behave(SESSION, "rate_limited")
    for thread in (first, first, second):
        await desk.reply("Please rebase", thread)
    await desk.until_heard()
    standings = [line for line in lines(await home(desk)) if "Last activity" in line]
    assert [line.endswith(f"· {mail_waiting(3)}") for line in standings] == [True, True]
    await desk.answer("status", first, mail_waiting(3))
