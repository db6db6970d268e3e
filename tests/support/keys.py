"""Keys as they are in Redis: those of the sandbox's workspace."""

from bot.redis.keys import Key, prefix_of
from sandbox.slack.world.workspace import TEAM_ID


def at(key: Key) -> str:
    """Return a key with the prefix of the workspace, as a client must name it."""
    return f"{prefix_of(TEAM_ID)}{key}"
