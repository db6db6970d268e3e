"""Who may not give a command is told so, also if it came late and is no longer carried out."""

from collections.abc import Iterator

from pydantic import SecretStr

from bot.devin.opening import open_devin
from bot.model.errors import NotAllowed, PersonError
from bot.model.people import Standing, UserId
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from handlers.mentions import OBEYS, act_of
from handlers.parse.commands import VERBS, Command
from sandbox import Sandbox
from tests.support.desk import OTHER_SESSION
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
                await OBEYS[command.verb](cases, command)
            except NotAllowed as error:
                told[what] = error.standing
            except PersonError:
                pass  # they may, but nothing is linked
            act = act_of(command)
            late[what] = await cases.workspace.permissions.may(act, BEN, command.thread.channel)
    assert late == told
