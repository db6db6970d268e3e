"""`/devin-say` alone opens a form that shows errors in place, and posts once."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import redis.asyncio
from hypothesis import given
from hypothesis import strategies as st

from bot.app import Bot
from bot.devin.v1.sessions import parse_record
from bot.model.errors import (
    CannotPost,
    NotAllowed,
    SlackAway,
    StoreAway,
)
from bot.model.people import Standing, UserId
from bot.model.sessions import NamedSession, SessionId, SessionState
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.store.links import Links
from bot.wording import actions, commands, refusals
from bot.wording import forms as waiting
from bot.wording.forms import NO_MESSAGE, Choices, say_form
from bot.wording.message import SlackMessage
from bot.wording.phrases import plain, short_id
from bot.wording.refusals import no_session
from sandbox.slack.api.blocks import view_problems
from sandbox.slack.transport.deliveries import Delivery
from sandbox.slack.world.workspace import OTHER_TEAM_ID
from tests.support.bots import DEVIN_HANGS
from tests.support.desk import OTHER_SESSION, SESSION, Desk, on_both, running
from tests.support.devin_posts import until_state
from tests.support.devin_reads import lists, rest
from tests.support.known import forget
from tests.support.tables import each
from tests.support.waiting import wait_until

SECRET = f"devin-{0x5EC4E7:032x}"
THIRD_SESSION = "devin-00112233445566778899aabbccddeeff"
GUEST = refusals.sorry(NotAllowed(Standing.GUEST))
AWAY = SlackAway("chat.postMessage", "HTTP 503", maybe_done=True)
View = dict[str, Any]


async def opened(desk: Desk, *, user: str = "ada", channel: str = "general") -> View:
    """Type `/devin-say` alone, and return the form that opens."""
    delivery = await desk.slack.slash("/devin-say", "", user=user, channel=channel)
    assert delivery.acked
    await wait_until(lambda: forms(desk, user), "the form opens")
    return forms(desk, user)[-1]


def forms(desk: Desk, user: str = "ada") -> list[View]:
    """Return the forms that somebody has open, in their final state."""
    return [one for one in desk.slack.open_views(user) if one["callback_id"] == actions.SAY_FORM]


def says(views: list[View], words: SlackMessage) -> bool:
    """Return True if a modal shows `words`."""
    shown = [block["text"]["text"] for view in views for block in view["blocks"] if "text" in block]
    return words.text in shown


def element(view: View, name: str) -> dict[str, Any]:
    """Return an input of the form."""
    (found,) = (block["element"] for block in view["blocks"] if block.get("block_id") == name)
    return dict(found)


def groups(view: View) -> dict[str, list[str]]:
    """Return the sessions to choose from, by their origin."""
    return {
        group["label"]["text"]: [option["value"] for option in group["options"]]
        for group in element(view, "session")["option_groups"]
    }


async def submit(
    desk: Desk,
    view: View,
    *,
    user: str = "ada",
    message: str = "Please rebase",
    **values: str | None,
) -> Delivery:
    """Fill in the form and submit it."""
    filled = {"message": message, **values}
    return await desk.slack.submit_view(view["id"], filled, user=user)


def posts(desk: Desk, *, channel: str = "general") -> list[str]:
    """Return the bot's posts for people in a channel."""
    messages = desk.slack.channel_messages(channel)
    own = [one for one in messages if one.user == desk.slack.bot_user_id]
    return [one.text for one in own if one.thread_ts in {None, one.ts}]


@asynccontextmanager
async def hanging(redis_url: str) -> AsyncIterator[None]:
    """Let Redis accept commands, but answer none that may write."""
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.client_pause(20_000, all=False)
        try:
            yield
        finally:
            await client.client_unpause()


async def test_the_form_offers_the_channels_sessions_and_devins_latest(
    bot: Bot, desk: Desk
) -> None:
    """The channel's come first, the latest at the top, and are not repeated below."""
    desk.devin.add_session(OTHER_SESSION, title="Fix the build")
    desk.devin.add_session(THIRD_SESSION, title="Write *the* docs <!channel>")
    desk.devin.add_session("devin-ffff", "finished", title="Done")
    await desk.linked_thread()
    await desk.linked_thread(OTHER_SESSION)
    await desk.linked_thread(SECRET, channel="secrets")
    before = lists()
    view = await opened(desk)
    assert lists() == before + 1
    assert groups(view) == {
        waiting.HERE: [OTHER_SESSION, SESSION],
        waiting.ELSEWHERE: [THIRD_SESSION],
    }
    options = [
        one for group in element(view, "session")["option_groups"] for one in group["options"]
    ]
    assert [one["text"]["text"] for one in options] == [
        "Fix the build (devin-fedcba98)",
        short_id(SessionId(SESSION)),
        "Write *the* docs <!channel> (devin-00112233)",
    ]
    assert {one["text"]["type"] for one in options} == {"plain_text"}
    assert "initial_option" not in element(view, "session")


