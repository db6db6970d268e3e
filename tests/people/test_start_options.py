"""People choose a session's repository, mode, playbook, cap, tags and title as they start it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.app import Bot
from bot.model.errors import NoTask
from bot.model.options import (
    BadOptions,
    OptionFlaw,
    OptionProblem,
    Options,
    Profile,
)
from bot.model.people import UserId
from bot.model.sessions import SessionId, Started
from bot.model.times import ts_micros
from bot.redis.connection import Store
from bot.redis.keys import profile_key
from bot.store.profiles import Profiles
from bot.store.watches import Watches
from bot.wording import refusals
from bot.wording.lifecycle import options as words
from sandbox.devin.sessions import DevinSession
from tests.people.test_offers import START, press
from tests.people.test_offers import asked as asked_about
from tests.people.test_starting import channel_of, sessions, until_linked
from tests.support.desk import Desk, on_both, on_v1, running
from tests.support.forms import opened
from tests.support.waiting import wait_until

PLAYBOOK = "playbook-0123456789abcdef0123456789abcdef"

V3: dict[str, dict[str, Any]] = {
    "Fix it": {},
    "repo:acme/api Fix it": {"repos": ["acme/api"]},
    "repo=acme/api Fix it": {"repos": ["acme/api"]},
    "repo:acme/api,acme/web Fix it": {"repos": ["acme/api", "acme/web"]},
    "repo:acme/api repo:acme/web Fix it": {"repos": ["acme/api", "acme/web"]},
    "repo:<https://github.com/acme/api> Fix it": {"repos": ["acme/api"]},
    "mode:fast Fix it": {"devin_mode": "fast"},
    "!ultra Fix it": {"devin_mode": "ultra"},
    "!Normal Fix it": {"devin_mode": "normal"},
    f"playbook:{PLAYBOOK} Fix it": {"playbook_id": PLAYBOOK},
    "max:10 Fix it": {"max_acu_limit": 10},
    "MAX=1 Fix it": {"max_acu_limit": 1},
    "tag:oncall Fix it": {"tags": ["oncall"]},
    "tags:oncall,login Fix it": {"tags": ["oncall", "login"]},
    'tag:"on call" Fix it': {"tags": ["on call"]},
    'title:"Login test" Fix it': {"title": "Login test"},
    "title:“Q&amp;A” Fix it": {"title": "Q&A"},
    "title:Login Fix it": {"title": "Login"},
    "node:18 Fix it": {"prompt": "node:18 Fix it"},
    f'repo:acme/api !fast playbook:{PLAYBOOK} max:7 tag:a title:"T t" Fix it': {
        "repos": ["acme/api"],
        "devin_mode": "fast",
        "playbook_id": PLAYBOOK,
        "max_acu_limit": 7,
        "tags": ["a"],
        "title": "T t",
    },
}
"""Prompts, and what Devin is asked with beside the prompt and the relay's own tag."""


def asked(session: DevinSession) -> dict[str, Any]:
    """Return the body that started a session, without what each start has."""
    body = dict(session.body)
    body["prompt"] = body["prompt"].partition("\n\n")[2]
    assert body["tags"][0].startswith("relay-")
    body["tags"] = body["tags"][1:]
    return body


async def say_new(desk: Desk, text: str) -> DevinSession:
    """Start a session by `/devin-say new`, and return it."""
    before = len(sessions(desk))
    assert (await desk.slack.slash("/devin-say", f"new {text}")).acked
    await wait_until(lambda: len(sessions(desk)) > before, f"{text} is started")
    return sessions(desk)[-1]


def bad(*problems: tuple[OptionFlaw, str, str]) -> BadOptions:
    return BadOptions([OptionProblem(*one) for one in problems])


async def test_devin_is_asked_for_exactly_what_was_chosen(
    desk: Desk, environ: dict[str, str]
) -> None:
    """Twenty prompts: what was not chosen is left out of the request."""
    async with running(desk, environ, STARTS_PER_HOUR="0"):
        for text, chosen in V3.items():
            session = await say_new(desk, text)
            assert asked(session) == {"prompt": "Fix it", "tags": [], **chosen}, text


