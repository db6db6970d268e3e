"""Who did what is on record: one line for each act, from every surface, by ids, without words."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from bot.app import Bot
from bot.features.adoption.use import CHANGED
from bot.features.defaults.use import CHANGED as DEFAULTS_CHANGED
from bot.features.digest import words as digest
from bot.features.digest.use import SET
from bot.features.home import words as home_words
from bot.model.errors import StoreAway
from bot.model.people import WORKFLOW
from bot.redis.connection import Store
from bot.relay.speaking import Speaking, Spoken
from bot.runtime.logs import TRAIL, Event, Lines
from bot.wording import actions, commands
from bot.wording.lifecycle.ending import STOP
from sandbox.slack.world.workspace import User
from tests.features import test_home as homes
from tests.features import test_workflow_starts as step_starts
from tests.features import test_workflow_steps as steps
from tests.people import test_ending as ends
from tests.people import test_link_offers as links
from tests.people import test_offers as offers
from tests.people import test_questions as questions
from tests.people import test_say_form as forms
from tests.people import test_shortcuts as shortcuts
from tests.people import test_starting as starts
from tests.people import test_stopping as stops
from tests.people.test_edits import delivered, edit, offered, waiting
from tests.people.test_edits import press as press_correction
from tests.support.desk import ANYTHING, SESSION, Desk, Told, muted, running
from tests.support.features import EVENTS, VERBS
from tests.support.forms import opened
from tests.support.told import GUEST
from tests.support.waiting import until_settled, wait_until

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
MARK = "xyzzy"
"""A word in whatever people write below."""

ADA, BEN, GUS = "ada", "ben", "gus"

TIMES = {"delay_wait": timedelta(0), "adopt_pause": 0.1}
"""So that nothing waits in the outbox for long after what is told here."""

READ = {"status", "sessions", "usage", "help"}
"""The commands that change nothing, and so put nothing on record."""

ELSEWHERE = {"unfollow", "end", "archive", "review"}
"""Those whose act is on record below, by a button, or in a test of its own."""

Done = tuple[str, str]
"""An act, and the name of who did it."""


class Trail:
    """The lines of the audit trail so far."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    @property
    def lines(self) -> Sequence[logging.LogRecord]:
        """All lines, in order."""
        return [one for one in self._caplog.records if one.name == TRAIL.name]

    def acts(self, users: Mapping[str, User]) -> list[Done]:
        """Return each line's act, and the name of who did it."""
        names = {user.id: name for name, user in users.items()}
        return [(one.getMessage(), names.get(by_of(one), by_of(one))) for one in self.lines]


def by_of(line: logging.LogRecord) -> str:
    return str(vars(line)["by"])


@pytest.fixture
def trail(caplog: pytest.LogCaptureFixture) -> Trail:
    """What goes on record from now on."""
    caplog.set_level(logging.INFO)
    return Trail(caplog)


def contract() -> dict[str, tuple[set[str], set[str]]]:
    """Return the fields that each documented event has, and those that it may have."""
    section = PAGE.read_text(encoding="utf-8").split("## Audit trail\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \| .+ \| (`.+`) \|$", section, re.MULTILINE)
    found = {}
    for events, fields in rows:
        always, _, at_times = fields.partition(";")
        for event in re.findall(r"`(.+?)`", events):
            found[event] = {*re.findall(r"`(\w+)`", always)}, {*re.findall(r"`(\w+)`", at_times)}
    return found


def fields_of(line: logging.LogRecord) -> set[str]:
    standard = {*vars(logging.makeLogRecord({})), "message", "taskName", "asctime"}
    return {*vars(line)} - standard


# The surfaces: each ends in the same use cases.


