"""A bot carries on with a data directory that an earlier version wrote.

`tests/data/snapshot` and `tests/data/snapshot-shared` are what killed bots left behind, with much
under way; `tests/data/README.md` tells how they were written.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.settings import load_settings
from bot.wording.delivery_reports import stranded
from sandbox import Sandbox
from sandbox.launch import environment_of
from tests.support import secrets_guard
from tests.support.bots import open_bot
from tests.support.desk import SESSION, Desk, actions, muted, quote
from tests.support.told import uncertain
from tests.support.upgrades import FIRST, SHARED, Upgraded, endless, left, recalled
from tests.support.waiting import wait_until

OTHER, DOWN = "devin-07e7", "devin-d035"
BROKEN, GOT, LOST = "devin-b0c3", "devin-6075", "devin-1057"

KINDS = {
    "alive", "behind", "box", "came", "catching-up", "changed", "default", "due", "gap", "heard",
    "hold", "last", "lately", "link", "listeners", "mail", "moved", "once", "places", "read",
    "recent", "reply", "threads", "ticket", "unread", "untold",
}  # fmt: skip
"""Every kind of key that the first bot had."""

WATCHES = {"followers", "name", "reads", "shared", "shown", "status", "watch", "watched", "words"}
"""The kinds of key that came with the watch."""

UPGRADES = [(FIRST, "v1"), (FIRST, "v3"), (SHARED, "v3")]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=UPGRADES)
async def upgraded(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Upgraded]:
    """A bot that was started on a copy of a snapshot; it may not leave a key without a TTL.

    The snapshots come from bots with a key of version 1, and the new one has a key of either.
    """
    snapshot, api = request.param
    home = tmp_path_factory.mktemp("upgrade") / "data"
    async with Sandbox(devin_api=api) as box:
        seen = recalled(box, snapshot, home)
        environ = environment_of(box.slack, box.devin)
        environ |= {"DATA_DIR": str(home), "HOST": "127.0.0.1", "PORT": "0"}
        desk = Desk(box)
        missed = await desk.slack.say(
            "While you were away", thread=seen["ts"]["linked"], deliver=False
        )
        async with open_bot(load_settings(environ, None), look_after=(0.0, 0.05)):
            await box.slack.wait_connected()
            yield Upgraded(desk, seen["ts"] | {"missed": missed}, seen["again"])
            assert await endless(home) == []
            assert await left(home) == []


def read(desk: Desk, session: str) -> list[str]:
    """Return the messages of a session, without their authors' names."""
    return [one.partition("\n\n")[2] for one in desk.received(session)]


def content(snapshot: Path) -> bytes:
    """Return what is in all files of a snapshot."""
    return b"".join(path.read_bytes() for path in snapshot.rglob("*") if path.is_file())


@pytest.mark.parametrize(("snapshot", "expected"), [(FIRST, KINDS), (SHARED, KINDS | WATCHES)])
async def test_the_snapshot_holds_much_and_no_secret(snapshot: Path, expected: set[str]) -> None:
    """The snapshot has every kind of key, and a reply in every state."""
    whole = content(snapshot)
    kinds = set(re.findall(rb"{devin-relay}:([a-z-]+)", whole))
    assert {one.decode() for one in kinds} >= expected
    assert not secrets_guard.SECRET.search(whole.decode(errors="replace"))
    for state in ("waiting", "sending", "done"):
        assert b"\r\nstate\r\n$%d\r\n%b\r\n" % (len(state), state.encode()) in whole


async def test_what_waited_is_delivered_in_order(upgraded: Upgraded) -> None:
    """Each is delivered once, with its file, as edited, and also from a channel that has moved."""
    desk, ts = upgraded.desk, upgraded.ts
    for name in ("one", "two", "three"):
        await desk.until_marked("white_check_mark", ts[name])
    await desk.until_marked("white_check_mark", ts["four"], channel="secrets")
    (file,) = desk.devin.attachments
    assert (file.name, file.content) == ("plan.md", b"The content of plan.md\n")
    assert [(text.partition("\n\n")[2], files) for text, files in desk.read(DOWN)] == [
        ("One, fürs Erste", []),
        ("Two has a file", [file.url]),
        ("Three, as edited", []),
        ("Four", []),
    ]


