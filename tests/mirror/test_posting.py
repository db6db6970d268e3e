"""Whatever Slack and Devin answer at each step, what a session says is shown once, in order."""

import asyncio
import logging
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import redis.asyncio

from bot.mirror.files import BEGAN, FILES_AT_ONCE, UNSIZED_LIMIT, FilePart
from bot.model.errors import SlackAway
from bot.model.sessions import (
    CAPS,
    Follow,
    NamedSession,
    Said,
    SaidKind,
    SessionId,
    SessionState,
)
from bot.model.times import Millis
from bot.redis.connection import Store
from bot.slack.api import PAUSED
from bot.slack.threads import SET_STATUS
from bot.store.links import Links
from bot.store.outbox import DueAgain, Outbox
from bot.store.words import Batch, Words, files_owed
from bot.timing import TIMING
from bot.wording.mirror.posts import NOT_SHOWN, QUIET, Framing, LongText, closed, sentence
from sandbox import Sandbox
from sandbox.slack.api.faults import ApiCall
from tests.support.desk import OTHER_SESSION, SESSION, is_words, labels
from tests.support.known import channels_of
from tests.support.raw_http import serving, silent
from tests.support.slack_apps import web_client
from tests.support.speaking import AT_ONCE, ID, TTL, Speaking, shown, speaking
from tests.support.waiting import wait_until

OTHER = SessionId(OTHER_SESSION)

LONG = "\n\n".join(f"Paragraph {number:03}. " + "It goes on. " * 30 for number in range(40))
"""Some 15,000 characters: two posts as Slack draws them, six as plain text."""

POST, FIND = "chat.postMessage", "conversations.replies"
BEGIN, SEND, SHOW = "files.getUploadURLExternal", "upload", "files.completeUploadExternal"

FAULTS: Mapping[str, Mapping[str, Any]] = {
    "429": {"retry_after": 1},
    "500": {"status": 500},
    "passing": {"error": "internal_error"},
    "lost before": {"drop": True},
    "lost after": {"drop_after": True},
}
NONE: Mapping[str, Any] = {}


@pytest.fixture
async def speech(box: Sandbox, store: Store, raw: redis.asyncio.Redis) -> AsyncIterator[Speaking]:
    """A thread in which a session speaks."""
    async with speaking(box, store, raw) as opened:
        yield opened


def plan(box: Sandbox, method: str, faults: Sequence[Mapping[str, Any]]) -> None:
    """Let the next calls of a method meet these, in order; empty ones go well."""
    for one in faults:
        box.slack.fail_next(method, **one)


def paragraphs(speech: Speaking) -> list[int]:
    """Return the numbers of the paragraphs that the thread shows, in order."""
    text = "\n".join(shown(speech.posts()))
    return [int(one) for one in re.findall(r"Paragraph (\d+)\.", text)]


def names(speech: Speaking) -> list[str]:
    """Return the names of files that the thread shows, as files or as links, in order."""
    text = "\n".join(shown(speech.posts()))
    return re.findall(r"\bfile-\d+\.txt\b", text)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("is_drawn", [True, False])
async def test_a_fault_at_any_post_of_a_long_message_repeats_and_loses_nothing(
    speech: Speaking, fault: str, *, is_drawn: bool
) -> None:
    """Also at a post of the plain text that stands in for one which Slack does not draw."""
    speech.box.slack.refuse_markdown("" if is_drawn else "Paragraph")
    for place in range(3 if is_drawn else 8):
        plan(speech.box, POST, [*[NONE] * place, FAULTS[fault]])
        await speech.say(LONG)
        await speech.until_said()
        speech.box.slack.fail_no_more()
        assert paragraphs(speech) == list(range(40)), place
        await speech.move()
        await speech.link()