async def test_a_session_that_devin_has_just_finished_is_offered(bot: Bot, desk: Desk) -> None:
    """A reply continues it, also by its short ID; only one that has ended is left out."""
    desk.devin.add_session(THIRD_SESSION, "idle", title="Release notes")
    view = await opened(desk)
    assert THIRD_SESSION in groups(view)[waiting.ELSEWHERE]
    message = await desk.mention(f"link {short_id(SessionId(THIRD_SESSION))}")
    await desk.until_linked(message)
    await desk.reply("Please rebase", message)
    await wait_until(lambda: desk.received(THIRD_SESSION), "the session gets it")


@pytest.mark.parametrize("is_default", [True, False])
async def test_a_session_that_has_ended_is_not_offered(
    bot: Bot, desk: Desk, *, is_default: bool
) -> None:
    """It would take nothing any more; neither as the only one, nor as the channel's default."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread(OTHER_SESSION)
    if is_default:
        await desk.answer(f"default {OTHER_SESSION}", thread, "as the default session here")
    desk.devin.behave(OTHER_SESSION, "finished")
    await until_state(desk, SessionState.ENDED, thread)
    shown = str(await opened(desk))
    assert OTHER_SESSION not in shown
    assert OTHER_SESSION.removeprefix("devin-") not in shown


async def test_a_chosen_session_gets_the_message_in_a_thread_of_its_own(
    bot: Bot, desk: Desk
) -> None:
    """It acts like a session typed with the command; the form closes, lines and symbols stay."""
    thread = await desk.linked_thread()
    view = await opened(desk)
    assert element(view, "session")["initial_option"]["value"] == SESSION
    delivery = await submit(desk, view, session=SESSION, message="Fix <b> & *test*\nplease")
    assert delivery.acked
    assert forms(desk) == []
    await wait_until(lambda: posts(desk), "it is posted")
    (said,) = posts(desk)
    assert said == commands.said("ada", "Fix &lt;b&gt; &amp; *test*\nplease").text
    (message,) = (one for one in desk.slack.channel_messages("general") if one.text == said)
    assert message.thread_ts != thread
    await desk.until_delivered(message.ts)
    assert desk.received() == ["ada, U0ADA00000 (in Slack):\n\nFix <b> & **test**\nplease"]


@pytest.mark.parametrize("channel", ["general", "secrets", "dm"])
async def test_a_typed_session_gets_the_message(bot: Bot, desk: Desk, channel: str) -> None:
    """If there is nothing to choose from, a session is typed, by id or address."""
    desk.devin.sessions[SESSION].state = "finished"
    view = await opened(desk, channel=channel)
    assert [block["block_id"] for block in view["blocks"]] == ["typed", "message"]
    address = f"https://app.devin.ai/sessions/{SESSION.removeprefix('devin-')}"
    await submit(desk, view, typed=f" {address} ")
    assert forms(desk) == []
    await desk.until_received("Please rebase")
    assert posts(desk, channel=channel) == [commands.said("ada", "Please rebase").text]


PROBLEMS: Mapping[str, tuple[Mapping[str, str | None], Mapping[str, str]]] = {
    "no session": ({"session": None}, {"typed": waiting.NEITHER}),
    "both": (
        {"session": SESSION, "typed": SESSION},
        {"typed": waiting.BOTH},
    ),
    "a bad session": (
        {"session": None, "typed": "devin-xyz"},
        {"typed": plain(no_session("devin-xyz").text)},
    ),
    "no message": (
        {"session": SESSION, "message": " \n "},
        {"message": NO_MESSAGE},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("values", "errors"), PROBLEMS.values(), ids=PROBLEMS.keys())
async def test_what_is_wrong_is_said_beside_the_field(
    bot: Bot, desk: Desk, values: dict[str, Any], errors: dict[str, str]
) -> None:
    """The input stays, and nothing is posted; once it is corrected, the message goes."""
    await desk.linked_thread()
    view = await opened(desk)
    await submit(desk, view, **values)
    assert forms(desk)[0]["errors"] == errors
    assert posts(desk) == []
    await submit(desk, view, session=SESSION)
    assert forms(desk) == []
    await desk.until_received("Please rebase")


@pytest.mark.parametrize(
    ("channel", "trouble", "told"),
    [
        ("random", "", refusals.sorry(CannotPost("not_in_channel"))),
        ("general", "archived", refusals.sorry(CannotPost("is_archived"))),
        ("general", "Slack", refusals.passing(AWAY)),
    ],
)
async def test_where_it_cannot_be_posted_the_form_says_so(
    bot: Bot, desk: Desk, channel: str, trouble: str, told: SlackMessage
) -> None:
    """The error is in place, so that the input is not lost; it can then be submitted again."""
    view = await opened(desk, channel=channel)
    place = desk.slack.workspace.channel(channel)
    place.is_archived = trouble == "archived"
    desk.slack.fail_next("conversations.info", status=503, times=2 * (trouble == "Slack"))
    await submit(desk, view, session=SESSION)
    assert forms(desk)[0]["errors"]["message"] == plain(told.text)
    assert desk.devin.requests == []
    place.is_archived = False
    place.members.append(desk.slack.bot_user_id)
    await submit(desk, view, session=SESSION)
    assert forms(desk) == []
    await desk.until_received("Please rebase")
    assert len(posts(desk, channel=channel)) == 1


async def test_somebody_who_became_a_guest_is_told_in_the_form(
    environ: dict[str, str], desk: Desk, raw: redis.asyncio.Redis
) -> None:
    """The person is checked when the form is submitted, not only when it is opened."""
    async with running(desk, environ):
        view = await opened(desk)
    desk.slack.workspace.user("ada").is_restricted = True
    await forget(raw)
    async with running(desk, environ):
        await submit(desk, view, session=SESSION)
    assert forms(desk)[0]["errors"]["message"] == plain(GUEST.text)
    assert posts(desk) == []


@pytest.mark.parametrize("user", ["gus", "una"])
async def test_who_may_not_gets_no_form(bot: Bot, desk: Desk, user: str) -> None:
    """The sessions' titles are for people who may steer them."""
    delivery = await desk.slack.slash("/devin-say", "", user=user)
    assert delivery.acked
    await desk.until_whispered(GUEST, user)
    assert desk.slack.open_views(user) == []


