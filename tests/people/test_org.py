"""In an organization, people of all its workspaces steer Devin, and nobody else does."""

import logging

import pytest

from bot.app import Bot
from bot.model.errors import NotAllowed
from bot.model.people import Standing
from bot.wording.refusals import sorry
from sandbox.slack.world.payloads import message_event
from sandbox.slack.world.workspace import HARBOR_ID, OTHER_TEAM_ID
from tests.support.desk import OTHER_SESSION, SESSION, Desk, running
from tests.support.devin_posts import until_devin_said
from tests.support.waiting import wait_until

pytestmark = pytest.mark.parametrize("is_org", [True])


async def test_a_thread_is_the_same_from_every_workspace(bot: Bot, desk: Desk) -> None:
    """Ada links it in one, Ben replies from another, and Ada goes on there as well."""
    thread = await desk.linked_thread()
    first = await desk.reply("Please rebase.", thread, user="ben")
    await desk.until_delivered(first)
    desk.slack.switch("ada", HARBOR_ID)
    second = await desk.reply("Tell <!subteam^S0DOCK0000> and <!subteam^S0ONCALL00>.", thread)
    await desk.until_delivered(second)
    assert "@dock and @oncall" in desk.received()[1]
    assert await desk.is_linked(thread)
    assert len(desk.cards(thread)) == 1


async def test_a_channel_of_the_other_workspace_is_served(bot: Bot, desk: Desk) -> None:
    """Also by `/devin-say`, which Slack has come from that workspace."""
    thread = await desk.linked_thread(channel="harbor")
    ts = await desk.reply("Please rebase.", thread, user="ben", channel="harbor")
    await desk.until_delivered(ts, channel="harbor")
    await desk.slack.slash("/devin-say", f"{SESSION} And push", user="ben", channel="harbor")
    await desk.until_received("And push")


async def test_outsiders_and_guests_are_what_they_were(bot: Bot, desk: Desk) -> None:
    """A guest of one workspace is a guest in all, and another organization is outside."""
    thread = await desk.linked_thread(channel="shared")
    for user, standing in (("eve", Standing.EXTERNAL), ("gus", Standing.GUEST)):
        await desk.reply("Please rebase.", thread, user=user, channel="shared")
        await desk.until_whispered(sorry(NotAllowed(standing)), user, channel="shared")
    assert desk.received() == []


async def test_a_group_of_any_workspace_may_be_listed(environ: dict[str, str], desk: Desk) -> None:
    """Ben is in a group of Harbor, and Ada in none that is listed."""
    async with running(desk, environ, ALLOW_STARTERS="S0DOCK0000"):
        await desk.until_linked(await desk.mention("start Fix it", user="ben"))
        await desk.mention("start Fix it")
        await desk.until_whispered(sorry(NotAllowed(Standing.NOT_STARTER)), "ada")


async def test_a_channel_of_two_workspaces_of_the_organization_goes_on(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Slack tells that both have it as it tells of another organization."""
    place = desk.slack.workspace.channel("general").id
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread(OTHER_SESSION)
    for team in (HARBOR_ID, OTHER_TEAM_ID):
        assert "channel is shared" not in caplog.messages
        shared = {"type": "channel_shared", "channel": place, "connected_team_id": team}
        event = shared | {"event_ts": desk.slack.workspace.clock.next_ts()}
        assert (await (await desk.slack.deliver_event(event)).settled()).acked
        if team == HARBOR_ID:
            desk.devin.say(OTHER_SESSION, "Done.")
            await until_devin_said(desk, "Done.", thread)
    assert "channel is shared" in caplog.messages


async def test_what_was_written_without_the_app_is_sent_once_it_is_back(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Slack tells nothing of a workspace that has removed the app, so its threads are read."""
    caplog.set_level(logging.INFO)
    thread = await desk.linked_thread(channel="harbor")
    await desk.slack.revoke(HARBOR_ID)
    await wait_until(lambda: "workspace access revoked" in caplog.messages, "it is known")
    await desk.reply("Please rebase.", thread, user="ben", channel="harbor")
    await desk.until_heard()
    assert desk.received() == []
    await desk.slack.grant(HARBOR_ID)
    await desk.until_received("Please rebase.")


async def test_a_workspace_may_get_the_app_later(bot: Bot, desk: Desk) -> None:
    """Its channels are served as soon as an administrator has added the app to it."""
    await desk.slack.revoke(HARBOR_ID)
    await desk.slack.grant(HARBOR_ID)
    await desk.until_heard()
    await desk.linked_thread(channel="harbor")


async def test_people_are_heard_if_slack_tells_no_id_of_the_bot(
    environ: dict[str, str], desk: Desk
) -> None:
    """A message without a bot isn't its own, though the one names as little as the other."""
    desk.slack.workspace.user("devin-relay").bot_id = ""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        ts = await desk.slack.say("Please rebase.", thread=thread, deliver=False)
        message = desk.slack.workspace.message("general", ts)
        event = message_event(desk.slack.workspace, message) | {"bot_id": ""}
        await desk.slack.deliver_event(event)
        await desk.until_delivered(ts)