async def test_a_channel_that_takes_two_posts_at_a_time_gets_all_of_them_once(
    speech: Speaking,
) -> None:
    """Each try goes on where the limit ended the last one; the drawn form is not tried again."""
    speech.box.slack.refuse_markdown("Paragraph 000.")
    plan(speech.box, POST, [NONE, NONE, {"retry_after": 1}] * 8)
    await speech.say(LONG)
    await speech.until_said()
    assert paragraphs(speech) == list(range(40))
    refused = [one for one in speech.box.slack.calls if one.error == "invalid_blocks"]
    assert len(refused) == 1


async def test_a_try_that_has_had_its_time_goes_on_later(speech: Speaking) -> None:
    """Each shows a part at least, and the next one does not look for what is noted."""
    speech.timing = replace(speech.timing, batch_seconds=0.0)
    await speech.say(LONG)
    await speech.try_once()
    assert len(speech.posts()) == 1
    await speech.until_said()
    assert paragraphs(speech) == list(range(40))
    assert FIND not in [one.method for one in speech.box.slack.calls]


async def test_links_for_files_come_once_where_slack_limits_the_channel(speech: Speaking) -> None:
    """Six files of a message cannot be brought, so each is a post."""
    speech.box.devin.download_failures += [404] * 6
    files = [speech.box.devin.attach(SESSION, f"file-{n}.txt", b"hello") for n in range(6)]
    plan(speech.box, POST, [NONE, {"retry_after": 1}] * 6)
    await speech.say("\n".join(files))
    await speech.until_said()
    assert names(speech) == [f"file-{n}.txt" for n in range(6)]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("method", [BEGIN, SEND, SHOW, FIND])
async def test_a_fault_at_any_step_of_a_file_shows_it_once(
    speech: Speaking, method: str, fault: str
) -> None:
    """Its words stand before it, and what comes later behind it."""
    for place in range(2):
        plan(speech.box, method, [*[NONE] * place, FAULTS[fault]])
        plan(speech.box, SHOW, [{"drop_after": True}] if method == FIND else [])
        two = [speech.box.devin.attach(SESSION, f"file-{n}.txt", b"hello") for n in range(2)]
        await speech.say("Paragraph 000.\n" + "\n".join(two), "Paragraph 001.")
        await speech.until_said()
        speech.box.slack.fail_no_more()
        found = "\n".join(shown(speech.posts()))
        assert paragraphs(speech) == [0, 1] * (place + 1)
        assert names(speech) == ["file-0.txt", "file-1.txt"] * (place + 1), found


@pytest.mark.parametrize("method", [BEGIN, SEND, SHOW])
async def test_a_file_that_slack_never_takes_is_linked_after_some_time(
    speech: Speaking, method: str
) -> None:
    """An upload host that a firewall hides must not silence the thread."""
    speech.timing = replace(speech.timing, file_seconds=0.0)
    speech.box.slack.fail_next(method, status=503, times=100)
    file = speech.box.devin.attach(SESSION, "file-0.txt", b"hello")
    await speech.say(f"Paragraph 000.\n{file}")
    await speech.until_said()
    await speech.say("Paragraph 001.")
    await speech.until_said()
    assert (paragraphs(speech), names(speech)) == ([0, 1], ["file-0.txt"])
    assert [post.files for post in speech.posts()] == [[]] * 3


@pytest.mark.parametrize("shown", [0, 1, 5])
async def test_a_failure_behind_many_parts_costs_what_it_costs_at_the_first(
    speech: Speaking, shown: int
) -> None:
    """Only failures count, and only since a part was shown: pauses between parts do not."""
    speech.timing = replace(speech.timing, batch_seconds=0.0)
    speech.box.slack.refuse_markdown("Paragraph")
    await speech.say(LONG)
    attempt = 1
    for _ in range(shown):
        (attempt,) = (await speech.try_once(attempt=attempt)).attempts
    plan(speech.box, POST, [{"status": 500}] * 2)
    for failures in (1, 2):
        planned = await speech.try_once(attempt=attempt)
        assert (planned.attempts, planned.told[0][1]) == (
            [failures + 1],
            TIMING.tell_pauses[failures - 1] * (failures + 1),
        )
        (attempt,) = planned.attempts
    assert len(speech.posts()) == shown


