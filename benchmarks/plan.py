"""The amounts of each measure: those of a full run, and those of a smoke run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.model.generation import Generation


@dataclass(frozen=True, slots=True)
class Talk:
    """The load of sessions at work; times are in seconds.

    `pause` has the least and the longest time between two things that a session says. What is said
    in `seconds` after `warm_up` is counted.
    """

    pause: tuple[float, float] = (30.0, 60.0)
    warm_up: float = 30.0
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The amounts of each measure, times in seconds, and the generation of Devin's API.

    `rest` is the time before an idle process is measured: its last reply has looks that follow it.
    """

    api: Generation = Generation.V3
    is_quick: bool = False
    sessions: int = 200
    in_flight: int = 64
    many_sessions: int = 400
    api_delay: float = 0.05
    warm_up: float = 4.0
    counted: float = 5.0
    burst: int = 2_000
    latency: float = 15.0
    ack: float = 10.0
    foreign: int = 10_000
    rest: float = 25.0
    idle: float = 30.0
    waiting: Sequence[int] = (10, 1_000, 100_000)
    links: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000)
    links_polled: Sequence[int] = (1_000, 100_000)
    polling: Sequence[int] = (1, 4, 16)
    due: Sequence[int] = (0, 100, 1_000)
    polled: float = 10.0
    samples: int = 500
    links_watched: int = 1_000
    at_work: Sequence[int] = (100, 40)
    talk: Talk = field(default_factory=Talk)
    silent: float = 120.0
    spoken_rate: float = 20.0
    spoken: float = 20.0
    links_beside: int = 10_000
    restarted: Sequence[int] = (40, 200)
    restart: float = 5.0

    @property
    def restarts(self) -> Mapping[str, tuple[int, int]]:
        """The links of each restart, and of how many threads one is at work."""
        few = {f"{links} links": (links, 10) for links in self.restarted}
        return few | {f"{self.restarted[-1]} links, half at work": (self.restarted[-1], 2)}

    @property
    def ideal(self) -> float:
        """Replies a second if `in_flight` calls of `api_delay` never wait for anything."""
        return self.in_flight / self.api_delay


FULL = Plan()
QUICK = Plan(
    is_quick=True,
    sessions=4,
    in_flight=4,
    many_sessions=8,
    warm_up=0.1,
    counted=0.3,
    burst=40,
    latency=0.5,
    ack=0.5,
    foreign=100,
    rest=0.1,
    idle=0.3,
    waiting=(10, 100),
    links=(10, 100),
    links_polled=(10,),
    polling=(2,),
    due=(0, 5),
    polled=0.3,
    samples=20,
    links_watched=6,
    at_work=(2, 1),
    talk=Talk(pause=(0.1, 0.2), warm_up=0.5, seconds=3.0),
    silent=1.0,
    spoken=4.0,
    links_beside=20,
    restarted=(2, 4),
    restart=0.5,
)