@on_v1
async def test_version_1_takes_a_playbook_a_cap_tags_and_a_title(
    desk: Desk, environ: dict[str, str]
) -> None:
    """What it lacks is said before anything starts."""
    async with running(desk, environ, STARTS_PER_HOUR="0"):
        for text, chosen in V3.items():
            if not chosen.keys() & {"repos", "devin_mode"}:
                session = await say_new(desk, text)
                assert asked(session) == {"prompt": "Fix it", "tags": [], **chosen}, text
        started = len(sessions(desk))
        ts = await desk.mention("start repo:acme/api !fast Fix it")
        lacking = [(OptionFlaw.LACKING, key, "") for key in ("repo", "mode")]
        await desk.until_said(refusals.sorry(bad(*lacking)), ts)
        assert len(sessions(desk)) == started


@on_both
async def test_a_mention_chooses_and_it_is_kept_with_the_session(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The poll knows the cap, and the audit the options."""
    ts = await desk.mention('start max:10 tag:oncall title:"Login test" Fix the login')
    session = await until_linked(desk, ts)
    assert session.messages[0].text.endswith("\n\nFix the login")
    assert (session.title, session.cap) == ("Login test", 10)
    assert session.tags[1:] == ("oncall",)
    started = await Watches(store, timedelta(days=1)).started(SessionId(session.session_id))
    assert started is not None
    assert started.model_copy(update={"asked": 0}) == Started(
        by=UserId(desk.slack.workspace.user("ada").id),
        channel=channel_of(desk),
        thread=ts,
        cap=10,
        chosen='max:10 tag:oncall title:"Login test"',
        until=ts_micros(ts),
    )


async def test_all_that_is_wrong_is_asked_back_and_nothing_starts(bot: Bot, desk: Desk) -> None:
    """In the thread, where the message stays."""
    ts = await desk.mention("start rep:acme/api max:0 Fix it")
    told = bad((OptionFlaw.NEAR, "repo", "rep"), (OptionFlaw.WRONG, "max", "0"))
    await desk.until_said(refusals.sorry(told), ts)
    assert sessions(desk) == []


async def test_options_alone_are_no_task(bot: Bot, desk: Desk) -> None:
    """In a thread they choose for what it says."""
    await desk.slack.slash("/devin-say", "new max:3")
    await desk.until_whispered(refusals.sorry(NoTask()), "ada")
    ts = await desk.mention("start max:3")
    await desk.until_said("There's no task yet", ts)
    thread = await desk.slack.say("The login is broken")
    await desk.mention("start max:3", thread=thread)
    session = await until_linked(desk, thread)
    assert session.cap == 3
    assert "The login is broken" in session.messages[0].text
    assert "max:3" not in session.messages[0].text


@pytest.mark.parametrize(("text", "cap"), [("Fix it", 5), ("max:3 Fix it", 3), ("max:8 Fix it", 8)])
async def test_the_cap_is_the_setting_s_unless_one_is_chosen(
    desk: Desk, environ: dict[str, str], text: str, cap: int
) -> None:
    """Up to the ceiling."""
    async with running(desk, environ, MAX_ACU="5", MAX_ACU_CEILING="8"):
        assert (await say_new(desk, text)).cap == cap
        await desk.slack.slash("/devin-say", "new max:9 Fix it")
        told = replace(words.bad(bad((OptionFlaw.ABOVE, "max", "8"))), quote="max:9 Fix it")
        await desk.until_whispered(told, "ada")


async def test_a_channel_s_profile_applies_to_every_start_there(
    desk: Desk, environ: dict[str, str], store: Store
) -> None:
    """What a prompt names goes first; tags add up; words precede it; a cap ends at the ceiling."""
    options = Options(repos=("acme/api",), mode="lite", max_acu=50, tags=("team",))
    fields = {"options": options, "preface": "Always run the *tests*.", "by": UserId("U0BEN")}
    await Profiles(store).change(channel_of(desk), lambda _: fields)
    async with running(desk, environ, MAX_ACU="5", MAX_ACU_CEILING="20"):
        session = await say_new(desk, "!fast tag:mine Fix it")
        body = session.body
        assert body["prompt"].startswith("Always run the **tests**.\n\nada, ")
        assert body["prompt"].endswith("\n\nFix it")
        assert (body["repos"], body["devin_mode"]) == (["acme/api"], "fast")
        assert (body["tags"][1:], body["max_acu_limit"]) == (["mine", "team"], 20)
        await desk.mention("start Fix it", channel="secrets")
        await wait_until(lambda: len(sessions(desk)) == 2, "another channel has a start")
        assert sessions(desk)[-1].body.keys() == {"prompt", "tags", "max_acu_limit"}


async def test_a_profile_is_one_record(store: Store) -> None:
    """It is read, changed field by field, and forgotten."""
    profiles = Profiles(store)
    assert await profiles.get("C1") == Profile()
    await profiles.change("C1", lambda _: {"session": SessionId("devin-1")})
    await profiles.change("C1", lambda was: {"preface": f"{was.session} first"})
    assert await profiles.get("C1") == Profile(
        session=SessionId("devin-1"), preface="devin-1 first"
    )
    await profiles.change("C1", lambda _: {"session": None, "preface": ""})
    assert await store.get(profile_key("C1")) is None
    assert await profiles.get("C1") == Profile()


async def test_a_form_s_prompt_may_begin_with_options(bot: Bot, desk: Desk) -> None:
    """What can't be used is said under the prompt, which stays."""
    await desk.slack.global_shortcut("start_session")
    typed = {"channel": channel_of(desk), "prompt": "max:0 Fix it"}
    await desk.slack.submit_view((await opened(desk))["id"], typed)
    (view,) = desk.slack.open_views("ada")
    assert "max:0" in view["errors"]["prompt"]
    await desk.slack.submit_view(view["id"], typed | {"prompt": "max:2"})
    (view,) = desk.slack.open_views("ada")
    assert view["errors"] == {"prompt": refusals.sorry(NoTask()).text}
    await desk.slack.submit_view(view["id"], typed | {"prompt": "max:2 Fix it"})
    await wait_until(lambda: sessions(desk), "it starts")
    assert sessions(desk)[0].cap == 2


async def test_a_message_becomes_a_session_with_its_options(bot: Bot, desk: Desk) -> None:
    """By *Start a session with this message*."""
    ts = await desk.mention("max:4 the login is broken")
    await press(desk, START, await asked_about(desk))
    session = await until_linked(desk, ts)
    assert session.cap == 4
    assert session.messages[0].text.endswith("the login is broken")


async def test_an_unknown_mode_is_refused_with_devins_words(bot: Bot, desk: Desk) -> None:
    """And the start can be repeated."""
    ts = await desk.mention("start mode:warp Fix it")
    told = await desk.until_said("Unknown devin_mode 'warp'", ts)
    assert "Valid modes: normal" in told
    assert sessions(desk) == []


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ("repo:acme/nope", "Repository 'acme/nope' is not connected"),
        ("playbook:playbook-0", "Playbook not found"),
    ],
)
async def test_what_devin_does_not_know_is_said_with_its_words(
    bot: Bot, desk: Desk, chosen: str, reason: str
) -> None:
    """And *Start again*."""
    ts = await desk.mention(f"start {chosen} Fix it")
    await desk.offering("start_again", ts)
    await desk.until_said(reason, ts)
    assert sessions(desk) == []


