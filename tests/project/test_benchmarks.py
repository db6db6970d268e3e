"""The harness of `make bench` counts correctly, whatever its numbers are."""

import subprocess
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest

from benchmarks.contest import contest
from benchmarks.devin import numbers_in
from benchmarks.measures import measures
from benchmarks.payloads import ORGANIZATION, message, new_ts
from benchmarks.plan import QUICK
from benchmarks.processes import FLOOR, RELAY, ROOT, SCRIPT, Contestant, commit_of, relay_of
from benchmarks.wire import DEVIN_KEYS, MESSAGE_PATHS, Wire, open_wire
from bot.model.generation import Generation
from tests.support.contracts import SENDING, answer_schema, problems
from tests.support.waiting import wait_until

BY_SLACK = {"Authorization": "Bearer xoxb-bench"}
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


async def test_a_steady_state_is_counted_while_it_lasts() -> None:
    """The rate covers the counted time, and messages written outside it arrive as well."""
    async with contest(FLOOR, 2) as running:
        rate, used = await running.sustained(1, 0.1, 2.0)
        assert 0 < rate * used.at < len(running.wire.arrivals) == len(running.sent)


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


async def test_a_contestant_that_does_not_start_says_why() -> None:
    """Its exit code and its last words appear at once."""
    broken = Contestant("broken", ("-c", "raise SystemExit('no such thing')"))
    with pytest.raises(RuntimeError, match=r"broken ended with exit code 1:\nno such thing"):
        async with contest(broken, 1):
            pass


async def test_the_wire_refuses_what_the_real_servers_refuse(
    wire: Wire, http: aiohttp.ClientSession
) -> None:
    """Keys, arguments and one-time addresses are checked, so nobody gains by omitting them."""
    wrong = {"Authorization": "Bearer xoxb-else"}
    assert (await http.get("/link?ticket=made-up")).status == 404
    assert await asked(http, "auth.test", wrong) == "invalid_auth"
    assert await asked(http, "apps.connections.open", BY_SLACK) == "invalid_auth"
    assert await asked(http, "reactions.add", BY_SLACK) == "invalid_arguments"
    assert await asked(http, "users.info", BY_SLACK, user="U0NOBODY") == "user_not_found"
    assert await asked(http, "chat.delete", BY_SLACK) == "unknown_method"
    assert not wire.arrivals


async def test_devin_refuses_what_the_generation_refuses(api: Generation) -> None:
    """A key of the other generation, a message without text, and every other address."""
    path, other = (MESSAGE_PATHS[one].format(session="devin-0") for one in _in_turn(api))
    key, foreign = ({"Authorization": f"Bearer {DEVIN_KEYS[one]}"} for one in _in_turn(api))
    said = {"message": "hi"}
    async with open_wire(api=api) as wire, aiohttp.ClientSession(wire.url) as http:
        answers = [
            await http.post(path, json=said, headers=foreign),
            await http.post(path, json={}, headers=key),
            await http.put(path, headers=key),
            await http.post(other, json=said, headers=key),
            await http.post(path, json=said, headers=key),
        ]
        assert [one.status for one in answers] == [401, 422, 405, 404, 200]
        assert [one.session for one in wire.arrivals] == ["devin-0"]


async def test_the_answers_are_those_of_the_contract(api: Generation) -> None:
    """In v3, a message is answered with its session."""
    schema = answer_schema(api.value, SENDING[api.value], "200")
    async with open_wire(api=api) as wire, aiohttp.ClientSession(wire.url) as http:
        answer = await http.post(
            MESSAGE_PATHS[api].format(session="devin-0"),
            json={"message": "hi"},
            headers={"Authorization": f"Bearer {DEVIN_KEYS[api]}"},
        )
        assert problems(await answer.json(), schema, api.value) == []


async def test_devin_lists_its_sessions_and_what_they_say(api: Generation) -> None:
    """By the generation's own addresses; only what is asked for is counted as a read."""
    async with open_wire(api=api) as wire, aiohttp.ClientSession(wire.url) as http:
        for session in ("devin-0", "devin-1"):
            wire.devin.say(session)
        below = "/v1" if api is Generation.V1 else f"/v3/organizations/{ORGANIZATION}"
        key = {"Authorization": f"Bearer {DEVIN_KEYS[api]}"}
        listed = await (await http.get(f"{below}/sessions", headers=key)).json()
        where = f"{below}/sessions/devin-1" + ("/messages" if api is Generation.V3 else "")
        said = await (await http.get(where, headers=key)).json()
        assert [one["session_id"] for one in next(iter(listed.values()))] != []
        (message,) = said["items"] if api is Generation.V3 else said["messages"]
        assert numbers_in(message["message"]) == ["0000001"]
        assert wire.devin.reads == {"states": 1, "messages": 1}


async def test_a_long_session_is_listed_page_by_page() -> None:
    """Only a page with a successor has a cursor, and it begins where that one ended."""
    async with open_wire() as wire, aiohttp.ClientSession(wire.url) as http:
        for _ in range(5):
            wire.devin.say("devin-0")
        where = f"/v3/organizations/{ORGANIZATION}/sessions/devin-0/messages?first=3"
        key = {"Authorization": f"Bearer {DEVIN_KEYS[Generation.V3]}"}
        first = await (await http.get(where, headers=key)).json()
        last = await (await http.get(f"{where}&after={first['end_cursor']}", headers=key)).json()
        assert [len(page["items"]) for page in (first, last)] == [3, 2]
        assert (first["has_next_page"], last["has_next_page"]) == (True, False)
        assert last["end_cursor"] is None


def _in_turn(api: Generation) -> Sequence[Generation]:
    """Return a generation, then the other one."""
    return sorted(Generation, key=lambda one: one is not api)


async def asked(
    http: aiohttp.ClientSession, method: str, headers: dict[str, str], **params: str
) -> str:
    async with http.post(f"/api/{method}", headers=headers, params=params) as answer:
        return str((await answer.json()).get("error"))


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


async def test_an_event_without_acknowledgement_is_sent_again(
    wire: Wire, http: aiohttp.ClientSession
) -> None:
    """Slack does so after 3 s; the acknowledgement counts from the first attempt."""
    async with http.post("/api/apps.connections.open", headers=BY_APP) as answer:
        url = (await answer.json())["url"]
    async with http.ws_connect(url) as socket:
        await socket.receive_json()
        await wire.send(message("hi"))
        first, second = await socket.receive_json(), await socket.receive_json()
        assert (first["retry_attempt"], second["retry_attempt"]) == (0, 1)
        assert first["payload"]["event"] == second["payload"]["event"]
        await socket.send_json({"envelope_id": second["envelope_id"]})
        await wait_until(lambda: not wire.unacknowledged, "the acknowledgement arrives")
    assert (wire.repeats, wire.ack_seconds[0] > 3) == (1, True)


def test_every_message_has_a_later_ts() -> None:
    """Otherwise ordered arrivals would count as out of order."""
    stamps = [new_ts() for _ in range(5_000)]
    assert stamps == sorted(set(stamps))


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


def test_a_checkout_with_changes_is_named_so(tmp_path: Path) -> None:
    """Its relay is not that of the commit."""
    git = ("git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org")
    (tmp_path / "file").write_text("as it was")
    for words in (["init", "-q"], ["add", "file"], ["commit", "-qm", "First"]):
        subprocess.run([*git, *words], check=True)
    commit = commit_of(tmp_path)
    assert not commit.endswith("+")
    (tmp_path / "file").write_text("as it is now")
    assert commit_of(tmp_path) == f"{commit}+"
