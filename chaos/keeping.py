"""What the relay keeps in Redis, as far as a run needs to know it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

from bot.features.adoption.use import Adopting
from bot.features.workflow_steps.use import WorkflowSteps
from bot.model.ledger import parse_uses
from bot.redis.keep import ENTRY_LEASE
from bot.store.outbox import OwedKind
from chaos.clocks import shifted
from chaos.surfaces import CHANNEL
from sandbox.slack.server import SlackSandbox

PREFIX = "{devin-relay:T0SANDBOX}"
"""Prefix of the keys of the sandbox's workspace (docs/architecture/redis.md)."""

OUTBOX = f"{PREFIX}:outbox"

ASKED_FOR = frozenset({OwedKind.POST, OwedKind.START, WorkflowSteps.kind})
"""What a person or a workflow asked for; the other entries report."""
HURRY_SECONDS = 4.0

AGAIN_SECONDS, MOST_TRIES = 0.2, 600
"""A Redis that is away is asked again and again, longer than any outage."""


class Keeping:
    """Redis; `used` is what each session has used, as the relay's ledger was last read.

    `place` is the team and the channel of people's messages. The clock of Redis is `ahead` (s).
    """

    def __init__(self, redis: Redis, place: str, ahead: float = 0.0) -> None:
        self.used: dict[str, float] = {}
        self._redis = redis
        self._place = place
        self._ahead = ahead

    async def is_kept(self, ts: str) -> bool:
        """Return True if the message at `ts` is known as a reply."""
        return bool(await self._redis.hexists(f"{PREFIX}:subject:{self._place}:{ts}", "state"))

    async def times(self, ts: str) -> tuple[float | None, float | None]:
        """Return the time since which a reply was accepted, and was being sent, in true time."""
        names = ("accepted", "sending_since")
        found = await self._redis.hmget(f"{PREFIX}:subject:{self._place}:{ts}", names)
        accepted, sending = (int(one) / 1_000 - self._ahead if one else None for one in found)
        return accepted, sending

    async def is_noted(self, ts: str, root: str) -> bool:
        """Return True if the message at `ts` is known, or its thread is to be read from before."""
        unread = await self._redis.zscore(f"{PREFIX}:unread", f"{self._place}:{root}")
        is_unread = unread is not None and unread < int(ts.replace(".", ""))
        return is_unread or await self.is_kept(ts)

    async def depths(self) -> tuple[int, int]:
        """Return how much is still to be done, and the unsent reports.

        To be done is the mail of sessions, and what was `ASKED_FOR`: after a kill, another process
        takes it over once its lease has ended. Read the ledger, too. What is due after any lease
        has ended is a look for changes.
        """
        mail, later = await self._redis.zcard(f"{PREFIX}:due"), set(await self._later())
        entries = {str(one) for one in await self._redis.zrange(OUTBOX, 0, -1)} - later
        await self._read_used()
        kinds = Counter(one.rpartition("|")[2] for one in entries)
        asked_for = sum(kinds[kind] for kind in ASKED_FOR)
        return mail + asked_for, kinds.total() - asked_for - kinds[Adopting.kind]

    async def hurry(self) -> None:
        """Let the channel that adopts sessions look for them more often; without end."""
        while True:
            await asyncio.sleep(HURRY_SECONDS)
            for one in await self._later():
                if one.endswith(Adopting.kind):
                    await self._redis.zadd(OUTBOX, {one: 1}, xx=True)

    async def _later(self) -> list[str]:
        now, _ = await self._redis.time()
        least = (now + ENTRY_LEASE.total_seconds() + 1) * 1000
        return [str(one) for one in await self._redis.zrangebyscore(OUTBOX, least, "+inf")]

    async def _read_used(self) -> None:
        """Read each session's last total, month by month."""
        for key in sorted([one async for one in self._redis.scan_iter(f"{PREFIX}:ledger:*")]):
            kept = await self._redis.hgetall(key)
            uses = parse_uses({str(name): str(value) for name, value in kept.items()})
            self.used |= {one.session: one.until(31) for one in uses}


@asynccontextmanager
async def opened(url: str, slack: SlackSandbox, ahead: float) -> AsyncIterator[Keeping]:
    """Open what is kept in that Redis, which is waited for while it is away, frozen or slow.

    Its clock is `ahead`, if that can be.
    """
    place = f"{slack.team_id}:{slack.workspace.channel(CHANNEL).id}"
    patient = Retry(ConstantBackoff(AGAIN_SECONDS), MOST_TRIES)
    async with Redis.from_url(
        url, decode_responses=True, socket_timeout=None, retry=patient
    ) as redis:
        yield Keeping(redis, place, ahead if shifted(ahead) else 0.0)
