"""Who may not give a command is told so, also if it came late; errors reach whom they concern."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from bot.devin.opening import open_devin
from bot.model.errors import NotAllowed, NotLinked, PersonError
from bot.model.people import Standing, UserId
from bot.model.threads import ThreadRef
from bot.model.verbs import Command, Takes
from bot.redis.connection import Store
from bot.reporting.notices import Notice
from handlers.answering import refuse
from handlers.mentions import act_of, obey
from sandbox import Sandbox
from tests.support.desk import OTHER_SESSION
from tests.support.features import VERBS
from tests.support.parts import parts_of

ADA, BEN = "U0ADA00000", UserId("U0BEN00000")
TAKES = {
    "start": ["Fix it"],
    "link": [OTHER_SESSION],
    "default": [OTHER_SESSION],
    "defaults": ["max:10"],
    "adopt": ["tag:oncall"],
    "review": ["https://github.com/acme/api/pull/1"],
}
"""What the verbs take besides their `words`."""


def test_every_command_that_takes_something_is_tried_with_it() -> None:
    """Setting something may be left to other people than showing it."""
    takes = {verb for verb, one in VERBS.items() if one.takes is not Takes.NOTHING or one.parse}
    assert takes == TAKES.keys(), "`TAKES` has an example for each verb that takes one"


def commands(box: Sandbox) -> Iterator[Command]:
    """Give each command in each of its forms."""
    thread = ThreadRef(team=box.slack.team_id, channel="C0GENERAL0", thread_ts="1764000000.000100")
    for verb, known in VERBS.items():
        for number, argument in enumerate(["", *known.words, *TAKES.get(verb, [])]):
            yield Command(verb, argument, thread, BEN, f"1764000001.{number:06}", "")


async def test_a_late_command_is_refused_to_whom_its_use_case_refuses_it(
    store: Store, box: Sandbox
) -> None:
    """It is only asked for again, so `act_of` has what the use cases check a second time."""
    told: dict[str, Standing] = {}
    late: dict[str, Standing] = {}
    key, home = SecretStr(box.devin.api_key), box.devin.org_id
    async with open_devin(box.devin.url, key, home, 1) as devin:
        parts = parts_of(box, store, devin=devin, ALLOW_STARTERS=ADA, ALLOW_APPROVERS=ADA)
        cases = parts.cases
        for command in commands(box):
            what = f"{command.verb} {command.argument}"
            told[what] = Standing.ALLOWED
            try:
                await obey(cases, command)
            except NotAllowed as error:
                told[what] = error.standing
            except PersonError:
                pass  # they may, but nothing is linked
            act = act_of(cases, command)
            late[what] = await cases.workspace.permissions.may(act, BEN, command.thread.channel)
    assert late == told


@pytest.mark.parametrize("to", [BEN, ""])
async def test_what_is_wrong_with_a_command_is_said_in_its_thread_or_to_its_author_alone(
    store: Store, box: Sandbox, raw: Redis, to: str
) -> None:
    """As an unlinked thread is; whether a command is private, its `Verb` says."""
    thread = ThreadRef(team=box.slack.team_id, channel="C0GENERAL0", thread_ts="1764000000.000100")
    async with open_devin(
        box.devin.url, SecretStr(box.devin.api_key), box.devin.org_id, 1
    ) as devin:
        cases = parts_of(box, store, devin=devin).cases
        error, ts = NotLinked(), "1764000001.000000"
        await refuse(cases, thread, ts, BEN, error, each=True, is_private=bool(to))
    (subject,) = [one async for one in raw.scan_iter("*:said:*")]
    notice = Notice.model_validate_json(await raw.hget(subject, "content") or "")
    assert notice.to == to