async def mention(desk: Desk, _: Store) -> list[Done]:
    """Commands; Slack sends each mention as two events."""
    root = await desk.linked_thread()
    said: dict[str, Told] = {
        "mute": muted(),
        "unmute": muted(is_muted=False),
        "follow turns": ANYTHING,
        f"default {SESSION}": commands.default_is(desk.named(), "ada"),
        "default none": commands.NO_DEFAULT,
        f'defaults max:3 words:"{MARK}"': "`max`, `words`",
        "digest weekly": "has set a digest",
        "digest off": digest.NONE,
        f"adopt tag:{MARK}": "changed adoption",
        "adopt none": "ended adoption",
        "unlink": ANYTHING,
    }
    tried = {words.split()[0] for words in said}
    assert tried | {"link", "start"} | READ | ELSEWHERE == VERBS.keys(), "is it an act, or in READ?"
    for words, told in said.items():
        await desk.answer(words, root, told)
    ts = await desk.mention(f"start {MARK}", user=BEN)
    await desk.until_linked(ts)
    links = (Event.LINKED, Event.MUTED, Event.UNMUTED, Event.FOLLOWED)
    defaults = (Event.DEFAULT_SET, Event.DEFAULT_CLEARED, DEFAULTS_CHANGED)
    digests = (SET, SET)
    rules = (CHANGED, CHANGED)
    adas = [(act, ADA) for act in (*links, *defaults, *digests, *rules, Event.UNLINKED)]
    return [*adas, (Event.STARTED, BEN), (Event.LINKED, BEN)]


async def reply(desk: Desk, _: Store) -> list[Done]:
    """Replies, in a channel and in the direct message."""
    root = await desk.linked_thread()
    await desk.until_delivered(await desk.reply(f"{MARK} one", root, user=BEN))
    there = await desk.slack.say(f"link {SESSION}", channel="dm")
    await desk.until_linked(there, channel="dm")
    two = await desk.reply(f"{MARK} two", there, channel="dm")
    await desk.until_delivered(two, channel="dm")
    return [(Event.LINKED, ADA), (Event.ACCEPTED, BEN), (Event.LINKED, ADA), (Event.ACCEPTED, ADA)]


async def change(desk: Desk, store: Store) -> list[Done]:
    """An edit of what waits, and the correction of what was sent."""
    _, ts = await delivered(desk, f"{MARK} one")
    await edit(desk, ts, f"{MARK} two")
    await press_correction(desk, await offered(desk))
    await desk.until_received("two")
    await until_settled(store)
    _, ts = await waiting(desk, store, f"{MARK} three")
    await edit(desk, ts, f"{MARK} four")
    desk.devin.behave(SESSION, "running")
    sent = [(Event.LINKED, ADA), (Event.ACCEPTED, ADA)]
    return [*sent, (Event.ACCEPTED, ADA), *sent, (Event.EDITED, ADA)]


async def typed(desk: Desk, _: Store) -> list[Done]:
    """`/devin-say`, and its form."""
    await desk.slack.slash("/devin-say", f"{SESSION} {MARK} one", user=BEN)
    await desk.until_received("one")
    await forms.submit(desk, await forms.opened(desk), message=f"{MARK} two", session=SESSION)
    await desk.until_received("two")
    await desk.slack.slash("/devin-say", f"new {MARK}", user=BEN)
    await wait_until(lambda: len(starts.sessions(desk)) == 1, "it starts")
    return [
        *((act, name) for name in (BEN, ADA) for act in (Event.LINKED, Event.ACCEPTED)),
        *((act, BEN) for act in (Event.STARTED, Event.LINKED)),
    ]


async def menu(desk: Desk, _: Store) -> list[Done]:
    """The message shortcuts, and the form for a new session."""
    ts = await desk.slack.say(f"{MARK} one", user=BEN)
    form = await shortcuts.asked(desk, shortcuts.SEND, ts)
    await shortcuts.submit(desk, form)
    await desk.until_received("one")
    ts = await desk.slack.say(f"{MARK} two", user=BEN)
    await shortcuts.submit(desk, await shortcuts.asked(desk, shortcuts.LINK, ts))
    await desk.until_linked(ts)
    await desk.slack.global_shortcut("start_session")
    view, filled = await opened(desk), {"channel": starts.channel_of(desk), "prompt": MARK}
    await desk.slack.submit_view(view["id"], filled)
    await wait_until(lambda: starts.sessions(desk), "it starts")
    sent = (Event.LINKED, Event.ACCEPTED, Event.LINKED, Event.STARTED, Event.LINKED)
    return [(act, ADA) for act in sent]


