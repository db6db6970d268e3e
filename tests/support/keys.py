"""Keys as they are in Redis: those of what the sandbox's bot is installed to."""

import os

from bot.redis.keys import Key, prefix_of
from sandbox.slack.world.workspace import TEAM_ID, Org

ALL_IN_ORG = os.environ.get("TEST_ORG") == "1"
"""Whether every bot of the tests is installed to an organization, to see what breaks."""


def at(key: Key, tenant: str = Org().id if ALL_IN_ORG else TEAM_ID) -> str:
    """Return a key with the prefix of the workspace, as a client must name it."""
    return f"{prefix_of(tenant)}{key}"
