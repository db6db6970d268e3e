"""The scripts in these folders: one for every atomic change in Redis.

What a script checks still holds when it acts. Times are milliseconds of Redis's clock, but a `ttl`
is in seconds, and a `ts` in microseconds of Slack's clock.
"""

from pathlib import Path

from bot.redis.scripts import Scripts

scripts = Scripts(Path(__file__).parent)