def submissions(desk: Desk) -> list[Delivery]:
    """Return the submitted forms, as they went to the bot."""
    sent = desk.slack.deliveries
    return [one for one in sent if one.payload.get("type") == "view_submission"]


async def test_a_form_that_is_submitted_twice_posts_once(bot: Bot, desk: Desk) -> None:
    """Slack may repeat a submission, even while the first one is being handled."""
    view = await opened(desk)
    desk.slack.fail_next("chat.postMessage", delay=0.3)
    first = asyncio.create_task(submit(desk, view, session=SESSION))
    await wait_until(lambda: submissions(desk), "it is sent")
    (once,) = submissions(desk)
    again = [await desk.slack.redeliver(once) for _ in range(2)]
    deliveries = [await first, *[await one.settled() for one in again]]
    deliveries.append(await (await desk.slack.redeliver(once)).settled())
    assert all(one.acked for one in deliveries)
    await desk.until_received("Please rebase")
    assert len(posts(desk)) == 1
    assert len(desk.devin.requests) == 1


async def test_a_chosen_session_is_read_like_a_typed_one(bot: Bot, desk: Desk) -> None:
    """A client may send anything in place of an option."""
    view = await opened(desk)
    forged = {"type": "static_select", "selected_option": {"value": "../sessions"}}
    values = {
        "session": {"session": forged},
        "typed": {"typed": {"type": "plain_text_input", "value": None}},
        "message": {"message": {"type": "plain_text_input", "value": "Please rebase"}},
    }
    await desk.slack.submit_view(view["id"], values)
    assert forms(desk)[0]["errors"] == {"typed": plain(no_session("../sessions").text)}
    assert desk.devin.strays == []


@pytest.mark.times(soon_seconds=0.2, modal_seconds=0.5)
async def test_while_redis_is_slow_the_form_opens_empty_and_is_drawn_later(
    bot: Bot, desk: Desk, redis_url: str
) -> None:
    """Slack accepts no form after 3 s, so something is opened at once."""
    await desk.linked_thread()
    async with hanging(redis_url):
        await desk.slack.slash("/devin-say", "")
        await wait_until(lambda: desk.slack.open_views("ada"), "something opens")
        assert says(desk.slack.open_views("ada"), waiting.ONE_MOMENT)
    await wait_until(lambda: forms(desk), "the form is drawn")
    assert groups(forms(desk)[0]) == {waiting.HERE: [SESSION]}


