"""The relay's performance targets, and whether a run reached them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.plan import Plan
from bot.model.generation import Generation

TIMES_THE_SCRIPT = 3.0
SHARE = 0.8
"""Of the ideal rate, with a slow API."""

CPU_MS = 0.7
ADDED_MS = {"p50 ms": 1.0, "p99 ms": 2.0}
"""Over the script's, by percentile."""

ACK_MS = 6.0
FOREIGN = 9_000.0
IDLE_COMMANDS, IDLE_CPU, IDLE_MB = 15.0, 0.3, 82.0
RESTART_SECONDS = {"p50 s": 2.0, "p90 s": 6.0}
"""From a reply in the first seconds after a restart until Devin has it, by percentile."""

FLAT = 1.5
"""Allowed ratio between the times of a step among many and among few."""

Each = Callable[[str, str, str], Sequence[float]]
"""Returns the numbers of each round, by measure, row and column; empty if not measured."""

_Where = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the table of targets."""

    measure: str
    wanted: str
    found: str
    is_reached: bool


def targets(each: Each, plan: Plan) -> Sequence[Target]:
    """Return the targets for which there is a number."""
    slow = f"{plan.api_delay * 1000:.0f} ms API"
    every = (
        _against_the_script(each, plan),
        _of_ideal(each, plan, "inflight", f"{plan.in_flight} in flight, {slow}"),
        _of_ideal(each, plan, "closed", f"{plan.in_flight} in a loop over {plan.sessions}, {slow}"),
        _added(each, "p50 ms"),
        _added(each, "p99 ms"),
        _at_most(
            each, "ack p99 at 200/s, after it is safe", ("ack", "relay", "p99 ms"), ACK_MS, "ms"
        ),
        _at_most(
            each,
            f"CPU a reply, {plan.in_flight} in flight",
            ("inflight", "relay", "CPU ms a reply"),
            CPU_MS,
            "ms",
        ),
        _foreign(each),
        *_idle(each, plan),
        *_words(each, plan),
        *_restart(each, plan),
        *_sizes(each, plan),
    )
    return [one for one in every if one is not None]


def _idle(each: Each, plan: Plan) -> Sequence[Target | None]:
    what = f"idle, {plan.links_watched:,} links watched and silent"
    row = f"relay, {Generation.V3}"
    return (
        _at_most(
            each,
            f"{what}: Redis",
            ("silence", row, "Redis commands/s"),
            IDLE_COMMANDS,
            "commands/s",
        ),
        _at_most(each, f"{what}: CPU", ("silence", row, "CPU %"), IDLE_CPU, "%"),
        _at_most(each, f"{what}: resident memory", ("silence", row, "RSS MB"), IDLE_MB, "MB"),
    )


def _words(each: Each, plan: Plan) -> Sequence[Target | None]:
    case = f"{plan.at_work[0]} at work"
    what = (
        f"Devin speaks → the thread shows it, {plan.at_work[0]} sessions working among "
        f"{plan.links_watched:,} linked"
    )
    reads = f"reads of Devin's API for {plan.links_watched:,} silent sessions"
    return (
        _at_most(each, f"{what}, p50", ("words", case, "p50 s"), 2, "s"),
        _at_most(each, f"{what}, p95", ("words", case, "p95 s"), 6, "s"),
        _at_most(
            each,
            f"{what}, reads of Devin's API",
            ("words", case, "reads a minute"),
            300,
            "a minute",
        ),
        *(
            _at_most(
                each,
                f"{reads}, {api}",
                ("silence", f"relay, {api}", "reads a minute"),
                60,
                "a minute",
            )
            for api in (Generation.V3, Generation.V1)
        ),
        _at_most(
            each,
            "CPU a message of Devin's, read to posted",
            ("reading", "relay", "CPU ms a message"),
            2,
            "ms",
        ),
    )


def _restart(each: Each, plan: Plan) -> Sequence[Target | None]:
    return [
        _at_most(
            each,
            f"a reply just after a restart → Devin, {case}, {column.removesuffix(' s')}",
            ("restart", case, column),
            most,
            "s",
        )
        for case in plan.restarts
        for column, most in RESTART_SECONDS.items()
    ]


def _sizes(each: Each, plan: Plan) -> Sequence[Target | None]:
    few, many = (f"{size:,} links" for size in (plan.links[0], plan.links[-1]))
    beside = f"{plan.links_beside:,} links"
    return (
        _flat(
            each,
            f"a reply beside {beside} that are watched, p50",
            ("beside", "no other link", "p50 ms"),
            ("beside", beside, "p50 ms"),
        ),
        _at_most(each, f"Redis, {many}", ("links", many, "bytes a link"), 400, "bytes a link"),
        _flat(
            each,
            f"look-up, {plan.links[0]:,} to {many}",
            ("links", few, "look-up ms"),
            ("links", many, "look-up ms"),
        ),
    )


def _against_the_script(each: Each, plan: Plan) -> Target | None:
    relay = each("throughput", "relay", "replies/s")
    script = each("throughput", "script", "replies/s")
    if not relay or not script:
        return None
    times = median(relay) / median(script)
    found = f"{times:.2f} × ({median(relay):,.0f} to {median(script):,.0f})"  # noqa: RUF001  (the sign)
    what = f"replies/s a process, {plan.sessions} sessions, 0 ms API"
    wanted = f"≥ {TIMES_THE_SCRIPT:g} × the script"  # noqa: RUF001  (the sign)
    return Target(what, wanted, found, times >= TIMES_THE_SCRIPT)


def _of_ideal(each: Each, plan: Plan, name: str, what: str) -> Target | None:
    rates = each(name, "relay", "replies/s")
    if not rates:
        return None
    share = median(rates) / plan.ideal
    found = f"{100 * share:.0f} % ({median(rates):,.0f}/s)"
    wanted = f"≥ {100 * SHARE:.0f} % of {plan.ideal:,.0f}/s"
    return Target(f"replies/s, {what}", wanted, found, share >= SHARE)


def _added(each: Each, column: str) -> Target | None:
    relay, script = (each("latency", who, column) for who in ("relay", "script"))
    if not relay or not script:
        return None
    most = ADDED_MS[column]
    added = median(a - b for a, b in zip(relay, script, strict=True))
    found = f"{added:.2f} ms ({median(relay):.2f} to {median(script):.2f})"
    what = f"added latency at 20/s over the script, {column.removesuffix(' ms')}"
    return Target(what, f"≤ {most:g} ms", found, added <= most)


def _foreign(each: Each) -> Target | None:
    rates = each("foreign", "relay", "events/s")
    if not rates:
        return None
    rate = median(rates)
    wanted = f"≥ {FOREIGN:,.0f}/s"
    return Target("events that are not ours", wanted, f"{rate:,.0f}/s", rate >= FOREIGN)


def _flat(each: Each, what: str, few: _Where, many: _Where) -> Target | None:
    first, last = each(*few), each(*many)
    if not first or not last:
        return None
    times = median(last) / median(first)
    found = f"{times:.2f} times ({median(first):.3f} to {median(last):.3f} ms)"
    return Target(what, f"flat: ≤ {FLAT:g} times", found, times <= FLAT)


def _at_most(each: Each, what: str, where: _Where, most: float, unit: str) -> Target | None:
    values = each(*where)
    if not values:
        return None
    value = median(values)
    found = f"{value:.2f}" if value < 10 else f"{value:.1f}"  # noqa: PLR2004  (three digits)
    return Target(what, f"≤ {most:g} {unit}", f"{found} {unit}", value <= most)
