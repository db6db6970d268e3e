"""A Devin Review is asked for from Slack, once for each commit, and its result is posted."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr
from redis.asyncio import Redis

from bot.app import Bot
from bot.devin.opening import open_devin
from bot.features.reviews import words
from bot.features.reviews.use import Reviews
from bot.model.errors import DevinAway, NotAllowed
from bot.model.people import Standing, UserId
from bot.model.replies import Outcome, OutcomeKind
from bot.model.sessions import Review, parse_pull_request
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import OUTBOX_KEY
from bot.store.outbox import Owed
from bot.wording import refusals
from bot.wording.message import LEGACY, SlackMessage
from sandbox.devin.organization import ORG_ID, ReviewState
from tests.support.bots import BRISK
from tests.support.desk import SESSION, Desk, on_v1, running
from tests.support.devin_posts import until_card
from tests.support.entries import expire
from tests.support.keys import at
from tests.support.parts import parts_of
from tests.support.tables import each
from tests.support.waiting import wait_until

PAUSE = 0.05
TIMES = {"review_pause": PAUSE}

PR, OTHER = (f"https://github.com/acme/relay/pull/{number}" for number in (7, 8))


@pytest.fixture
async def bot(desk: Desk, environ: dict[str, str]) -> AsyncIterator[Bot]:
    """A bot that reads the state of reviews all the time."""
    async with running(desk, environ, TIMES) as one:
        yield one


def head(desk: Desk, status: ReviewState = "completed", url: str = PR) -> Review:
    """Return a review of the pull request's latest commit."""
    return Review(desk.devin.reviews.heads[url], status)


async def with_pull_request(desk: Desk, url: str = PR) -> str:
    """Return a thread whose session has an open pull request on its card."""
    thread = await desk.linked_thread()
    desk.devin.open_pull_request(SESSION, url)
    await until_card(desk, words.short_of(url), thread)
    return thread


async def is_asked(desk: Desk, thread: str, url: str = PR) -> Review:
    """Wait until a thread is told that a review is under way; return it."""
    await wait_until(lambda: url in desk.devin.reviews.heads, "it is asked for")
    review = head(desk, "pending", url)
    await desk.until_said(words.begun(url, review), thread)
    return review


async def test_the_button_asks_for_a_review_and_its_result_is_posted(bot: Bot, desk: Desk) -> None:
    """It is followed through its states, and told once."""
    thread = await with_pull_request(desk)
    await desk.press(words.ASK, thread)
    review = await is_asked(desk, thread)
    reads = desk.devin.reads_by_kind["reviews"]
    desk.devin.reviews.enter(PR, "running")
    await wait_until(lambda: desk.devin.reads_by_kind["reviews"] > reads + 2, "it is read again")
    desk.devin.reviews.enter(PR, "completed")
    await desk.until_said(words.result(PR, head(desk)), thread)
    assert review.commit[:7] in desk.said(thread)[-1]
    assert len(desk.devin.reviews.all) == 1
    await desk.answer("review", thread, words.result(PR, head(desk)))
    assert len(desk.devin.reviews.all) == 1
    desk.devin.reviews.push(PR)
    await desk.answer("review", thread, words.begun(PR, head(desk)))


