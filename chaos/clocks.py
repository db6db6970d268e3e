"""Clocks that differ, as on machines without time synchronization.

The sandbox shifts its own clocks; libfaketime (Debian's `faketime`) shifts those of processes, and
leaves the monotonic clock alone.
"""

import random
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

MISSING = "faketime is not here, so all processes have the true time: apt-get install faketime"

APART = 1_200.0
"""Maximum error of a bot process's clock, in seconds."""

FAR_APART = 3_600.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds by which each clock is ahead of the true time; `posts` are the bot's processes."""

    posts: Sequence[float] = (0.0, 0.0, 0.0, 0.0)
    redis: float = 0.0
    slack: float = 0.0
    devin: float = 0.0

    def __str__(self) -> str:
        """Format all clocks as a line of the report."""
        posts = ", ".join(f"{one:+.0f}" for one in self.posts)
        others = f"Redis {self.redis:+.0f}, Slack {self.slack:+.0f}, Devin {self.devin:+.0f}"
        return f"clocks (s): processes {posts}; {others}"


def drawn(seed: int) -> Clocks:
    """Draw clocks, some of them right and some wrong."""
    rng = random.Random(f"clocks {seed}")  # noqa: S311  (repeatable, not secret)

    def ahead(most: float) -> float:
        return rng.choice((0.0, rng.uniform(-most, most)))

    posts = [ahead(APART) for _ in range(4)]
    return Clocks(posts, ahead(FAR_APART), ahead(FAR_APART), ahead(FAR_APART))


@cache
def library() -> str | None:
    """Return what `faketime` preloads into a process with threads; None without the command."""
    command = shutil.which("faketime")
    if command is None:
        return None
    asked = [command, "-m", "-f", "+0", "printenv", "LD_PRELOAD"]
    while True:
        found = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603  (its own path)
        # It names shared memory by its process id, under which one that was killed may have left
        # some: then it fails (libfaketime 0.9.10), and the next one has another id.
        if found.returncode == 0:
            return found.stdout.strip()


def shifted(ahead: float) -> Mapping[str, str]:
    """Return the environment for a clock that is `ahead`; empty if it cannot be shifted."""
    path = library()
    if path is None or not ahead:
        return {}
    return {
        "LD_PRELOAD": path,
        "FAKETIME": f"{ahead:+.3f}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
