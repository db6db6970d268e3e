"""What a request can do without fails in every way, and what was asked for is done all the same."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import cycle, islice
from typing import Any, get_args

import pytest

from bot.mirror.agents import RENAME, SET_STATUS
from bot.slack.channels import MEMBERS
from sandbox import Sandbox
from sandbox.devin.answers import HTML, STATES, Answer, Read, ReadFailure
from tests.support.desk import SESSION, Desk, running
from tests.support.waiting import wait_until

ALWAYS = 10_000
DEVIN: tuple[Read, ...] = tuple(one for one in get_args(Read) if one != "self")
SLACK = (
    *("reactions.add", "chat.getPermalink", "chat.update", MEMBERS, "usergroups.list", "bots.info"),
    *(SET_STATUS, RENAME, "assistant.threads.setStatus"),
)
TABLE = [
    *((extra, how) for extra in DEVIN for how in ("403", "500", "garbage")),
    *((extra, how) for extra in SLACK for how in ("fails", "garbage")),
]

_OF_WRONG_KINDS: dict[str, Any] = {
    **dict.fromkeys(("session_id", "status_detail", "source", "child_session_ids", "email"), 7),
    **dict.fromkeys(("url", "status", "message", "user_id", "org_id", "pr_url", "path"), (7,)),
    **dict.fromkeys(("title", "updated_at", "event_id", "parent_session_id", "name"), None),
    **dict.fromkeys(("created_at", "tags", "pull_requests", "acus_consumed", "playbook_id"), "x"),
}
WRONG: tuple[Any, ...] = (
    *(None, [], "items", {}, {"items": 7}, {"items": [None, 7, "x", {}]}, _OF_WRONG_KINDS),
    {"items": [_OF_WRONG_KINDS], "has_next_page": "yes", "end_cursor": {}, "total": []},
)
GARBAGE = (
    *(Answer(meaning="wrong", body=json.dumps(one)) for one in WRONG),
    *(
        Answer(meaning="page", body=one, content_type=HTML)
        for one in ("", "<p>Sign in", "[" * 9_999)
    ),
)
OF_SLACK: tuple[Mapping[str, Any], ...] = (
    *({}, {"members": 7, "usergroups": [7], "bot": [], "permalink": 7, "ts": {}, "user": "x"}),
    {"members": [7], "usergroups": [{"id": []}], "bot": {"name": {}}, "response_metadata": "x"},
)


def fail(desk: Desk, extra: str, how: str) -> None:
    """Let all calls for an extra fail from now on, or be answered with something else."""
    if extra in DEVIN:
        failures: tuple[ReadFailure, ...] = GARBAGE if how == "garbage" else (int(how),)
        desk.devin.read_failures[extra] += islice(cycle(failures), ALWAYS)
    for number in range(0 if extra in DEVIN else ALWAYS // 10):
        if how == "garbage":
            desk.slack.fail_next(extra, body=dict(OF_SLACK[number % len(OF_SLACK)]))
        else:
            desk.slack.fail_next(extra, status=(403, 404, 500, 503)[number % 4])


@pytest.mark.parametrize(("extra", "how"), [*TABLE, ("all", "slow")])
async def test_a_failure_of_an_extra_stops_nothing(
    environ: dict[str, str],
    desk: Desk,
    box: Sandbox,
    caplog: pytest.LogCaptureFixture,
    extra: str,
    how: str,
) -> None:
    """Titles, lists, accounts, states and marks: a link, a reply, a start and an unlink go on.

    Nothing of it is a bug. Without `conversations.info`, a link is answered (`test_look_ups.py`).
    """
    box.slack.scopes, box.slack.agent = [*box.slack.scopes, "users:read.email"], True
    box.devin.permissions.add("ImpersonateOrgSessions")
    box.devin.open_pull_request(SESSION, "https://github.com/acme/relay/pull/7")
    async with running(desk, environ, ACT_AS="known"):
        if how == "slow":
            desk.devin.read_seconds = 1.0
        else:
            fail(desk, extra, how)
        root = await desk.mention(f"link {SESSION}")
        await desk.until_linked(root)
        await desk.mention("review", thread=root)
        await desk.reply("Please rebase", root)
        await desk.until_received("Please rebase")
        desk.devin.rename(SESSION, "Fix the login")
        words = 'start repo:acme/api tag:oncall title:"Login" Fix it <!subteam^S0TEAM00000>'
        start = await desk.mention(words)
        await desk.until_linked(start)
        bot = await desk.slack.say("Disk full", user="bolt-ci")
        await desk.mention("start", thread=bot)
        await wait_until(lambda: desk.said(bot, with_cards=True), "a start below an alert")
        await desk.mention("unlink", thread=root)
        await desk.until_said("Unlinked from", root)
    assert [one.message for one in caplog.records if one.exc_info] == []


@pytest.mark.parametrize("how", ["403", "500", "garbage"])
async def test_a_start_whose_answer_is_lost_is_told_though_no_list_has_its_tag(
    environ: dict[str, str], desk: Desk, how: str
) -> None:
    """No second session is started, and once the list can be read, the thread is linked."""
    async with running(desk, environ, {"delay_wait": timedelta(0)}):
        fail(desk, "sessions", how)
        desk.devin.creations.append(replace(STATES["garbage"], takes=True))
        start = await desk.mention("start tag:oncall Fix it")
        await wait_until(lambda: desk.said(start), "the thread is told")
        desk.devin.read_failures.clear()
        if how == "500":
            await desk.until_linked(start)
    assert len([one for one in desk.devin.sessions.values() if one.origin == "api"]) == 1
