"""What a request can do without fails in every way, and what was asked for is done all the same."""

from typing import get_args

import pytest

from sandbox import Sandbox
from sandbox.devin.answers import Read
from tests.support.desk import SESSION, Desk, running

ALWAYS = 10_000
DEVIN: tuple[Read, ...] = tuple(one for one in get_args(Read) if one != "self")
SLACK = "reactions.add", "conversations.members", "usergroups.list", "chat.getPermalink"
TABLE = [(extra, status) for extra in (*DEVIN, *SLACK) for status in (403, 500)]


@pytest.mark.parametrize(("extra", "status"), [*TABLE, ("all", 0)])
async def test_a_failure_of_an_extra_stops_nothing(
    environ: dict[str, str], desk: Desk, box: Sandbox, extra: str, status: int
) -> None:
    """Titles, lists, accounts, states and marks: a link, a reply, a start and an unlink go on.

    Status 0: Devin is slow. Without `conversations.info`, a link is answered (`test_look_ups.py`).
    """
    box.slack.scopes = [*box.slack.scopes, "users:read.email"]
    box.devin.permissions.add("ImpersonateOrgSessions")
    async with running(desk, environ, ACT_AS="known"):
        if extra in SLACK:
            desk.slack.fail_next(extra, status=status, times=ALWAYS)
        for kind in DEVIN:
            if extra == kind:
                desk.devin.read_failures[kind] += [status] * ALWAYS
        desk.devin.read_seconds = 0.0 if status else 1.0
        root = await desk.mention(f"link {SESSION}")
        await desk.until_linked(root)
        await desk.reply("Please rebase", root)
        await desk.until_received("Please rebase")
        start = await desk.mention("start repo:acme/api Fix it <!subteam^S0TEAM00000>")
        await desk.until_linked(start)
        await desk.mention("unlink", thread=root)
        await desk.until_said("Unlinked from", root)
