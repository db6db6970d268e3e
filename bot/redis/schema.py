"""The version of what Redis holds: one for all keys and records of a workspace."""

from datetime import timedelta

from bot.model.errors import OperatorError
from bot.redis.connection import Store
from bot.redis.keys import SCHEMA_KEY

SCHEMA = 1
"""The version that this release reads and writes; one that changes a key's form raises it."""

KEEP = timedelta(days=3650)
"""Longer than anything that is kept, and renewed by each start."""


async def claim_schema(store: Store) -> None:
    """Note that this release uses the keys of the workspace.

    Raises:
        OperatorError: a newer release has written them, and this one might misread them.
        StoreAway: Redis cannot be reached or cannot write; try again.
    """
    found = await store.get(SCHEMA_KEY)
    if found and found.isdecimal() and int(found) > SCHEMA:
        raise OperatorError(
            f"A newer release has written to this Redis (schema {found}, this one reads {SCHEMA})",
            "Start that release again, or give this one another REDIS_URL or DATA_DIR.",
        )
    await store.put(SCHEMA_KEY, str(SCHEMA), KEEP)