async def test_a_look_at_a_review_that_is_under_way_is_nothing_that_was_told_or_refused(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Its entry stays owed, so the log has no line that it is over, and nothing is counted."""
    caplog.set_level(logging.INFO)
    thread = await with_pull_request(desk)
    await desk.press(words.ASK, thread)
    await is_asked(desk, thread)
    desk.devin.reviews.enter(PR, "running")
    reads, counted = desk.devin.reads_by_kind["reviews"], moot()
    await wait_until(lambda: desk.devin.reads_by_kind["reviews"] > reads + 4, "it is looked at")
    assert (lines_of(caplog), moot()) == ([], counted)
    desk.devin.reviews.enter(PR, "completed")
    await desk.until_said(words.result(PR, head(desk)), thread)
    await wait_until(lambda: lines_of(caplog) == ["told"], "the log has it")


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the lines that the log has about entries of reviews."""
    return [one.message for one in caplog.records if vars(one).get("kind") == Reviews.kind]


def moot() -> float:
    """Return how many entries had nothing to tell."""
    return float(REGISTRY.get_sample_value("relay_reports_total", {"result": "moot"}) or 0.0)


async def test_with_several_pull_requests_there_is_a_menu_and_review_asks_back(
    bot: Bot, desk: Desk
) -> None:
    """The menu's options stand for them; a value that stands for none is asked back as well."""
    thread = await with_pull_request(desk)
    await desk.answer("review", thread, "")
    desk.devin.reviews.all.clear()
    desk.devin.open_pull_request(SESSION, OTHER)
    await until_card(desk, "static_select", thread)
    card = desk.cards(thread)[-1]
    where = {"channel": "general", "message_ts": card.ts, "user": "ben"}
    await desk.answer("review", thread, words.WHICH)
    await desk.slack.press(words.ASK, **where, value=words.short_of(OTHER))
    await is_asked(desk, thread, OTHER)
    before = desk.said(thread).count(words.WHICH.text)
    await desk.slack.press(words.ASK, **where, value="0" * 16)
    await wait_until(lambda: desk.said(thread).count(words.WHICH.text) > before, "it is asked back")


async def test_a_link_is_reviewed_anywhere_and_joins_what_is_under_way(
    bot: Bot, desk: Desk
) -> None:
    """Each thread that asked gets the result; what failed may be asked for again there."""
    root = await desk.mention(f"review <{PR}/files>")
    await is_asked(desk, root)
    other = await desk.mention(f"review {PR}", user="ben")
    await desk.until_said(words.begun(PR, head(desk)), other)
    desk.devin.reviews.enter(PR, "errored")
    for thread in (root, other):
        await desk.until_said(words.result(PR, head(desk, "errored")), thread)
    assert len(desk.devin.reviews.all) == 1
    await desk.answer(f"review {PR}", root, words.begun(PR, head(desk)))
    desk.devin.reviews.enter(PR, "completed")
    await desk.until_said(words.result(PR, head(desk)), root)
    assert len(desk.devin.reviews.all) == 2


async def has_failed(desk: Desk) -> str:
    """Return a thread that was told that a review has failed."""
    root = await desk.mention(f"review {PR}")
    await is_asked(desk, root)
    desk.devin.reviews.enter(PR, "errored")
    await desk.until_said(words.result(PR, head(desk, "errored")), root)
    return root


async def test_a_later_result_of_a_commit_is_not_taken_for_an_earlier_one(
    bot: Bot, desk: Desk
) -> None:
    """Although Slack doesn't take it at first, so the thread is searched for it."""
    root = await has_failed(desk)
    await desk.answer(f"review {PR}", root, words.begun(PR, head(desk)))
    desk.slack.fail_next("chat.postMessage", status=503)
    desk.devin.reviews.enter(PR, "completed")
    await desk.until_said(words.result(PR, head(desk)), root)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("review", words.WHICH),
        ("review https://github.com/acme/relay", words.NO_PULL_REQUEST),
        ("review https://github.com/acme/relay/pull/", words.NO_PULL_REQUEST),
    ],
)
async def test_what_names_no_pull_request_is_asked_back(
    bot: Bot, desk: Desk, said: str, told: SlackMessage
) -> None:
    """In a thread without a session, too."""
    await desk.until_said(told, await desk.mention(said))
    assert desk.devin.reads_by_kind["reviews"] == 0


async def test_a_guest_asks_for_none(bot: Bot, desk: Desk) -> None:
    """Who may not message Devin may not spend its time on a review."""
    await desk.mention(f"review {PR}", user="gus")
    await desk.until_whispered(refusals.sorry(NotAllowed(Standing.GUEST)), "gus")
    assert desk.devin.reads_by_kind["reviews"] == 0


async def test_a_pull_request_whose_state_devin_does_not_give_can_be_reviewed(
    bot: Bot, desk: Desk
) -> None:
    """Its state may be null; once it is merged, the button is gone, also after the session ends."""
    thread = await desk.linked_thread()
    desk.devin.open_pull_request(SESSION, PR, None)
    await until_card(desk, words.short_of(PR), thread)
    desk.devin.behave(SESSION, "finished")
    await until_card(desk, "has *ended*", thread)
    await desk.press(words.ASK, thread)
    await is_asked(desk, thread)
    desk.devin.open_pull_request(SESSION, PR, "merged")
    await until_card(desk, "(merged)", thread)
    assert words.short_of(PR) not in str(desk.cards(thread)[-1].blocks)


@on_v1
async def test_version_1_has_none(bot: Bot, desk: Desk) -> None:
    """It says so, and no card offers one."""
    thread = await desk.linked_thread()
    desk.devin.open_pull_request(SESSION, PR)
    await until_card(desk, PR, thread)
    assert words.ASK not in str(desk.cards(thread)[-1].blocks)
    await desk.until_said(LEGACY, await desk.mention(f"review {PR}"))


async def test_a_key_that_may_not_review_is_told_by_the_permission_it_lacks(
    bot: Bot, desk: Desk
) -> None:
    """Whom to ask for it is said as well."""
    desk.devin.permissions.remove("UseReviewManual")
    denied = await desk.mention(f"review {PR}")
    await desk.until_said("UseReviewManual", denied)
    assert desk.devin.reviews.all == []


