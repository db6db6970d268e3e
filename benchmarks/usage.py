"""The time that processes used, and the time that they had to wait for a core."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of CPU time and of the clock: the contestant's, its Valkey's, and this process's.

    `starved` are those in which the contestant could have run and had no core.
    """

    at: float
    own: float
    valkey: float
    load: float
    starved: float

    def since(self, before: "Usage") -> "Usage":
        """Return the usage after `before`."""
        return Usage(
            self.at - before.at,
            self.own - before.own,
            self.valkey - before.valkey,
            self.load - before.load,
            self.starved - before.starved,
        )

    def percent(self) -> dict[str, float]:
        """Return the usage in percent of one core."""
        parts = {
            "own CPU %": self.own,
            "Valkey CPU %": self.valkey,
            "load CPU %": self.load,
            "starved %": self.starved,
        }
        return {name: 100 * used / self.at for name, used in parts.items()}


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def starved_seconds(pid: int) -> float:
    """Return the time for which a process's main thread was ready to run and had no core."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
