"""Keys as they are in Redis: those of what the sandbox's bot is installed to."""

import os

from bot.redis.keys import Key, prefix_of
from sandbox.slack.world.workspace import TEAM_ID, Org

ALL_IN_ORG = os.environ.get("TEST_ORG") == "1"
"""Whether every bot of the tests is installed to an organization; each must pass so, too."""

TENANT = Org().id if ALL_IN_ORG else TEAM_ID
"""What the bots of most tests are installed to."""


def at(key: Key, tenant: str = TENANT) -> str:
    """Return a key with the tenant's prefix, as a client must name it."""
    return f"{prefix_of(tenant)}{key}"
