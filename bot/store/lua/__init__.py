"""The scripts in these folders: one for every atomic change in Redis.

What a script checks still holds when it acts. Times are `Millis`, but those of messages
`Micros`; a `ttl` is in seconds.
"""

from pathlib import Path

from bot.redis.scripts import Scripts

scripts = Scripts(Path(__file__).parent)
