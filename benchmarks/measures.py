"""Measures a contestant under load, with one function for each measure.

Each starts a new contestant, links it, warms it up, and returns its numbers by name. The names are
the columns of the page.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from benchmarks import restart, watched
from benchmarks.contest import Contest, Values, contest
from benchmarks.payloads import message, new_ts
from benchmarks.plan import Plan
from benchmarks.processes import FLOOR, RELAY, SCRIPT, Contestant
from benchmarks.usage import Usage
from bot.model.generation import Generation

Case = Callable[[], Awaitable[Values]]

REPLIES_A_THREAD = 5
DEEP = 8


async def throughput(
    who: Contestant, sessions: int, delay: float, plan: Plan, depth: int = 1
) -> Values:
    """Measure replies a second in a steady state, with `depth` on their way for each session."""
    async with contest(who, sessions, api=plan.api, delay=delay) as running:
        return await _rates(running, lambda: running.sustained(depth, plan.warm_up, plan.counted))


async def closed(who: Contestant, plan: Plan) -> Values:
    """Measure replies a second with a fixed number of unanswered ones, each in another session."""
    async with contest(who, plan.sessions, api=plan.api, delay=plan.api_delay) as running:
        return await _rates(
            running, lambda: running.closed(plan.in_flight, plan.warm_up, plan.counted)
        )


async def _rates(running: Contest, load: Callable[[], Awaitable[tuple[float, Usage]]]) -> Values:
    """Run a load that returns its rate and its usage; return what a reply costs as well."""
    is_relay = running.contestant.is_relay
    before, commands = running.usage(), await running.commands() if is_relay else None
    rate, counted = await load()
    await running.until_quiet()
    replies, acks = len(running.sent), running.acks_ms()
    found = {
        "replies/s": rate,
        "CPU ms a reply": running.usage().since(before).own * 1000 / replies,
        "to Devin p50 ms": _percentiles(running.latencies_ms())["p50 ms"],
        "ack p50 ms": _percentiles(acks)["p50 ms"],
        "RSS MB after": running.rss_mb(),
        **counted.percent(),
        **running.faults(),
    }
    if commands is not None:
        made = await running.commands() - commands
        found["Redis commands a reply"] = made.total() / replies
        found["Redis scripts a reply"] = made["evalsha"] / replies
    return found


async def burst(who: Contestant, plan: Plan) -> Values:
    """Measure replies a second when all are written at once, until the last has arrived."""
    replies = plan.burst if who is not SCRIPT else plan.burst // 4
    async with contest(who, plan.sessions, api=plan.api) as running:
        before = running.usage()
        seconds = await running.flood(replies)
        return {
            "replies": replies,
            "replies/s": replies / seconds,
            **running.usage().since(before).percent(),
            **running.faults(),
        }


async def latency(who: Contestant, plan: Plan) -> Values:
    """Measure the time from writing to arrival at Devin, at 20 replies a second."""
    async with contest(who, min(20, plan.sessions), api=plan.api) as running:
        await running.steady(20, plan.latency)
        return _percentiles(running.latencies_ms()) | running.faults()


async def acknowledgement(who: Contestant, plan: Plan) -> Values:
    """Measure Slack's wait for an acknowledgement, at 200 replies a second."""
    async with contest(who, min(50, plan.sessions), api=plan.api) as running:
        await running.steady(200, plan.ack)
        return _percentiles(running.acks_ms()) | running.faults()


