"""The harness of `make bench` counts correctly, whatever its numbers are."""

from collections.abc import AsyncIterator
from itertools import pairwise

import aiohttp
import pytest

from benchmarks.contest import contest
from benchmarks.measures import measures
from benchmarks.payloads import message, new_ts
from benchmarks.plan import QUICK
from benchmarks.processes import FLOOR, RELAY, ROOT, SCRIPT, Contestant, commit_of, relay_of
from benchmarks.restart import restarted
from benchmarks.wire import Wire, open_wire
from bot.model.generation import Generation
from tests.support.waiting import wait_until

BY_APP = {"Authorization": "Bearer xapp-bench"}


@pytest.fixture(params=Generation)
def api(request: pytest.FixtureRequest) -> Generation:
    """Each generation of Devin's API in turn."""
    return Generation(request.param)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with open_wire() as opened:
        yield opened


@pytest.fixture
async def http(wire: Wire) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(wire.url) as session:
        yield session


@pytest.mark.parametrize("who", [RELAY, SCRIPT, FLOOR], ids=lambda who: who.name)
async def test_every_reply_is_counted_once_at_both_ends(who: Contestant, api: Generation) -> None:
    """Each has its arrival in its thread's session, its acknowledgement and its latency."""
    async with contest(who, 3, api=api) as running:
        await running.flood(30)
        assert len(running.latencies_ms()) == len(running.acks_ms()) == 30
        assert {one.session for one in running.wire.arrivals} == set(running.sessions)
        assert min(running.latencies_ms()) > 0


async def test_a_closed_loop_keeps_a_fixed_number_unanswered() -> None:
    """A reply is written once Devin has answered an earlier one, and goes to another session."""
    async with contest(FLOOR, 5, delay=0.05) as running:
        rate, used = await running.closed(2, 0.1, 1.0)
        arrived = running.wire.arrivals
        counted = round(rate * used.at)  # all of them, if a busy machine had none before
        assert 0 < counted <= len(arrived) == len(running.sent)
        while_answering = [one.at + running.wire.delay / 2 for one in arrived]
        written = sorted(running.sent.values())
        assert all(at > before for at, before in zip(written[2:], while_answering, strict=False))
        assert all(one.session != other.session for one, other in pairwise(arrived))


async def test_each_reply_after_a_restart_is_counted() -> None:
    """One is written in each linked thread, and the measure ends when Devin has all of them."""
    found = await restarted(RELAY, 3, 0.1)
    assert 0 < found["p50 s"] <= found["p90 s"] <= found["longest s"]


async def test_what_goes_wrong_is_counted() -> None:
    """A reply may overtake another of its session, come twice, or be lost; the last may raise."""
    async with contest(FLOOR, 2) as running:
        for session in (0, 1, 0):
            await running.reply(session)
            await running.until_arrived()
        assert not any(running.faults().values())
        running.wire.arrivals.reverse()
        assert running.faults()["out of order"] == 1
        running.wire.arrivals.append(running.wire.arrivals[0])
        assert running.faults()["twice"] == 1
        running.sent["reply never"] = 0.0
        with pytest.raises(RuntimeError, match="1 of 4 replies did not arrive"):
            await running.until_arrived(seconds=0)
        running.contestant = SCRIPT
        await running.until_arrived(seconds=0)
        assert running.faults()["lost"] == 1


async def test_an_acknowledgement_is_timed_from_the_sending(
    wire: Wire, http: aiohttp.ClientSession
) -> None:
    """Only an event that was sent is timed."""
    async with http.post("/api/apps.connections.open", headers=BY_APP) as answer:
        url = (await answer.json())["url"]
    async with http.ws_connect(url) as socket:
        assert (await socket.receive_json())["type"] == "hello"
        await wire.send(message("hi", new_ts()))
        envelope = await socket.receive_json()
        assert wire.unacknowledged == 1
        await socket.send_json({"envelope_id": "made-up"})
        await socket.send_json({"envelope_id": envelope["envelope_id"]})
        await wait_until(lambda: not wire.unacknowledged, "the acknowledgement arrives")
    assert len(wire.ack_seconds) == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "case", "column"),
    [
        ("throughput", "relay", "Redis commands a reply"),
        ("inflight", "floor", "CPU ms a reply"),
        ("closed", "script", "starved %"),
        ("apis", "relay, v1", "CPU ms a reply"),
        ("burst", "floor", "replies/s"),
        ("latency", "floor", "p99 ms"),
        ("ack", "floor", "p50 ms"),
        ("foreign", "floor", "events/s"),
        ("idle", "relay", "Redis commands/s"),
        ("idle", "script", "RSS MB"),
        ("scale", "run + 1 worker", "own CPU %"),
        ("reading", "relay", "CPU ms a message"),
        ("silence", "relay, v1", "reads a minute"),
        ("beside", "20 links", "ack p99 ms"),
    ],
)
async def test_every_measure_gives_its_numbers(name: str, case: str, column: str) -> None:
    """Contestants share their functions, so one of them is enough."""
    assert (await measures(QUICK)[name].cases[case]())[column] >= 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", ["2 at work", "2 at work, `updated_at` stays"])
async def test_what_devin_says_is_followed_to_its_post(case: str) -> None:
    """Each message is counted once, in its order, with the time that it took."""
    found = await measures(QUICK)["words"].cases[case]()
    assert found["said"] > 0
    assert found["lost"] == found["twice"] == found["out of order"] == 0
    assert 0 < found["p50 s"] <= found["p95 s"] <= found["longest s"]


async def test_the_relay_of_another_checkout_takes_part() -> None:
    """It is named by its commit, and measured beside this one's."""
    other = relay_of(ROOT)
    loads = measures(QUICK, [other])
    assert [*loads["foreign"].cases] == ["relay", other.name, "script", "floor"]
    assert other.name in loads["inflight"].cases
    assert other.name == f"relay {commit_of(ROOT)}"
    assert (await loads["foreign"].cases[other.name]())["events/s"] > 0
