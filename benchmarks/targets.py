"""The relay's performance targets, and whether a run reached them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.plan import Plan
from bot.model.generation import Generation

FLAT = 1.5
"""Allowed ratio between the times of a look-up among many and among few."""

Each = Callable[[str, str, str], Sequence[float]]
"""Returns the numbers of each round, by measure, row and column; empty if not measured."""


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the table of targets."""

    measure: str
    wanted: str
    found: str
    is_reached: bool


def targets(each: Each, plan: Plan) -> Sequence[Target]:
    """Return the targets for which there is a number."""
    every = (
        _against_the_script(each),
        _in_flight(each, plan),
        _added(each, "p50 ms", 2),
        _added(each, "p99 ms", 5),
        _at_most(each, "ack, p99 at 200 replies/s", ("ack", "relay", "p99 ms"), 25, "ms"),
        _foreign(each),
        _at_most(
            each,
            f"Redis, {plan.links[-1]:,} links",
            ("links", f"{plan.links[-1]:,} links", "bytes a link"),
            400,
            "bytes a link",
        ),
        _flat(each, plan),
        _at_most(each, "idle, Redis", ("idle", "relay", "Redis commands/s"), 30, "commands/s"),
        _at_most(each, "idle, CPU", ("idle", "relay", "CPU %"), 1, "%"),
        _at_most(each, "idle, resident memory", ("idle", "relay", "RSS MB"), 90, "MB"),
        *_watch(each, plan),
    )
    return [one for one in every if one is not None]


def _watch(each: Each, plan: Plan) -> Sequence[Target | None]:
    busy, links = plan.at_work[0], plan.links_watched
    words, silent = f"Devin's words to their post, {busy} at work", f"{links:,} silent links"
    case = f"{busy} at work"
    return (
        _at_most(each, f"{words}, p50", ("words", case, "p50 s"), 3, "s"),
        _at_most(each, f"{words}, p95", ("words", case, "p95 s"), 6, "s"),
        _at_most(each, f"{words}, reads", ("words", case, "reads a minute"), 300, "a minute"),
        _at_most(
            each,
            "a message of Devin's, from its read to its post",
            ("reading", "relay", "CPU ms a message"),
            2,
            "ms of CPU",
        ),
        *(
            _at_most(
                each,
                f"{silent}, {api}, reads",
                ("silence", f"relay, {api}", "reads a minute"),
                60,
                "a minute",
            )
            for api in (Generation.V3, Generation.V1)
        ),
        _at_most(
            each, f"{silent}, Redis", ("silence", "relay, v3", "Redis commands/s"), 30, "commands/s"
        ),
        _at_most(each, f"{silent}, CPU", ("silence", "relay, v3", "CPU %"), 1, "%"),
        _beside(each, plan),
    )


def _beside(each: Each, plan: Plan) -> Target | None:
    alone = each("beside", "no other link", "p50 ms")
    beside = each("beside", f"{plan.links_beside:,} links", "p50 ms")
    if not alone or not beside:
        return None
    times = median(beside) / median(alone)
    found = f"{times:.2f} times ({median(alone):.2f} to {median(beside):.2f} ms)"
    what = f"a reply beside {plan.links_beside:,} watched links, p50"
    return Target(what, f"flat: ≤ {FLAT:g} times", found, times <= FLAT)


def _against_the_script(each: Each) -> Target | None:
    relay = each("throughput", "relay", "replies/s")
    script = each("throughput", "script", "replies/s")
    if not relay or not script:
        return None
    times = median(relay) / median(script)
    found = f"{times:.2f} times ({median(relay):,.0f} to {median(script):,.0f})"
    return Target("replies/s, 0 ms API", "≥ twice the script", found, times >= 2)  # noqa: PLR2004  (the target)


def _in_flight(each: Each, plan: Plan) -> Target | None:
    rates = each("inflight", "relay", "replies/s")
    if not rates:
        return None
    share = 100 * median(rates) / plan.ideal
    what = f"replies/s, {plan.in_flight} in flight, {plan.api_delay * 1000:.0f} ms API"
    found = f"{share:.0f} % ({median(rates):,.0f}/s)"
    return Target(what, f"≥ 80 % of {plan.ideal:,.0f}/s", found, share >= 80)  # noqa: PLR2004  (the target)


def _added(each: Each, column: str, most: float) -> Target | None:
    relay, script = (each("latency", who, column) for who in ("relay", "script"))
    if not relay or not script:
        return None
    added = median(a - b for a, b in zip(relay, script, strict=True))
    found = f"{added:.2f} ms ({median(relay):.2f} to {median(script):.2f})"
    what = f"added latency at 20 replies/s, {column.removesuffix(' ms')}"
    return Target(what, f"≤ {most:g} ms over the script", found, added <= most)


def _foreign(each: Each) -> Target | None:
    rates = each("foreign", "relay", "events/s")
    if not rates:
        return None
    rate = median(rates)
    return Target("events that are not ours", "≥ 5,000/s", f"{rate:,.0f}/s", rate >= 5_000)  # noqa: PLR2004  (the target)


def _flat(each: Each, plan: Plan) -> Target | None:
    few, many = (
        each("links", f"{size:,} links", "look-up ms") for size in (plan.links[0], plan.links[-1])
    )
    if not few or not many:
        return None
    times = median(many) / median(few)
    found = f"{times:.2f} times ({median(few):.3f} to {median(many):.3f} ms)"
    what = f"look-up, {plan.links[0]:,} to {plan.links[-1]:,} links"
    return Target(what, f"flat: ≤ {FLAT:g} times", found, times <= FLAT)


def _at_most(
    each: Each, what: str, where: tuple[str, str, str], most: float, unit: str
) -> Target | None:
    values = each(*where)
    if not values:
        return None
    value = median(values)
    return Target(what, f"≤ {most:g} {unit}", f"{value:.1f} {unit}", value <= most)