@pytest.mark.times(soon_seconds=0.2, modal_seconds=0.5, redis_seconds=3.0)
async def test_while_redis_stays_away_the_open_window_says_so(
    bot: Bot, desk: Desk, redis_url: str
) -> None:
    """Nobody looks at the channel behind it."""
    async with hanging(redis_url):
        await desk.slack.slash("/devin-say", "")
        await wait_until(
            lambda: says(desk.slack.open_views("ada"), refusals.passing(StoreAway())), "it says so"
        )


@pytest.mark.times(form_seconds=1.0)
async def test_while_redis_hangs_a_submission_says_so_in_time(
    bot: Bot, desk: Desk, redis_url: str
) -> None:
    """Slack is acknowledged within 3 s; the input stays, and can be submitted again."""
    view = await opened(desk)
    async with hanging(redis_url):
        delivery = await submit(desk, view, session=SESSION)
        assert delivery.acked
        assert forms(desk)[0]["errors"]["message"] == waiting.SLOW.text
        assert posts(desk) == []
    await wait_until(lambda: resubmitted(desk, view), "it goes at last")
    await desk.until_received("Please rebase")
    assert len(posts(desk)) == 1


@pytest.mark.times(form_seconds=1.0)
async def test_a_form_that_is_submitted_again_with_other_words_says_those_too(
    bot: Bot, desk: Desk, redis_url: str
) -> None:
    """The first words took so long that the form asked to try again; neither may be lost."""
    first, second = "Delete the old bucket", "Do not delete anything yet"
    view = await opened(desk)
    async with hanging(redis_url):
        await submit(desk, view, session=SESSION, message=first)
        assert forms(desk)[0]["errors"]["message"] == waiting.SLOW.text
    await desk.until_received(first)
    assert (await submit(desk, view, session=SESSION, message=second)).acked
    await desk.until_received(second)
    assert len(posts(desk)) == 2


async def resubmitted(desk: Desk, view: View) -> bool:
    """Submit an open form again; return True once it has closed."""
    if forms(desk):
        await submit(desk, view, session=SESSION)
    return not forms(desk)


@pytest.mark.times(**DEVIN_HANGS)
@pytest.mark.parametrize("trouble", ["slow", "away", "refuses"])
async def test_without_devins_list_the_channels_sessions_are_there(
    bot: Bot, desk: Desk, trouble: str
) -> None:
    """The list is a convenience: its failure is logged, and the form opens all the same."""
    await desk.linked_thread()
    if trouble == "slow":
        desk.devin.read_seconds = 20.0
    elif trouble == "away":
        await desk.devin.go_offline()
    else:
        desk.devin.api_key = "another"
    view = await opened(desk)
    assert groups(view) == {waiting.HERE: [SESSION]}


def labels_of(view: View) -> list[str]:
    """Return the sessions to choose from, as people read them."""
    found = element(view, "session")["option_groups"]
    return [option["text"]["text"] for group in found for option in group["options"]]


@pytest.mark.parametrize("user", ["gus", "una"])
async def test_a_guest_who_may_steer_devin_sees_the_channels_sessions_only(
    environ: dict[str, str], desk: Desk, user: str
) -> None:
    """The organization's list is for its full members."""
    desk.devin.add_session(OTHER_SESSION, title="Fix the build")
    desk.devin.add_session(THIRD_SESSION, title="Buy a competitor")
    async with running(desk, environ, ALLOW_GUESTS="true", LIST_SESSIONS="true"):
        await desk.linked_thread(OTHER_SESSION)
        view = await opened(desk, user=user)
        assert groups(view) == {waiting.HERE: [OTHER_SESSION]}
        assert labels_of(view) == ["Fix the build (devin-fedcba98)"]
        assert waiting.ELSEWHERE in groups(await opened(desk))


