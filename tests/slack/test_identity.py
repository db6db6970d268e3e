"""Slack says at the start whether the bot is installed in a workspace or in an organization."""

from typing import Any

import pytest
from aiohttp import web

from bot.model.errors import OperatorError
from bot.slack.api import SlackClient
from bot.slack.app.workspace import Identity, identify
from tests.support.slack_apps import serving

ORG = {"enterprise_id": "E1", "is_enterprise_install": True}


async def identity(**told: Any) -> Identity:
    """Return who the bot is if `auth.test` answers with these ids."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"ok": True, "user_id": "U0", "bot_id": "B0"} | told)

    app = web.Application()
    app.router.add_route("*", "/api/auth.test", answer)
    async with serving(app) as url:
        return await identify(SlackClient(token="xoxb-x", base_url=f"{url}/api/"))


@pytest.mark.parametrize(
    ("told", "tenant", "enterprise"),
    [
        ({"team_id": "T1"}, "T1", None),
        ({"team_id": "T1", "enterprise_id": None, "is_enterprise_install": False}, "T1", None),
        ({"team_id": "T1", "enterprise_id": "E1", "is_enterprise_install": False}, "T1", "E1"),
        ({"team_id": None, **ORG}, "E1", "E1"),
        (ORG, "E1", "E1"),
        ({"team_id": "T1", **ORG}, "E1", "E1"),
        ({"team_id": "E1", **ORG}, "E1", "E1"),
        ({"team_id": "E1", "enterprise_id": None}, "E1", "E1"),
        ({"team_id": None, "enterprise_id": "E1"}, "E1", "E1"),
    ],
    ids=repr,
)
async def test_the_tenant_is_the_installation(
    told: dict[str, Any], tenant: str, enterprise: str | None
) -> None:
    """For an organization, Slack's samples differ in what they give for a workspace."""
    ours = await identity(**told)
    assert (ours.tenant, ours.enterprise, ours.is_org) == (tenant, enterprise, tenant[0] == "E")


async def test_a_bot_without_a_home_is_for_the_operator() -> None:
    """Nothing could be kept under its name."""
    with pytest.raises(OperatorError, match="neither a workspace nor an organization"):
        await identity(team_id=None)