async def button(desk: Desk, _: Store) -> list[Done]:
    """Buttons of cards, reports and offers."""
    ts = await desk.slack.say(f"{MARK} {links.URL}", user=BEN)
    await links.press(desk, await links.offered(desk, BEN), user=BEN)
    await desk.until_linked(ts)
    desk.devin.behave(SESSION, "garbage", times=1)
    await desk.reply(f"{MARK} again", ts, user=BEN)
    await desk.press(actions.SEND_AGAIN, ts)
    await desk.until_received("again")
    await desk.press(actions.UNFOLLOW, ts)
    await desk.press(actions.UNLINK, ts, user=BEN)
    await desk.mention(f"{MARK}, please", thread=ts)
    await offers.press(desk, offers.START, await offers.asked(desk))
    await desk.until_linked(ts, times=2)
    return [
        (Event.LINKED, BEN), (Event.ACCEPTED, BEN), (Event.SENT_AGAIN, ADA), (Event.FOLLOWED, ADA),
        (Event.UNLINKED, BEN), (Event.STARTED, ADA), (Event.LINKED, ADA),
    ]  # fmt: skip


async def question(desk: Desk, store: Store) -> list[Done]:
    """What Devin asks, and the end of a session.

    What Devin asks while a reply is still being sent counts as answered by it, and is asked again.
    """
    post = await questions.asked(desk)
    thread = str(post.thread_ts)
    await questions.press(desk, post, "answer_1", user=BEN)
    await desk.until_received("SQLite")
    await until_settled(store)
    desk.devin.behave(SESSION, "approval")
    await questions.press(desk, await desk.offering(actions.APPROVE, thread), actions.APPROVE)
    await wait_until(lambda: len(desk.received()) == 2, "it is approved")
    await ends.press(desk, await ends.question(desk, thread), user=BEN)
    await wait_until(lambda: ends.state(desk) == "finished", "it ends")
    return [
        (Event.LINKED, ADA), (Event.ANSWERED, BEN), (Event.ACCEPTED, BEN),
        (Event.APPROVED, ADA), (Event.ACCEPTED, ADA), (Event.ENDED, BEN),
    ]  # fmt: skip


async def stopped(desk: Desk, _: Store) -> list[Done]:
    """Slack's *Stop*."""
    await stops.stop(desk, await desk.linked_thread(), user=BEN)
    await desk.until_received(STOP)
    return [(Event.LINKED, ADA), (Event.STOPPED, BEN), (Event.ACCEPTED, BEN)]


async def archive(desk: Desk, _: Store) -> list[Done]:
    """The other end of a session."""
    asked = await ends.question(desk, await desk.linked_thread(), "archive")
    await ends.press(desk, asked, actions.ARCHIVE_SESSION)
    return [(Event.LINKED, ADA), (Event.ARCHIVED, ADA)]


async def step(desk: Desk, _: Store) -> list[Done]:
    """Steps of workflows, with and without a person; each line says that it was one.

    Slack doesn't take the end of the last one at first, so it is tried again.
    """
    where = {"channel": steps.channel(desk)}
    await steps.send(desk, message=MARK, user=steps.user(desk, BEN), **where)
    root = await desk.slack.say("Shall we?")
    await steps.link(desk, thread_ts=root)
    desk.slack.fail_next("functions.completeSuccess", status=500)
    await step_starts.step(desk, prompt=MARK, user=steps.user(desk, ADA))
    return [
        (Event.LINKED, BEN), (Event.ACCEPTED, BEN), (Event.LINKED, WORKFLOW),
        (Event.STARTED, ADA), (Event.LINKED, ADA),
    ]  # fmt: skip


async def home(desk: Desk, _: Store) -> list[Done]:
    """The menus of App Home."""
    await desk.linked_thread()
    view = await homes.home(desk)
    for choice in (home_words.HOME_MUTE, home_words.HOME_UNMUTE, home_words.HOME_UNLINK):
        view = await homes.press(desk, view, choice)
    return [(act, ADA) for act in (Event.LINKED, Event.MUTED, Event.UNMUTED, Event.UNLINKED)]