async def test_what_was_interrupted_is_looked_for(upgraded: Upgraded) -> None:
    """A reply in Devin's record is delivered, any other is uncertain; neither is sent again."""
    desk, ts = upgraded.desk, upgraded.ts
    await desk.until_marked("white_check_mark", ts["after got"])
    await desk.until_marked("white_check_mark", ts["after lost"])
    await desk.until_marked("white_check_mark", ts["got"])
    await desk.until_said(uncertain("Before the end (lost)"), ts["lost thread"])
    assert read(desk, GOT) == ["Before the end (got)", "After the end (got)"]
    assert read(desk, LOST) == ["After the end (lost)"]


async def test_what_is_uncertain_is_told_and_can_be_sent_again(upgraded: Upgraded) -> None:
    """The outcome was known, but Slack no longer took the report."""
    desk, thread = upgraded.desk, upgraded.ts["broken"]
    await desk.until_said(uncertain("Nobody knows"), thread)
    (report,) = (one for one in desk.posts(thread) if actions(one))
    await desk.slack.press("send_again", channel="general", message_ts=report.ts)
    await desk.until_marked("white_check_mark", upgraded.ts["uncertain"])
    assert read(desk, BROKEN) == ["Nobody knows"]


async def test_what_slack_did_not_take_is_told(upgraded: Upgraded) -> None:
    """The outbox held a mark, an answer to everybody, and an ephemeral answer, with their words."""
    desk = upgraded.desk
    await desk.until_marked("white_check_mark", upgraded.ts["unmarked"])
    await desk.until_said("It is *muted*. 1 reply waits.", upgraded.ts["muted"])
    await desk.until_whispered("Guests can't steer Devin from here", "gus")
    assert read(desk, SESSION).count("Not marked yet") == 1
    assert len(desk.whispers("gus")) == 1


async def test_a_step_is_done_once(upgraded: Upgraded) -> None:
    """The step had been requested, but not begun, or not known to be."""
    desk, execution = upgraded.desk, upgraded.ts["step"]
    await wait_until(lambda: execution in desk.slack.step_results, "the step ends")
    how, outputs = desk.slack.step_results[execution]
    assert (how, outputs["outcome"]) == ("success", "delivered")
    await desk.until_marked("white_check_mark", outputs["thread"])
    posts = [quote(one) for one in desk.slack.channel_messages("general")]
    assert posts.count("From a workflow") == 1
    assert read(desk, SESSION).count("From a workflow") == 1


async def test_links_are_as_they_were(upgraded: Upgraded) -> None:
    """A reply goes to Devin from a linked thread, but not from a muted or unlinked one."""
    desk, ts = upgraded.desk, upgraded.ts
    await desk.reply("Not for Devin", ts["muted"])
    await desk.reply("Not for Devin, either", ts["unlinked"])
    await desk.until_heard()
    linked = await desk.reply("For Devin", ts["linked"])
    await desk.until_marked("white_check_mark", linked)
    assert not [one for one in desk.received() if "Not for Devin" in one]
    await desk.mention("unmute", thread=ts["muted"])
    await desk.until_said(muted(is_muted=False), ts["muted"])


async def test_what_slack_brings_late_is_said_to_stay(upgraded: Upgraded) -> None:
    """Its thread was linked when it was written, but no longer when the bot was killed."""
    desk, ts = upgraded.desk, upgraded.ts
    await desk.slack.deliver_event(desk.slack.event_of("general", ts["stranded"]))
    await desk.until_said(stranded(1), ts["unlinked"])