@pytest.mark.parametrize("fault", [{"retry_after": 1}, {"status": 500}])
async def test_a_failure_in_a_try_that_has_shown_a_part_is_the_first(
    speech: Speaking, fault: Mapping[str, Any]
) -> None:
    """However many tries had failed before it."""
    plan(speech.box, POST, [NONE, fault])
    await speech.say(LONG)
    assert (await speech.try_once(attempt=5)).attempts == [2]


@pytest.mark.parametrize(("seconds", "waits"), [(0, 1.0), (10, 5.0), (119, 1.0)])
async def test_a_file_waits_no_longer_than_it_has_left(
    speech: Speaking, seconds: int, waits: float
) -> None:
    """The pauses grow with the time that it has waited, as whatever process tries."""
    speech.timing = TIMING
    speech.box.slack.fail_next(SEND, status=503)
    owed = files_owed(speech.thread)
    await speech.say(speech.box.devin.attach(SESSION, "file-0.txt", b"hello"))
    await speech.try_once()
    begun = await Outbox(speech.store).begin(owed)
    assert begun is not None
    batch = await Words(speech.store).cut(begun, speech.thread, "")
    assert batch is not None
    began = str(batch.read_at - 1_000 * seconds)
    await Words(speech.store).note(begun, f"{BEGAN}file:0", began)
    await Outbox(speech.store).settle(begun, DueAgain(0.0, may_be_done=False))
    (_, wait), *_ = (await speech.try_once(owed, attempt=1)).told
    assert abs(wait / 2 - waits) < 1.0


@pytest.mark.parametrize("method", [BEGIN, SEND, SHOW])
async def test_one_time_is_enough_for_all_files_that_slack_does_not_take(
    speech: Speaking, method: str
) -> None:
    """Once it is over for the first, the others are linked at once, each in its post."""
    speech.timing = replace(speech.timing, file_seconds=0.0)
    speech.box.slack.fail_next(method, status=503, times=100)
    files = [speech.box.devin.attach(SESSION, f"file-{n}.txt", b"hello") for n in range(4)]
    await speech.say("\n".join(files))
    await speech.until_said()
    assert names(speech) == [f"file-{n}.txt" for n in range(4)]
    assert len(calls(speech, method)) == 1


async def test_files_of_a_host_that_answers_come_though_another_took_too_long(
    speech: Speaking,
) -> None:
    """And the others of that host are linked without asking it again."""
    owed = files_owed(speech.thread)
    async with serving(silent) as server:
        gone = [f'ATTACHMENT:{{"url": "{server.url}/{n}", "name": "file-{n}.txt"}}' for n in (0, 2)]
        there = speech.box.devin.attach(SESSION, "file-1.txt", b"hello")
        await speech.say("\n".join([gone[0], there, gone[1]]))
        await speech.try_once()
        speech.timing = replace(speech.timing, file_seconds=0.0, upload_seconds=0.05)
        await speech.try_once(owed)
        speech.timing = AT_ONCE
        await speech.until_said()
        assert server.connections <= 1
    assert names(speech) == ["file-0.txt", "file-1.txt", "file-2.txt"]
    assert [one.name for post in speech.posts() for one in post.files] == ["file-1.txt"]


async def test_a_file_that_devin_gives_later_is_brought(speech: Speaking) -> None:
    """A refusal that passes is no reason for a link, nor are many in a short outage."""
    speech.box.devin.download_failures += [503, 429] * 5
    file = speech.box.devin.attach(SESSION, "file-0.txt", b"hello")
    await speech.say(file)
    await speech.until_said()
    assert [one.name for post in speech.posts() for one in post.files] == ["file-0.txt"]


