"""On the page, people of an organization write from either of its workspaces."""

import pytest
from playwright.async_api import expect

from sandbox import Sandbox
from sandbox.slack.world.workspace import HARBOR_ID, TEAM_ID
from sandbox.tests.support.browser import CONTRASTS, OVERFLOWING, Screens, message, write
from tests.support.waiting import wait_until


@pytest.mark.parametrize("is_org", [True])
async def test_a_person_writes_from_either_workspace(box: Sandbox, screens: Screens) -> None:
    """The switch shows the channels of the other one, and its messages are of that workspace."""
    page = await screens.open()
    await expect(page.locator("#organization")).to_have_text("Sandbox Group")
    places = page.locator("#channels button")
    await expect(places).to_have_text(["general", "random", "secrets", "shared"])
    await page.locator("#workspace").select_option("Harbor")
    await expect(places).to_have_text(["general", "harbor"])
    await expect(page.locator("#channel-note")).to_have_text("public channel of Sandbox and Harbor")
    await write(page, "Message to the channel", "From the harbor")
    await expect(message(page, "From the harbor")).to_be_visible()
    assert box.slack.deliveries[-1].payload["team_id"] == HARBOR_ID
    await page.locator("#writer").select_option("gus")
    await expect(page.locator("#workspace")).to_be_disabled()
    assert await page.locator("#workspace").input_value() == TEAM_ID
    await page.get_by_title("Remove the app from Harbor").click()
    await expect(page.get_by_title("Add the app to Harbor")).to_be_visible()
    await wait_until(
        lambda: box.slack.deliveries[-1].payload["event"]["type"] == "team_access_revoked",
        "the app is told",
    )
    assert await page.evaluate(CONTRASTS) == []
    assert await page.evaluate(OVERFLOWING) == []


@pytest.mark.parametrize("is_org", [False])
async def test_a_page_of_one_workspace_has_no_switch(screens: Screens) -> None:
    """Nothing is said of an organization that does not exist."""
    page = await screens.open()
    await expect(page.locator("#in-workspace")).to_be_hidden()
    await expect(page.locator("#installed button")).to_have_count(0)