async def test_a_button_of_before_sends_again(upgraded: Upgraded) -> None:
    """The button is under a report about a session that was suspended."""
    desk, ts = upgraded.desk, upgraded.ts
    (report,) = (one for one in desk.posts(ts["asleep"], channel="shared") if actions(one))
    await desk.slack.press("send_again", channel="shared", message_ts=report.ts)
    await desk.until_marked("white_check_mark", ts["not got"], channel="shared")
    assert read(desk, OTHER).count("Wake up") == 1


async def test_what_was_written_meanwhile_is_found(upgraded: Upgraded) -> None:
    """The bot has a checkpoint, and reads on from there."""
    await upgraded.desk.until_marked("white_check_mark", upgraded.ts["missed"])
    assert read(upgraded.desk, SESSION).count("While you were away") == 1


async def test_an_offer_can_be_taken_up(upgraded: Upgraded) -> None:
    """The old button links the thread."""
    desk, offer = upgraded.desk, upgraded.whisper("ben", "link_offered")
    where = {"channel": "general", "message_ts": offer.ts, "user": "ben"}
    await desk.slack.press_ephemeral("link_offered", **where)
    await desk.until_linked(upgraded.ts["offered"])


async def test_a_correction_can_be_sent(upgraded: Upgraded) -> None:
    """The new text was kept with the offer."""
    desk, offer = upgraded.desk, upgraded.whisper("ben", "send_correction")
    where = {"channel": "general", "message_ts": offer.ts, "user": "ben"}
    await desk.slack.press_ephemeral("send_correction", **where)
    await desk.until_received("Please tag 1.3")


async def test_a_form_for_a_message_can_be_submitted(upgraded: Upgraded) -> None:
    """The form links the thread, and the message goes to its session."""
    desk = upgraded.desk
    (view,) = desk.slack.open_views("ben")
    await desk.slack.submit_view(view["id"], {"session": SESSION}, user="ben")
    await desk.until_marked("white_check_mark", upgraded.ts["asked"])
    await desk.until_received("The build is red")


async def test_a_form_of_devin_say_can_be_submitted(upgraded: Upgraded) -> None:
    """The form still knows its channel."""
    desk = upgraded.desk
    (view,) = desk.slack.open_views("ada")
    values = {"session": SESSION, "message": "From the form"}
    await desk.slack.submit_view(view["id"], values, user="ada")
    assert "From the form" in await desk.until_received("From the form")


async def test_a_menu_can_be_chosen_from(upgraded: Upgraded) -> None:
    """The message that waits for the choice is posted, and goes to the chosen session."""
    desk, menu = upgraded.desk, upgraded.whisper("ada", "say_chosen")
    select = menu.blocks[-1]["elements"][0]
    (value,) = (one["value"] for one in select["options"] if SESSION in one["text"]["text"])
    await desk.slack.press_ephemeral(
        "say_chosen", channel="general", message_ts=menu.ts, value=value
    )
    await desk.until_received("From the menu")


async def test_a_channel_s_default_session_stays(upgraded: Upgraded) -> None:
    """`/devin-say` without a session uses it, though another session is linked in the channel."""
    desk = upgraded.desk
    await desk.slack.slash("/devin-say", "By default", channel="shared")
    await desk.until_received("By default", SESSION)


@pytest.mark.parametrize("name", ["link", "reply", "say"])
async def test_what_slack_brings_again_changes_nothing(upgraded: Upgraded, name: str) -> None:
    """The event was handled before the upgrade."""
    desk = upgraded.desk
    delivery = await (await desk.slack.redeliver(upgraded.redelivered(name))).settled()
    assert delivery.acked
    ts = await desk.reply(f"Behind the {name}", upgraded.ts["linked"])
    await desk.until_marked("white_check_mark", ts)
    got = read(desk, SESSION)
    assert (got.count("Please rebase"), got.count("Said once")) == (1, 1)
    said = desk.said(upgraded.ts["linked"], with_cards=True)
    assert sum(SESSION.removeprefix("devin-") in one for one in said) == 1