async def test_a_file_that_devin_would_give_much_later_is_linked(speech: Speaking) -> None:
    """What comes behind it does not wait for as long as Devin asks for."""
    speech.timing = TIMING
    speech.box.devin.read_failures["file"].append((429, 600))
    file = speech.box.devin.attach(SESSION, "file-0.txt", b"hello")
    await speech.say(file, "Paragraph 000.")
    await speech.try_once()
    for _ in ("the file", "its link"):
        await speech.try_once(files_owed(speech.thread))
    assert (paragraphs(speech), names(speech)) == ([0], ["file-0.txt"])


async def test_a_file_that_kills_its_process_is_linked_in_the_end(speech: Speaking) -> None:
    """Its time counts from the beginning of its first try."""
    speech.timing = replace(speech.timing, file_seconds=0.0)
    file = speech.box.devin.attach(SESSION, "file-0.txt", b"hello")
    speech.box.slack.fail_next(SEND, delay=30.0)
    await speech.say(file, "Paragraph 000.")
    await speech.try_once()  # the words
    await speech.die_after(once=lambda: calls(speech, SEND), owed=files_owed(speech.thread))
    await speech.until_said()
    assert (paragraphs(speech), names(speech)) == ([0], ["file-0.txt"])
    assert [post.files for post in speech.posts()] == [[], []]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_thread_is_told_once_that_its_place_took_no_posts(
    speech: Speaking, fault: str
) -> None:
    """Such a place refuses the notice as well, so that comes before the next post that it takes."""
    speech.box.slack.refuse_posts("", "restricted_action")
    for number in range(2):
        await speech.say(f"Paragraph 00{number}.", LONG)
        await speech.until_said()
    speech.box.slack.fail_no_more()
    for number in (100, 101):
        plan(speech.box, POST, [FAULTS[fault]])
        await speech.say(f"Paragraph {number}.")
        await speech.until_said()
    assert shown(speech.posts()) == [NOT_SHOWN.text, "Paragraph 100.", "Paragraph 101."]


async def test_buttons_give_way_also_where_the_place_takes_no_more_posts(
    speech: Speaking,
) -> None:
    """An edit may be taken there; else a press learns that Devin has moved on."""
    asked = ITEMS[SaidKind.QUESTION].model_copy(update={"id": "q"})
    await speech.owe(asked)
    await speech.until_said()
    speech.box.slack.refuse_posts("", "restricted_action")
    await speech.owe(Said(text="I go on."), Said(kind=SaidKind.ANSWERED, id="q"))
    await speech.until_said()
    (post,) = speech.posts()
    assert labels(post) == []
    assert closed(SaidKind.ANSWERED) in str(post.blocks)


async def test_what_a_place_did_not_take_is_not_told_to_another_link(speech: Speaking) -> None:
    """Nor once the thread follows nothing: what is dropped for that is not Slack's doing."""
    speech.box.slack.refuse_posts("", "is_archived")
    await speech.say("Paragraph 000.")
    await speech.until_said()
    speech.box.slack.fail_no_more()
    await speech.say("Paragraph 001.")
    await no_more_link(speech)
    await speech.until_said()
    await speech.link(OTHER)
    await speech.say("Paragraph 002.", session=OTHER)
    await speech.until_said()
    assert shown(speech.posts()) == ["Paragraph 002."]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("is_killed", [True, False])
async def test_what_slack_refuses_gives_way_to_a_notice_and_takes_nothing_with_it(
    speech: Speaking, fault: str, *, is_killed: bool
) -> None:
    """Also where a post of a long message is refused, and whatever else happens on the way.

    The plain pieces that Slack takes are there; neighbors that it refuses have one notice.
    """
    for words in ("Paragraph 010.", "Paragraph 011.", "Paragraph 101."):
        speech.box.slack.refuse_posts(words, "msg_too_long")
    for place in range(0, 12, 1 if is_killed else 3):
        plan(speech.box, POST, [*[NONE] * place, FAULTS[fault]])
        await speech.say("Paragraph 100.", "Paragraph 101.", LONG, "Paragraph 102.")
        if is_killed:
            await speech.die_after(once=lambda: len(calls(speech, POST)) > place)  # noqa: B023
        await speech.until_said()
        speech.box.slack.fail_no_more(POST)
        found = paragraphs(speech)
        assert len(found) == len(set(found))
        assert found == [one for one in [100, *range(40), 102] if one in found]
        assert {100, *range(8), *range(20, 40), 102} <= set(found)
        assert not {10, 11, 101} & set(found)
        assert shown(speech.posts()).count(NOT_SHOWN.text) == 2
        assert speech.told == []
        await speech.move()
        await speech.link()
        speech.box.slack.calls.clear()


