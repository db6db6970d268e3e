"""The scripts beside this file, which read and write keys of any kind."""

from pathlib import Path

from bot.redis.scripts import Scripts

commands = Scripts(Path(__file__).parent)