@on_both
async def test_a_macro_stands_for_its_playbook(bot: Bot, desk: Desk) -> None:
    """As in Devin's own app; one that is unknown, or can't be looked up, is asked back."""
    ts = await desk.mention("start !Deploy Fix it")
    session = await until_linked(desk, ts)
    assert session.body["playbook_id"] == PLAYBOOK
    ts = await desk.mention("start !nosuch Fix it")
    unknown = bad((OptionFlaw.NO_PLAYBOOK, "playbook", "!nosuch"))
    await desk.until_said(refusals.sorry(unknown), ts)
    desk.devin.read_failures["playbooks"].append(403)
    ts = await desk.mention("start !deploy Fix it")
    unread = bad((OptionFlaw.UNREAD, "playbook", "!deploy"))
    await desk.until_said(refusals.sorry(unread), ts)
    assert len(sessions(desk)) == 1


@on_both
async def test_a_start_waits_for_a_macro_that_devin_can_t_look_up_now(bot: Bot, desk: Desk) -> None:
    """As it does for a Devin that takes no session now: the playbook may be the channel's."""
    desk.devin.read_failures["playbooks"] += [503] * 1_000
    ts = await desk.mention("start !deploy Fix it")
    failures = desk.devin.read_failures["playbooks"]
    await wait_until(lambda: len(failures) <= 997, "it is tried again")
    assert sessions(desk) == []
    failures.clear()
    session = await until_linked(desk, ts)
    assert session.body["playbook_id"] == PLAYBOOK