async def guest(desk: Desk, _: Store) -> list[Done]:
    """Someone who may not, everywhere: each is told so, and on record."""
    root, by = await desk.linked_thread(), steps.user(desk, GUS)
    slack = desk.slack
    acts: list[Callable[[], Awaitable[object]]] = [
        lambda: desk.reply(MARK, root, user=GUS),
        lambda: desk.mention("mute", thread=root, user=GUS),
        lambda: desk.mention(MARK, user=GUS),
        lambda: desk.mention(f"lnk {SESSION}", user=GUS),
        lambda: slack.slash("/devin-say", f"{SESSION} {MARK}", user=GUS),
        lambda: slack.slash("/devin-say", "", user=GUS),
        lambda: shortcuts.run(desk, shortcuts.SEND, root, user=GUS),
        lambda: shortcuts.run(desk, shortcuts.LINK, root, user=GUS),
        lambda: desk.press(actions.UNLINK, root, user=GUS),
        lambda: stops.stop(desk, root, user=GUS),
        lambda: steps.send(desk, message=MARK, user=by, channel=steps.channel(desk)),
    ]
    for act in acts:
        await act()
        await desk.until_heard()
    await desk.until_whispered(GUEST, GUS)
    return [(Event.LINKED, ADA), *[(Event.TURNED_AWAY, GUS)] * len(acts)]


STORIES = {
    one.__name__: one
    for one in (
        *(mention, reply, change, typed, menu, button, question, stopped, archive, step, home),
        guest,
    )
}


@pytest.mark.parametrize("surface", STORIES)
async def test_each_act_is_one_line_with_who_did_it(
    environ: dict[str, str], desk: Desk, store: Store, trail: Trail, surface: str
) -> None:
    """What comes again adds none; a line has the documented fields, and no words.

    Slack repeats events, and an eavesdropper may repeat anything. Someone who may not is turned
    away each time.
    """
    users = {name: desk.slack.workspace.user(name) for name in (ADA, BEN, GUS)}
    async with running(desk, environ, TIMES):
        expected = await STORIES[surface](desk, store)

        def is_whole() -> bool:
            return len(trail.acts(users)) >= len(expected)

        await wait_until(is_whole, f"{expected} ({trail.acts(users)})")
        repeated = [
            one for one in desk.slack.deliveries if surface != "guest" or one.kind == "events_api"
        ]
        for one in repeated:
            await (await desk.slack.redeliver(one)).settled()
        await until_settled(store)
    assert trail.acts(users) == expected
    page = contract()
    for line in trail.lines:
        always, at_times = page[line.getMessage()]
        assert {*always, "by"} <= fields_of(line) <= {*always, *at_times, "by", "step"}
        assert surface == "guest" or ("step" in fields_of(line)) is (surface == "step")
    written = "\n".join(map(Lines("json", frozenset()).format, trail.lines))
    names = [part for user in users.values() for part in (user.real_name, user.display_name)]
    said = (MARK, *filter(None, names))
    # Whole words: a random id may have the letters of "ada".
    assert [one for one in said if re.search(rf"\b{re.escape(one)}\b", written)] == []


async def test_a_reply_that_is_read_late_is_on_record(
    environ: dict[str, str], desk: Desk, store: Store, trail: Trail
) -> None:
    """No event has brought it; the next start reads its thread."""
    async with running(desk, environ):
        root = await desk.linked_thread()
    await desk.slack.say(MARK, thread=root, user=BEN, deliver=False)
    async with running(desk, environ):
        await desk.until_received(MARK)
        await until_settled(store)
    users = {name: desk.slack.workspace.user(name) for name in (ADA, BEN)}
    assert trail.acts(users) == [(Event.LINKED, ADA), (Event.ACCEPTED, BEN)]


async def test_an_answer_is_on_record_once_it_is_owed(
    bot: Bot, desk: Desk, trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that is asked of Redis after that can keep it from there."""
    post, said, asked = await questions.asked(desk), Speaking.said, list[str]()

    async def said_once(self: Speaking, key: str) -> Spoken | None:
        if asked:
            raise StoreAway("HGET")
        asked.append(key)
        return await said(self, key)

    monkeypatch.setattr(Speaking, "said", said_once)
    await questions.press(desk, post, "answer_1", user=BEN)
    await desk.until_received("SQLite")
    assert (Event.ANSWERED, BEN) in trail.acts(desk.slack.workspace.users)


def test_the_page_has_each_event_of_the_trail() -> None:
    """Whoever evaluates the log reads the page."""
    assert sorted(contract()) == sorted(EVENTS)
