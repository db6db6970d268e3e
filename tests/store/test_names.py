"""Names that outlive an upgrade are literals, independent of the code's class names."""

import logging
from typing import Any

import pytest
import redis.asyncio

from bot.app import Bot
from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.relay.asking import LinkOffered, SessionAsked
from bot.relay.edits import CorrectionOffered
from bot.relay.saying.say import SayForm, Unsent
from bot.store.claims import Tickets
from tests.support.desk import SESSION, Desk
from tests.support.keys import TENANT
from tests.support.waiting import wait_until

BY = UserId("U0ADA00000")
ROOM = "C0GENERAL0"
THREAD = ThreadRef(team="T0SANDBOX", channel=ROOM, thread_ts="1764000000.000100")
REPLY = Reply(thread=THREAD, ts="1764000001.000100", author=BY, text="Please rebase.")
ASKED = SessionId(SESSION)
TICKETS = {
    "CorrectionOffered": CorrectionOffered(by=BY, reply=REPLY, edited=1),
    "LinkOffered": LinkOffered(by=BY, thread=THREAD, session=ASKED),
    "SayForm": SayForm(by=BY, channel=ROOM),
    "SessionAsked": SessionAsked(by=BY, thread=THREAD),
    "Unsent": Unsent(by=BY, channel=ROOM, text="Please rebase.", sessions=(ASKED,)),
}


async def test_a_ticket_keeps_its_key_and_its_form(store: Store, raw: redis.asyncio.Redis) -> None:
    """A ticket opened before an upgrade is found after it; `kind` is only in the key."""
    tickets = Tickets(store)
    for kind, ticket in TICKETS.items():
        number = await tickets.issue(ticket)
        kept = await raw.get(f"{{devin-relay:{TENANT}}}:ticket:{kind}:{number}")
        assert kept == ticket.to_json()
        assert '"kind"' not in kept
        assert await tickets.read(type(ticket), number, BY) == ticket


async def test_a_shortcut_is_claimed_by_the_id_that_slack_sends(
    bot: Bot, desk: Desk, raw: redis.asyncio.Redis
) -> None:
    """Slack may repeat it to another version, and it is still carried out once."""
    thread = await desk.linked_thread()
    for callback in ("send_to_devin", "link_session"):
        shortcut = await desk.slack.shortcut(callback, channel="general", message_ts=thread)
        trigger = shortcut.payload["trigger_id"]
        what = f"claim:opened:{trigger}"
        key = f"{{devin-relay:{TENANT}}}:once:{what}"

        async def is_claimed(key: str = key) -> bool:
            return bool(await raw.exists(key))

        await wait_until(is_claimed, f"{callback} is claimed")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [({"error": "channel_not_found"}, "SlackRefused"), ({"status": 503}, "SlackAway")],
)
async def test_the_log_keeps_the_names_of_slack_errors(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture, fault: dict[str, Any], reason: str
) -> None:
    """If Slack does not show a thread, the `reason` in the line is one of two words."""
    caplog.set_level(logging.INFO)
    thread = await desk.slack.say("Is it green?")
    ts = await desk.reply("The build is red", thread)
    desk.slack.fail_next("conversations.replies", **fault)
    await desk.slack.shortcut("link_session", channel="general", message_ts=ts)
    await wait_until(lambda: desk.slack.open_views("ada"), "a form opens")
    lines = [one for one in caplog.records if one.getMessage() == "thread not looked at"]
    assert [vars(one)["reason"] for one in lines] == [reason]