async def test_a_look_up_that_fails_is_no_reason_to_read_the_thread(speech: Speaking) -> None:
    """Nothing was posted before it."""
    for fault in FAULTS.values():
        plan(speech.box, "conversations.info", [fault])
        await speech.say("Paragraph 000.")
        await speech.until_said()
    assert paragraphs(speech) == [0] * len(FAULTS)
    assert FIND not in [one.method for one in speech.box.slack.calls]


@pytest.mark.parametrize("seed", range(8))
async def test_any_sequence_of_faults_and_deaths_shows_all_once_in_order(
    speech: Speaking, seed: int
) -> None:
    """Posts, plain posts, files, links and look-ups; processes die at any moment."""
    chance = random.Random(seed)  # noqa: S311 - a seed, not a secret
    faults = [*FAULTS.values(), *[NONE] * chance.randrange(3, 12)]
    for method in (POST, FIND, BEGIN, SEND, SHOW, "conversations.info"):
        plan(speech.box, method, [chance.choice(faults) for _ in range(14)])
    speech.box.slack.refuse_markdown(chance.choice(["", "Paragraph 000.", "Paragraph 1"]))
    speech.box.devin.download_failures += chance.choices([404, 429, 503], k=chance.randrange(3))
    said = [f"Paragraph {number:03}." for number in range(5)]
    for number in range(2):
        said[number] += "\n" + speech.box.devin.attach(SESSION, f"file-{number}.txt", b"hello")
    await speech.say(*said, LONG.replace("Paragraph 0", "Paragraph 1"))
    for _ in range(chance.randrange(6)):
        owed = chance.choice([None, files_owed(speech.thread)])
        await speech.die_after(chance.choice([None, 0.01, 0.03, 0.1]), owed=owed)
    await speech.until_said(150)
    assert paragraphs(speech) == [*range(5), *range(100, 140)]
    assert names(speech) == ["file-0.txt", "file-1.txt"]
    assert speech.told == []


async def no_more_link(speech: Speaking) -> None:
    """Unlink the thread."""
    await Links(speech.store, TTL).remove(speech.thread)


async def no_more_words(speech: Speaking) -> None:
    """Let the thread follow nothing."""
    await Links(speech.store, TTL).follow(speech.thread, Follow.OFF)


async def becomes_shared(speech: Speaking) -> None:
    """Let another organization share the channel."""
    await channels_of(web_client(speech.box.slack), speech.store).note_shared(speech.thread.channel)


@pytest.mark.parametrize("ends", [no_more_link, no_more_words, becomes_shared])
async def test_nothing_more_is_posted_once_the_thread_may_not_be_shown_it(
    speech: Speaking, ends: Callable[[Speaking], Awaitable[None]]
) -> None:
    """Who may hear is asked before each post; the one under way is the last."""
    goes_on = asyncio.Event()
    await speech.until_said(owed=await speech.card())
    plan(speech.box, POST, [NONE, {"until": goes_on}])
    await speech.say(LONG, LONG)
    trying = asyncio.create_task(speech.try_once())
    await wait_until(lambda: len(calls(speech, POST)) == 3, "the second post is under way")
    await ends(speech)
    goes_on.set()
    await trying
    assert [is_words(one) for one in speech.posts()] == [False, True, True]
    assert speech.told == ([QUIET] if ends is becomes_shared else [])
    assert not await speech.is_owed()