async def test_an_outage_of_devin_is_waited_for(bot: Bot, desk: Desk) -> None:
    """Whichever of the calls fails: a review is asked for once, and its result is posted."""
    desk.devin.read_failures["reviews"] += [500, 429]
    root = await desk.mention(f"review {PR}")
    await is_asked(desk, root)
    desk.devin.read_failures["reviews"] += [500, 503]
    desk.devin.reviews.enter(PR, "completed")
    await desk.until_said(words.result(PR, head(desk)), root)
    assert len(desk.devin.reviews.all) == 1


async def test_an_answer_that_cannot_be_read_is_not_logged(
    desk: Desk, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its status: the log has no text of Devin's."""
    place = desk.slack.workspace.channel("general").id
    thread = ThreadRef(team=desk.slack.team_id, channel=place, thread_ts="1764000000.000100")
    owed = Owed(f"{thread.team}:review:key", 1, Reviews.kind)
    async with open_devin(desk.devin.url, SecretStr(desk.devin.api_key), ORG_ID, 4) as devin:

        async def garbled(_: str) -> Outcome:
            return Outcome(kind=OutcomeKind.UNCERTAIN, detail="<html>", status=200)

        monkeypatch.setattr(devin, "ask_review", garbled)
        reviews = Reviews.of(parts_of(desk.box, store, devin=devin).cases)
        ada = UserId(desk.slack.workspace.user("ada").id)
        assert await reviews.ask(thread, ada, "key", named=PR) is None
        begun = await reviews.state.outbox.begin(owed)
        assert begun is not None
        with pytest.raises(DevinAway, match=r"^Devin: HTTP 200$"):
            await reviews.tell(begun)


async def test_an_outage_does_not_keep_a_failed_review_from_being_asked_for_again(
    bot: Bot, desk: Desk
) -> None:
    """What the thread is told is not the earlier failure."""
    root = await has_failed(desk)
    desk.devin.read_failures["reviews"] += [500]
    await desk.answer(f"review {PR}", root, words.begun(PR, head(desk)))
    assert len(desk.devin.reviews.all) == 2


async def test_a_long_outage_is_told_once(desk: Desk, environ: dict[str, str]) -> None:
    """As for a reply; what comes after it is told as ever."""
    async with running(desk, environ, {**TIMES, "delay_wait": timedelta(0)}):
        desk.devin.read_failures["reviews"] += [503] * 3
        root = await desk.mention(f"review {PR}")
        await is_asked(desk, root)
        desk.devin.read_failures["reviews"] += [503] * 3
        desk.devin.reviews.enter(PR, "completed")
        await desk.until_said(words.result(PR, head(desk)), root)
        assert desk.said(root).count(words.waiting(PR).text) == 1


async def test_one_that_does_not_end_is_given_up(desk: Desk, environ: dict[str, str]) -> None:
    """After two hours the thread is told so, and nothing more is read."""
    times = {**TIMES, "review_wait": timedelta(0)}
    async with running(desk, environ, times):
        root = await desk.mention(f"review {PR}")
        await desk.until_said(words.late(PR), root)


async def test_where_others_read_along_no_pull_request_of_the_session_is_named(
    bot: Bot, desk: Desk
) -> None:
    """What a person names there is reviewed all the same."""
    desk.devin.open_pull_request(SESSION, PR)
    thread = await desk.linked_thread(channel="shared")
    await desk.mention("review", thread=thread, channel="shared")
    await desk.until_said(words.WHICH, thread, channel="shared")
    assert words.ASK not in str([one.blocks for one in desk.slack.channel_messages("shared")])


async def test_two_processes_ask_once_and_tell_once(desk: Desk, environ: dict[str, str]) -> None:
    """However many people ask at once; each of their requests is answered."""
    async with running(desk, environ, TIMES), running(desk, environ, TIMES):
        thread = await with_pull_request(desk)
        card = desk.cards(thread)[-1].ts
        who = ("ada", "ben", "ada")
        where = {"channel": "general", "message_ts": card}
        await asyncio.gather(*(desk.slack.press(words.ASK, user=one, **where) for one in who))
        await wait_until(lambda: PR in desk.devin.reviews.heads, "it is asked for")
        begun = words.begun(PR, head(desk)).text
        await wait_until(lambda: desk.said(thread).count(begun) == len(who), "each is answered")
        desk.devin.reviews.enter(PR, "completed")
        await desk.until_said(words.result(PR, head(desk)), thread)
        await desk.fence(thread)
    assert len(desk.devin.reviews.all) == 1
    assert desk.said(thread).count(words.result(PR, head(desk)).text) == 1


async def asked_again(desk: Desk, root: str) -> None:
    """Ask again for a review that is under way, which then ends; wait for its result."""
    begun = words.begun(PR, head(desk)).text
    before = desk.said(root).count(begun)
    await desk.mention(f"review {PR}", thread=root)
    await wait_until(lambda: desk.said(root).count(begun) > before, "it is under way")
    desk.devin.reviews.enter(PR, "completed")
    await desk.until_said(words.result(PR, head(desk)), root)


async def test_after_a_read_that_was_refused_it_may_be_asked_for_again(
    bot: Bot, desk: Desk
) -> None:
    """The request that was refused keeps no other one from telling the result."""
    root = await desk.mention(f"review {PR}")
    await is_asked(desk, root)
    desk.devin.permissions.remove("UseReviewManual")
    await desk.until_said("UseReviewManual", root)
    desk.devin.permissions.add("UseReviewManual")
    await asked_again(desk, root)


async def test_after_a_request_that_was_given_up_it_may_be_asked_for_again(
    desk: Desk, environ: dict[str, str]
) -> None:
    """Though the claim of a request that began late outlives it."""
    async with running(desk, environ, {**TIMES, "review_wait": timedelta(seconds=6)}):
        desk.devin.read_failures["reviews"] += [503] * 3
        root = await desk.mention(f"review {PR}")
        await is_asked(desk, root)
        await desk.until_said(words.late(PR), root)
        await asked_again(desk, root)


@pytest.mark.parametrize(
    ("dies", "ends"),
    [
        ("once it has asked Devin", "completed"),
        ("once it has told the thread", "completed"),
        ("once it has told the thread", "errored"),
        ("once it has told the result", "completed"),
    ],
)
async def test_a_process_that_dies_leaves_it_to_the_next(
    desk: Desk, environ: dict[str, str], raw: Redis, store: Store, dies: str, ends: ReviewState
) -> None:
    """Devin is asked for one review, even if that is over by then, and the thread is told once."""
    root = await desk.slack.say("Who reviews this?")
    channel = desk.slack.workspace.channel("general").id
    thread = ThreadRef(team=desk.slack.team_id, channel=channel, thread_ts=root)
    async with open_devin(desk.devin.url, SecretStr(desk.devin.api_key), ORG_ID, 4) as devin:
        parts = parts_of(desk.box, store, devin=devin, timing=replace(BRISK, review_pause=PAUSE))
        ada = UserId(desk.slack.workspace.user("ada").id)
        reviews = Reviews.of(parts.cases)
        assert await reviews.ask(thread, ada, "key", named=PR) is None
        owed = Owed(f"{thread.team}:review:key", 1, Reviews.kind)
        begun = await parts.state.outbox.begin(owed)
        assert begun is not None
        if "Devin" in dies or "result" in dies:
            await devin.ask_review(PR)
        if "result" in dies:
            desk.devin.reviews.enter(PR, ends)
            assert (await reviews.tell(begun)).told
        elif "Devin" not in dies:
            assert (await reviews.tell(begun)).told is None
    desk.devin.reviews.enter(PR, ends)
    result = words.result(PR, head(desk, ends))
    await expire(raw, owed)
    await raw.zadd(at(OUTBOX_KEY), {str(owed): 1})

    async def is_over() -> bool:
        return await raw.zscore(at(OUTBOX_KEY), str(owed)) is None

    async with running(desk, environ, TIMES):
        await desk.until_said(result, root)
        await wait_until(is_over, "nothing more is to be told of it")
    assert len(desk.devin.reviews.all) == 1
    assert desk.said(root).count(result.text) == 1


@each(
    ("said", "url"),
    [
        (PR, PR),
        (f"<{PR}|acme/relay#7>", PR),
        (f"{PR}/files?w=1#diff", PR),
        (f"(<{PR}|acme/relay#7>).", PR),
        (f"`{PR}`!", PR),
        (
            "https://git.example:8443/a/b/-/merge_requests/12/",
            "https://git.example:8443/a/b/-/merge_requests/12",
        ),
        ("http://git.example/a/b/pull/1", "http://git.example/a/b/pull/1"),
        (
            "https://bitbucket.org/acme/api/pull-requests/7/diff",
            "https://bitbucket.org/acme/api/pull-requests/7",
        ),
        (
            "https://dev.azure.com/acme/p/_git/api/pullrequest/7",
            "https://dev.azure.com/acme/p/_git/api/pullrequest/7",
        ),
        ("https://github.com/pull/1", None),
        ("https://github.com/acme/relay/pull/7x", None),
        ("https://github.com/acme/relay/issues/7", None),
        ("ftp://github.com/acme/relay/pull/7", None),
        (f"{PR} please", None),
        ("https://user:secret@github.com/acme/relay/pull/7", None),
    ],
)
def test_only_pull_requests_are_taken_for_them(said: str, url: str | None) -> None:
    """And each page of one for it."""
    assert parse_pull_request(said) == url