async def foreign(who: Contestant, plan: Plan) -> Values:
    """Measure irrelevant events a second: every other one is a reply in an unlinked thread."""
    async with contest(who, 1, api=plan.api) as running:
        await _send_foreign(running, plan.foreign // 10)
        before = running.usage()
        await _send_foreign(running, plan.foreign)
        used = running.usage().since(before)
        if running.wire.arrivals:
            raise RuntimeError("an event that is not ours reached Devin")
        return {
            "events/s": plan.foreign / used.at,
            "CPU ms an event": used.own * 1000 / plan.foreign,
            **used.percent(),
        }


async def _send_foreign(running: Contest, events: int) -> None:
    for number in range(events):
        if number % (2 * REPLIES_A_THREAD) == 0:
            thread = new_ts()
        await running.wire.send(message(f"talk {number:07d}", thread if number % 2 else None))
    while running.wire.unacknowledged:  # noqa: ASYNC110  (the end of a measurement)
        await asyncio.sleep(0.001)


async def idle(who: Contestant, plan: Plan) -> Values:
    """Measure a contestant's usage while nobody writes, and the only session is at rest."""
    async with contest(who, 1, api=plan.api) as running:
        for session in running.sessions:
            running.wire.devin.of(session).doing = "waiting"
        await asyncio.sleep(plan.rest)
        before = running.usage()
        commands = await running.commands() if who.has_redis else None
        await asyncio.sleep(plan.idle)
        used = running.usage().since(before)
        found = {
            "CPU %": 100 * used.own / used.at,
            "RSS MB": running.rss_mb(),
            "Valkey CPU %": 100 * used.valkey / used.at,
        }
        if commands is None:
            return found
        made = await running.commands() - commands
        del made["info"]
        return {"Redis commands/s": made.total() / used.at} | found


async def scaled(workers: int, plan: Plan) -> Values:
    """Measure replies a second of `run` with `workers` beside it."""
    async with contest(
        RELAY, plan.many_sessions, api=plan.api, delay=plan.api_delay, workers=workers
    ) as running:
        rate, counted = await running.sustained(1, plan.warm_up, plan.counted)
        return {
            "replies/s": rate,
            **counted.percent(),
            **running.faults(),
        }


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return percentiles of sorted `values`."""
    return {
        "p50 ms": values[int(len(values) * 0.5)],
        "p99 ms": values[int(len(values) * 0.99)],
        "samples": len(values),
    }


@dataclass(frozen=True, slots=True)
class Measure:
    """A title for the page, and the function that measures each of its rows once."""

    title: str
    cases: Mapping[str, Case]


def measures(plan: Plan, others: Sequence[Contestant] = ()) -> Mapping[str, Measure]:
    """Return every measure under load, by its name on the command line.

    `others` are relays of other checkouts. They take part where the script does, in `idle` and in
    `restart`.
    """

    def of_each(title: str, run: Callable[[Contestant], Awaitable[Values]]) -> Measure:
        every = (RELAY, *others, SCRIPT, FLOOR)
        return Measure(title, {who.name: partial(run, who) for who in every})

    return {
        "throughput": of_each(
            f"Replies through one process: {plan.sessions} sessions, 0 ms API",
            lambda who: throughput(who, plan.sessions, 0.0, plan),
        ),
        "inflight": _in_flight(plan, others),
        "closed": of_each(
            f"A closed loop: {plan.in_flight} unanswered among {plan.sessions} sessions, "
            f"{plan.api_delay * 1000:.0f} ms API (ideal: {plan.ideal:,.0f}/s)",
            lambda who: closed(who, plan),
        ),
        "apis": _by_api(plan),
        "burst": of_each(
            f"All written at once: {plan.sessions} sessions, 0 ms API",
            lambda who: burst(who, plan),
        ),
        "latency": of_each(
            "From writing to arrival at Devin, at 20 replies/s", lambda who: latency(who, plan)
        ),
        "ack": of_each(
            "Slack's wait for an acknowledgement, at 200 replies/s",
            lambda who: acknowledgement(who, plan),
        ),
        "foreign": of_each(
            "Events that are not ours: top-level posts, and as many replies in unlinked threads, "
            f"{REPLIES_A_THREAD} in each",
            lambda who: foreign(who, plan),
        ),
        "idle": of_each("Idle", lambda who: idle(who, plan)),
        "scale": _scale_out(plan),
        "words": _words(plan),
        "reading": Measure(
            f"What a message of Devin's costs, from its read to its post: {plan.at_work[0]} "
            f"sessions say {plan.spoken_rate:g}/s",
            {"relay": partial(watched.heavy, plan.at_work[0], plan.spoken_rate, plan.spoken)},
        ),
        "silence": Measure(
            f"Watching {plan.links_watched:,} sessions that rest, a third each waiting, suspended "
            "and finished",
            {
                f"relay, {api}": partial(watched.silence, plan.links_watched, plan.silent, api)
                for api in (Generation.V3, Generation.V1)
            },
        ),
        "beside": _beside(plan),
        "restart": _restart(plan, others),
    }


def _words(plan: Plan) -> Measure:
    links, (many, few) = plan.links_watched, plan.at_work
    case = partial(watched.spoken, talk=plan.talk, api=plan.api)
    return Measure(
        f"From Devin's words to their post: sessions at work among {links:,} watched ones; each "
        f"says something every {plan.talk.pause[0]:g} to {plan.talk.pause[1]:g} s",
        {
            f"{many} at work": partial(case, many, links - many),
            f"{many} at work, `updated_at` stays": partial(case, many, links - many, moves=False),
            f"{few} at work": partial(case, few, links - few),
        },
    )


def _beside(plan: Plan) -> Measure:
    sessions = min(20, plan.sessions)
    case = partial(watched.beside, sessions=sessions, rate=20.0, seconds=plan.latency)
    return Measure(
        "From writing to arrival at Devin, and Slack's wait, at 20 replies/s beside links that are "
        "watched",
        {
            "no other link": partial(case, 0),
            f"{plan.links_beside:,} links": partial(case, plan.links_beside),
        },
    )


def _restart(plan: Plan, others: Sequence[Contestant]) -> Measure:
    return Measure(
        f"After a restart: from a reply until Devin has it, for those of the first "
        f"{plan.restart:g} s, one in each linked thread",
        {
            case + (f", {who.name}" if who in others else ""): partial(
                restart.restarted, who, links, plan.restart, at_work=at_work
            )
            for case, (links, at_work) in plan.restarts.items()
            for who in (RELAY, *others)
        },
    )


def _in_flight(plan: Plan, others: Sequence[Contestant]) -> Measure:
    case = partial(throughput, sessions=plan.in_flight, delay=plan.api_delay, plan=plan)
    return Measure(
        f"Replies through one process: {plan.in_flight} sessions, {plan.api_delay * 1000:.0f} ms "
        f"API (ideal: {plan.ideal:,.0f}/s)",
        {
            **{who.name: partial(case, who) for who in (RELAY, *others)},
            f"relay, {DEEP} waiting in each mailbox": partial(case, RELAY, depth=DEEP),
            "script": partial(case, SCRIPT),
            "floor": partial(case, FLOOR),
        },
    )


def _by_api(plan: Plan) -> Measure:
    each = {api: replace(plan, api=api) for api in (Generation.V3, Generation.V1)}
    return Measure(
        f"The relay by generation of Devin's API: {plan.sessions} sessions, 0 ms API",
        {
            f"relay, {api}": partial(throughput, RELAY, plan.sessions, 0.0, one)
            for api, one in each.items()
        },
    )


def _scale_out(plan: Plan) -> Measure:
    return Measure(
        f"Scale-out: {plan.many_sessions} sessions, {plan.api_delay * 1000:.0f} ms API",
        {
            "run": partial(scaled, 0, plan),
            "run + 1 worker": partial(scaled, 1, plan),
            "run + 2 workers": partial(scaled, 2, plan),
        },
    )