ITEMS = {
    SaidKind.MESSAGE: Said(text="The tests pass."),
    SaidKind.QUESTION: Said(kind=SaidKind.QUESTION, text="Which one?", options=("Red", "Blue")),
    SaidKind.PULL_REQUEST: Said(kind=SaidKind.PULL_REQUEST, text="https://github.com/a/b/pull/1"),
    SaidKind.FINISHED: Said(kind=SaidKind.FINISHED),
    SaidKind.CAP_NEAR: Said(kind=SaidKind.CAP_NEAR, acus=8.0, cap=10),
    SaidKind.CAP_REACHED: Said(kind=SaidKind.CAP_REACHED, acus=10.0, cap=10),
}


def has(speech: Speaking, one: Said) -> bool:
    """Return True if the thread shows an item, below Devin's words or not."""
    text = "\n".join(shown(speech.posts()))
    if one.kind is SaidKind.MESSAGE:
        return one.text in text
    framing = Framing(speech.thread, NamedSession(ID))
    return any(sentence(one, framing, is_below=is_below) in text for is_below in (True, False))


async def nothing(_: Speaking) -> None:
    """Change nothing."""


@pytest.mark.parametrize("ends", [nothing, no_more_link, no_more_words, becomes_shared])
async def test_what_is_posted_after_a_change_is_what_each_item_allows_by_then(
    speech: Speaking, ends: Callable[[Speaking], Awaitable[None]]
) -> None:
    """Whatever comes with it in one batch, also where both are in one post, or the try ends."""
    allowed = CAPS if ends is no_more_words else frozenset(ITEMS if ends is nothing else ())
    pairs = product(ITEMS, repeat=2) if allowed else zip(ITEMS, ITEMS, strict=True)
    for first, second in pairs:
        for fault in (NONE, FAULTS["500"]):
            goes_on = asyncio.Event()
            plan(speech.box, POST, [{"until": goes_on}, fault])
            await speech.owe(Said(text=LONG), ITEMS[first], ITEMS[second])
            before = len(calls(speech, POST))
            trying = asyncio.create_task(speech.try_once())
            await wait_until(lambda: len(calls(speech, POST)) > before, "it posts")  # noqa: B023
            await ends(speech)
            goes_on.set()
            await trying
            await speech.until_said()
            speech.box.slack.fail_no_more()
            found = {kind for kind in (first, second) if has(speech, ITEMS[kind])}
            assert found == {first, second} & allowed, (first, second, fault)
            assert (len(paragraphs(speech)) == 40) == (ends is nothing)
            await speech.move()
            await speech.link()


@pytest.mark.parametrize("goes_on_working", [True, False])
async def test_the_status_line_shows_the_state_after_the_posts(
    speech: Speaking, *, goes_on_working: bool
) -> None:
    """A session that has asked something meanwhile is not at work any more."""
    goes_on = asyncio.Event()
    plan(speech.box, POST, [{"until": goes_on}])
    await speech.say("Paragraph 000.", state=SessionState.WORKING)
    trying = asyncio.create_task(speech.try_once())
    await wait_until(lambda: calls(speech, POST), "the post is under way")
    if not goes_on_working:
        await speech.say("Which one?", state=SessionState.WAITING)
    goes_on.set()
    await trying
    assert len(calls(speech, SET_STATUS)) == goes_on_working


