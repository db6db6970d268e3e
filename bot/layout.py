"""`devin-relay layout former`: moves the keys in Redis to where the previous version has them."""

import secrets

from bot.app import open_redis, open_slack
from bot.model.errors import OperatorError, PassingError
from bot.redis.connection import open_store
from bot.schedule.docket import live_workers, open_docket
from bot.settings import Settings
from bot.slack.app.identity import identify
from bot.store.migration.mover import move_back

PATIENCE_SECONDS = 60.0
"""One step renames all keys; it may take long, since nobody waits for Redis meanwhile."""


async def move_keys_back(settings: Settings) -> int:
    """Move all keys of the workspace back, and return how many.

    Raises:
        OperatorError: a process is running, or Redis or Slack is away. The same call goes on.
    """
    try:
        async with open_slack(settings) as client:
            team = (await identify(client)).team
        async with open_redis(settings) as url:
            async with open_docket(url) as docket:
                running = await live_workers(docket)
            if running:
                raise OperatorError(
                    f"Stop all processes first. Still running: {', '.join(running)} "
                    "(a killed process counts for up to five minutes)"
                )
            async with open_store(url, PATIENCE_SECONDS) as store:
                return await move_back(store, team, secrets.token_hex(8))
    except PassingError as error:
        raise OperatorError(f"The keys haven't been moved yet ({error})", "Try again.") from error