async def test_somebody_of_another_organization_sees_the_channels_sessions_only(
    environ: dict[str, str], desk: Desk
) -> None:
    """Slack offers them no command, but `users.info` decides whether they are outsiders."""
    desk.devin.add_session(OTHER_SESSION, title="Fix the build")
    has_moved = asyncio.Event()
    async with running(desk, environ, ALLOW_EXTERNAL="true"):
        await desk.linked_thread(OTHER_SESSION)
        desk.slack.fail_next("users.info", until=has_moved)
        before = len(desk.slack.calls)
        opening = asyncio.create_task(opened(desk, user="ben"))
        await wait_until(
            lambda: "users.info" in [call.method for call in desk.slack.calls[before:]],
            "the bot asks who ben is",
        )
        desk.slack.workspace.user("ben").team_id = OTHER_TEAM_ID
        has_moved.set()
        assert groups(await opening) == {waiting.HERE: [OTHER_SESSION]}


@on_both
async def test_an_operator_may_keep_the_organizations_sessions_to_themselves(
    environ: dict[str, str], desk: Desk
) -> None:
    """Devin is then not asked for its latest, but for the titles of the channel's sessions."""
    desk.devin.add_session(OTHER_SESSION, title="Fix the build")
    desk.devin.add_session(THIRD_SESSION, title="Buy a competitor")
    async with running(desk, environ, LIST_SESSIONS="false"):
        before = lists()
        await desk.linked_thread(OTHER_SESSION)
        await desk.linked_thread(SECRET)
        view = await opened(desk)
        assert groups(view) == {waiting.HERE: [SECRET, OTHER_SESSION]}
        assert labels_of(view) == [short_id(SessionId(SECRET)), "Fix the build (devin-fedcba98)"]
        await submit(desk, view, session=OTHER_SESSION)
        await desk.until_received("Please rebase", OTHER_SESSION)
    assert lists() == before


@on_both
async def test_without_a_list_only_so_many_titles_are_asked_for(
    environ: dict[str, str], desk: Desk, store: Store, raw: redis.asyncio.Redis
) -> None:
    """The latest sessions have theirs, by one request for all, and the others appear by id."""
    general = desk.slack.workspace.channel("general").id
    links = Links(store, timedelta(days=1))
    for number in range(15):
        ref = ThreadRef(team=desk.slack.team_id, channel=general, thread_ts=f"17640000{number}.1")
        session = SessionId(f"devin-{number:032x}")
        await links.create(
            ref, Link(session=session, by=UserId("U0ADA"), linked_at=int(time.time()))
        )
        desk.devin.add_session(session, title="Title")
    await rest(raw)
    async with running(desk, environ, LIST_SESSIONS="false"):
        before = desk.devin.lists
        found = labels_of(await opened(desk))
    assert [one.startswith("Title (") for one in found] == [True] * 10 + [False] * 5
    assert (desk.devin.lists - before, desk.devin.reads) == (1, 0)


@each(
    "body",
    [b"", b"null", b"[]", b'{"title": null}', b'{"title": 5}', b'{"title": "Cut', b"[" * 60_000],
)
def test_a_record_without_a_title_has_none(body: bytes) -> None:
    """Whatever Devin answers, the session is named by its id then."""
    found = parse_record(SessionId(SESSION), body)
    assert found is None or found.title == ""


async def test_a_channel_with_many_sessions_offers_the_latest(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Slack accepts a hundred options; the fifty latest of the channel are among them."""
    general = desk.slack.workspace.channel("general").id
    links = Links(store, timedelta(days=1))
    for number in range(70):
        ref = ThreadRef(team=desk.slack.team_id, channel=general, thread_ts=f"17640000{number}.1")
        session = SessionId(f"devin-{number:032x}")
        await links.create(
            ref, Link(session=session, by=UserId("U0ADA"), linked_at=int(time.time()))
        )
    for number in range(200, 230):
        desk.devin.add_session(f"devin-{number:032x}", title="x" * 300)
    found = groups(await opened(desk))
    assert set(found[waiting.HERE]) <= {f"devin-{number:032x}" for number in range(70)}
    assert (len(found[waiting.HERE]), len(found[waiting.ELSEWHERE])) == (50, 20)


SESSIONS = st.integers(0, 16**64 - 1).map(lambda number: SessionId(f"devin-{number:x}"))
LISTED = st.builds(NamedSession, session=SESSIONS, title=st.text(max_size=200))


@given(
    listed=st.lists(LISTED, max_size=70, unique_by=lambda one: one.session), here=st.integers(0, 50)
)
def test_slack_takes_whatever_the_titles_are(listed: list[NamedSession], here: int) -> None:
    """Titles are arbitrary text: of any length, in any script, or empty."""
    choices = Choices(here=listed[:here], elsewhere=listed[here:], meant=None)
    assert view_problems(say_form("0" * 32, choices, "<!channel> *now*")) == []