@pytest.mark.parametrize("ends", [no_more_link, no_more_words, becomes_shared])
async def test_a_file_is_not_shown_once_the_thread_may_not_be_shown_it(
    speech: Speaking,
    ends: Callable[[Speaking], Awaitable[None]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its bytes may be at Slack by then, where nobody sees them; the log says that nothing is."""
    caplog.set_level(logging.INFO)
    goes_on = asyncio.Event()
    plan(speech.box, SEND, [{"until": goes_on}])
    await speech.say(speech.box.devin.attach(SESSION, "file-0.txt", b"hello"))
    await speech.try_once()  # the words, of which there are none
    caplog.clear()
    trying = asyncio.create_task(speech.try_once(files_owed(speech.thread)))
    await wait_until(lambda: calls(speech, SEND), "the file is under way")
    await ends(speech)
    goes_on.set()
    await trying
    assert (calls(speech, SHOW), speech.posts()) == ([], [])
    assert [one for one in ("told", "nothing to tell") if one in caplog.messages] == [
        "nothing to tell"
    ]


async def test_a_new_link_gets_its_words_although_those_of_the_old_one_wait(
    speech: Speaking,
) -> None:
    """Only what the former session said is dropped."""
    await speech.say("Paragraph 000.")
    await no_more_link(speech)
    await speech.link(OTHER)
    await speech.say("Paragraph 001.", session=OTHER)
    await speech.until_said()
    assert paragraphs(speech) == [1]


async def test_no_more_files_are_brought_at_once_than_are_read(speech: Speaking) -> None:
    """Another thread's file waits for room, and its process tells other threads meanwhile."""
    goes_on = asyncio.Event()
    files, words = speech.files(), Words(speech.store)
    speech.box.slack.fail_next(SEND, until=goes_on, times=FILES_AT_ONCE)
    await speech.say("Paragraph 000.")
    begun = await speech.begin()
    await words.cut(begun, speech.thread, "")

    def bring(number: int) -> Awaitable[str | None]:
        file = LongText(f"file-{number}.txt", "hello", NamedSession(ID))
        return files.bring(
            FilePart(begun, speech.thread, Batch([], 1, Millis(0), {}), f"{number}", file)
        )

    under_way = [asyncio.ensure_future(bring(number)) for number in range(FILES_AT_ONCE)]
    await wait_until(lambda: len(calls(speech, SEND)) == FILES_AT_ONCE, "all lanes are taken")
    with pytest.raises(SlackAway) as full:
        await bring(FILES_AT_ONCE)
    assert (full.value.reason, full.value.maybe_done) == (PAUSED, False)
    goes_on.set()
    assert all(await asyncio.gather(*under_way))
    assert await bring(FILES_AT_ONCE)


@pytest.mark.parametrize(
    ("noted", "at", "is_tried"),
    [
        ("", 0, True),
        ("1000", 1_000, True),
        ("1000", 1_000 + 600_000, True),
        ("1000", 1_001 + 600_000, False),
    ],
)
async def test_a_file_has_little_time(
    speech: Speaking, noted: str, at: int, *, is_tried: bool
) -> None:
    """It counts from the first try, whoever made it; the thread may have waited for other reasons.

    A try that fails after two minutes is the last one, but one that ended the process says nothing.
    """
    speech.timing = TIMING
    await speech.say("Paragraph 000.")
    begun = await speech.begin()
    await Words(speech.store).cut(begun, speech.thread, "")
    notes = {f"{BEGAN}file:0": noted} if noted else {}
    file = LongText("file-0.txt", "hello", NamedSession(ID))
    part = FilePart(begun, speech.thread, Batch([], 1, Millis(at), notes), "file:0", file)
    assert (await speech.files().bring(part) is not None) == is_tried


async def test_a_file_of_unknown_size_is_linked_if_it_is_large(speech: Speaking) -> None:
    """It would have to be held in memory: Slack wants to know the size before the content."""
    speech.box.devin.download_failures += ["unsized", "unsized"]
    small, large = (
        speech.box.devin.attach(SESSION, f"file-{n}.txt", b"x" * size)
        for n, size in enumerate((1_000, UNSIZED_LIMIT + 1))
    )
    await speech.say(f"{small}\n{large}")
    await speech.until_said()
    assert [one.name for post in speech.posts() for one in post.files] == ["file-0.txt"]
    assert names(speech) == ["file-0.txt", "file-1.txt"]


def calls(speech: Speaking, method: str) -> list[ApiCall]:
    """Return the calls of a method."""
    return [one for one in speech.box.slack.calls if one.method == method]
