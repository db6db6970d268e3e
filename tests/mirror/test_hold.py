"""A try that is held keeps others out, and knows when it does so no longer."""

import redis.asyncio

from bot.mirror.hold import Hold
from bot.model.errors import StoreAway
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import subject_key
from bot.store.mirror.words import words_owed
from bot.store.outbox import KEEP, Outbox, begun_field
from tests.support.keys import at
from tests.support.waiting import wait_until

OWED = words_owed(ThreadRef(team="T0", channel="C0", thread_ts="1.000000"))


def is_certain(hold: Hold) -> bool:
    try:
        hold.check()
    except StoreAway:
        return False
    return True


async def test_a_try_that_others_took_over_posts_nothing_and_does_not_end_theirs(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """It learns of it at the next renewal; what the other one has noted stays."""
    outbox = Outbox(store)
    await outbox.owe(OWED, "", KEEP)
    begun = await outbox.begin(OWED, ())
    assert begun is not None
    hold = Hold(outbox, begun)
    async with hold.kept():
        assert is_certain(hold)
        theirs = str(begun.until + 60_000)
        await raw.hset(at(subject_key(OWED.subject)), begun_field(OWED), theirs)
        await wait_until(lambda: not is_certain(hold), "it is held no longer")
        assert await raw.hget(at(subject_key(OWED.subject)), begun_field(OWED)) == theirs
