"""The states of many sessions, and what else a record tells, by as few calls as possible."""

import json
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY

from bot.devin.answers import READ_LIMIT, unread
from bot.devin.api import Survey, Unread
from bot.devin.v1.client import SINGLE
from bot.devin.v3.sessions import summary
from bot.model.sessions import PullRequest, SessionId, SessionState, Trouble
from tests.support.raw_http import (
    ID,
    RECORD,
    V1,
    V3,
    RawServer,
    Talk,
    Wire,
    answering,
    serving,
    stepping,
    whole,
)
from tests.support.tables import each


def ids(most: int) -> list[SessionId]:
    return [SessionId(f"devin-{number:032x}") for number in range(1, most + 1)]


def listed(*sessions: SessionId, **fields: Any) -> bytes:
    """A list of sessions in the words of both generations."""
    records = [RECORD | {"session_id": one} | fields for one in sessions]
    return whole("200 OK", json.dumps({"sessions": records, "items": records}).encode())


def too_long(*sessions: SessionId) -> bytes:
    """The same with more than is read, because of what the sessions put out."""
    return listed(*sessions, structured_output={"notes": "x" * (READ_LIMIT // len(sessions))})


def one(session: SessionId, **fields: Any) -> bytes:
    return whole("200 OK", json.dumps(RECORD | {"session_id": session} | fields).encode())


GIANT = "x" * READ_LIMIT


async def survey(
    wire: Wire, sessions: list[SessionId], *answers: bytes
) -> tuple[Survey | Unread, list[str]]:
    """Survey a server that gives `answers`; return its requests' targets, too, sorted."""
    async with serving(stepping(list(answers))) as server, wire.client(server.url) as devin:
        found = await devin.survey(sessions)
    return found, sorted(one.decode().split()[1] for one in server.requests)


async def test_many_sessions_are_found_by_one_call(wire: Wire) -> None:
    """One that was not asked for is left out, and so is one that is listed twice."""
    wanted = ids(SINGLE + 1)
    found, asked = await survey(wire, [*wanted, wanted[0]], listed(ID, *wanted, wanted[0]))
    assert isinstance(found, Survey)
    assert set(found.found) == set(wanted)
    assert all(one.session == session for session, one in found.found.items())
    assert (found.reads, len(asked)) == (1, 1)


async def test_version_3_is_asked_for_a_hundred_sessions_a_call() -> None:
    """By their ids; one that Devin does not know is absent."""
    wanted = ids(101)
    answer = listed(*wanted[:99], wanted[100])
    found, asked = await survey(V3, wanted, answer, answer)
    assert isinstance(found, Survey)
    assert set(found.found) == {*wanted} - {wanted[99]}
    assert found.reads == 2
    queries = [target.partition("?")[2].split("&") for target in asked]
    asked_for = sorted(one for query in queries for one in query if one.startswith("session_ids="))
    assert asked_for == sorted(f"session_ids={one}" for one in wanted)
    assert sorted(query[-1] for query in queries) == ["first=1", "first=100"]


async def test_version_1_reads_singly_what_its_list_lacks() -> None:
    """The first ones of those asked for, and no more than a handful."""
    wanted = ids(SINGLE + 3)
    singles = wanted[1 : SINGLE + 1]
    answers = [one(ID)] * SINGLE
    found, asked = await survey(V1, wanted, listed(wanted[0]), *answers)
    assert isinstance(found, Survey)
    assert set(found.found) == {wanted[0], *singles}
    assert found.reads == 1 + SINGLE
    assert asked == ["/v1/sessions/" + single for single in singles] + ["/v1/sessions?limit=1000"]


async def test_version_1_lists_less_for_a_few_and_nothing_for_one() -> None:
    """The default length is enough for a few recent sessions; one that is gone stays absent."""
    few = ids(2)
    found, asked = await survey(V1, few, listed(few[1]), whole("404 No"))
    assert isinstance(found, Survey)
    assert (set(found.found), found.reads) == ({few[1]}, 2)
    assert asked == [f"/v1/sessions/{few[0]}", "/v1/sessions?limit=100"]
    found, asked = await survey(V1, few[:1], one(few[0]))
    assert isinstance(found, Survey)
    assert (set(found.found), found.reads) == ({few[0]}, 1)
    assert asked == [f"/v1/sessions/{few[0]}"]


@pytest.mark.parametrize("status", ["200 OK", "401 No", "403 No", "429 Slow", "503 No"])
async def test_a_state_that_version_1_does_not_tell_fails_the_survey(status: str) -> None:
    """With no other session it is all that was asked; among others, it is left out."""
    refused = whole(status, b"[]")
    assert await survey(V1, [ID], refused) == (Unread(int(status[:3])), [f"/v1/sessions/{ID}"])
    few = ids(2)
    found, _ = await survey(V1, few, listed(few[1]), refused)
    assert isinstance(found, Survey)
    assert (set(found.found), found.reads) == ({few[1]}, 2)
    assert found.left_out == {few[0]: Unread(int(status[:3]))}


async def test_a_limit_of_one_read_of_version_1_is_one_for_all() -> None:
    """Devin says how long to wait."""
    few, slow = ids(2), whole("429 Slow", b"", "Retry-After: 600")
    found, _ = await survey(V1, few, listed(few[1]), slow)
    assert isinstance(found, Unread)
    assert (found.status, found.retry_after, found.reads) == (429, 600.0, 2)


async def test_records_that_are_too_long_together_are_read_in_smaller_lists() -> None:
    """Each of them is short enough; version 1 reads them singly anyway."""
    long, *_ = wanted = ids(4)
    talk = listing({}, structured_output="x" * (READ_LIMIT // 5))
    async with serving(talk) as server, V3.client(server.url) as devin:
        surveys = [await devin.survey(one) for one in (wanted, wanted, [long])]
    shown = [(one.reads, len(one.found)) for one in surveys if isinstance(one, Survey)]
    assert shown == [(3, 4), (3, 4), (1, 1)]


async def test_a_record_that_is_too_long_leaves_out_one_session() -> None:
    """Nothing is known of it."""
    found, _ = await survey(V1, [ID], one(ID, structured_output=GIANT))
    assert found == Survey({}, 1, {ID: Unread(200, is_too_long=True)})


async def test_a_long_list_that_version_1_refuses_is_asked_for_shorter() -> None:
    """No document says how long it may be."""
    wanted = ids(SINGLE + 1)
    found, asked = await survey(V1, wanted, whole("422 No", b"{}"), listed(*wanted))
    assert isinstance(found, Survey)
    assert (set(found.found), found.reads) == (set(wanted), 2)
    assert asked == ["/v1/sessions?limit=100", "/v1/sessions?limit=1000"]


async def test_a_list_that_is_too_long_is_read_in_parts(wire: Wire) -> None:
    """The structured output of one session hides no other one."""
    wanted = ids(SINGLE + 1)
    shorter = [listed(*wanted)] * {"v1": 1, "v3": 2}[wire.name]
    found, _ = await survey(wire, wanted, too_long(*wanted), *shorter)
    assert isinstance(found, Survey)
    assert (set(found.found), found.reads) == (set(wanted), 1 + len(shorter))


def listing(refused: Mapping[SessionId, bytes], **fields: Any) -> Callable[[RawServer], Talk]:
    """List what is asked for, or answer for one that is in `refused`."""

    def talk(server: RawServer) -> Talk:
        async def on_connection(reader: StreamReader, writer: StreamWriter) -> None:
            while True:
                target = (await server.read(reader)).split()[1].decode()
                asked = [SessionId(one) for one in re.findall(r"session_ids=([\w-]+)", target)]
                answers = [refused[one] for one in asked if one in refused]
                writer.write(answers[0] if answers else listed(*asked, **fields))

        return on_connection

    return talk


GONE = whole("404 No", b"{}")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (listed(ID, structured_output=GIANT), Unread(200, is_too_long=True)),
        (GONE, Unread(404)),
    ],
    ids=["too long", "unknown"],
)
async def test_a_session_that_spoils_lists_is_left_out_alone(answer: bytes, why: Unread) -> None:
    """Version 3 is asked for halves until all others are found, and not each time."""
    spoiler, *others = wanted = ids(4)
    async with serving(listing({spoiler: answer})) as server, V3.client(server.url) as devin:
        surveys = [await devin.survey(one) for one in (wanted, wanted, [spoiler])]
    assert all(isinstance(one, Survey) for one in surveys)
    found = [one for one in surveys if isinstance(one, Survey)]
    assert [set(one.found) for one in found] == [set(others), set(others), set()]
    assert [one.reads for one in found] == [5, 1, 0]
    assert [one.left_out for one in found] == [{spoiler: why}] * 3


async def test_what_a_survey_has_no_calls_left_for_is_asked_for_by_the_next_ones() -> None:
    """Only sessions that have spoiled a list of their own are left out without a call."""
    wanted = ids(100)
    spoilers = wanted[:24:2]
    talk = listing(dict.fromkeys(spoilers, GONE))
    async with serving(talk) as server, V3.client(server.url) as devin:
        surveys = [await devin.survey(wanted) for _ in range(4)]
    found = [set(one.found) for one in surveys if isinstance(one, Survey)]
    assert found[0] < found[-1] == set(wanted) - set(spoilers)


async def test_lists_of_which_no_part_can_be_read_say_so(wire: Wire) -> None:
    """The reason isn't that Devin answered with a 200."""
    talk = answering(listed(ID, structured_output=GIANT), closes=False)
    async with serving(talk) as server, wire.client(server.url) as devin:
        found: list[object] = [await devin.recent(1)]
        if wire is V1:
            found.append(await devin.survey(ids(SINGLE + 1)))
        else:
            found.append(await devin.matching([], [], [], datetime.now(UTC)))
    assert [one.reason for one in found if isinstance(one, Unread)] == ["answer too long"] * 2


@pytest.mark.parametrize("status", ["200 OK", "401 No", "429 Slow", "500 No"])
async def test_a_list_that_cannot_be_read_fails_the_survey(wire: Wire, status: str) -> None:
    """Otherwise all its sessions would look as if they were gone."""
    found, asked = await survey(wire, ids(7), whole(status, b"[]"))
    assert found == Unread(int(status[:3]))
    assert len(asked) == 1


@pytest.mark.parametrize(("wanted", "reads"), [(1, 1), (7, 13), (101, 32)])
async def test_an_unknown_organization_fails_the_survey(wanted: int, reads: int) -> None:
    """It has the status that an unknown session may have, so each is asked for, up to a limit."""
    async with serving(answering(GONE, closes=False)) as server, V3.client(server.url) as devin:
        found = await devin.survey(ids(wanted))
    assert found == Unread(404)
    assert found.reads == len(server.requests) == reads


async def test_one_page_that_fails_fails_all_of_version_3() -> None:
    """The others say nothing of its sessions."""
    wanted = ids(101)
    found, _ = await survey(V3, wanted, listed(*wanted), whole("503 No"))
    assert found == Unread(503)


@each(
    ("status", "value", "seconds"),
    [
        (429, "7", 7.0),
        (503, "1.5", 1.5),
        (429, "soon", None),
        (429, "86400", 600),
        (429, "9" * 400, 600),
        (429, "Fri, 31 Dec 9999 23:59:59 GMT", 600),
        (500, "7", None),
    ],
)
def test_a_read_that_is_limited_tells_for_how_long(
    status: int, value: str, seconds: float | None
) -> None:
    """In seconds, if Devin says so, up to ten minutes; two failures are equal all the same."""
    found = unread(status, {"retry-after": value, "date": "Thu, 03 Dec 2026 07:00:00 GMT"})
    assert found.retry_after == seconds
    assert found == Unread(status)


async def test_reads_are_counted_by_what_they_ask_for(wire: Wire) -> None:
    """Each call once, whether it is answered or not."""

    def counted(kind: str) -> float:
        return REGISTRY.get_sample_value("relay_devin_reads_total", {"kind": kind}) or 0.0

    async with serving(answering(whole("500 No"), closes=False)) as server:
        url = server.url
        async with wire.client(url) as devin:
            kinds = ("list", "messages", "states")
            before = [counted(kind) for kind in kinds]
            await devin.recent(1)
            await devin.messages(ID)
            await devin.survey(ids(2))
            assert [counted(kind) for kind in kinds] == [number + 1 for number in before]
    async with wire.client(url) as devin:
        await devin.recent(1)
    assert counted("list") == before[0] + 2


@each(
    ("fields", "trouble"),
    [
        ({"status": "error"}, Trouble.ERROR),
        ({"status": "suspended", "status_detail": "error"}, Trouble.ERROR),
        ({"status": "suspended", "status_detail": "out_of_credits"}, Trouble.LIMIT),
        ({"status": "suspended", "status_detail": "out_of_quota"}, Trouble.LIMIT),
        ({"status": "suspended", "status_detail": "no_quota_allocation"}, Trouble.LIMIT),
        ({"status": "suspended", "status_detail": "payment_declined"}, Trouble.LIMIT),
        ({"status": "suspended", "status_detail": "usage_limit_exceeded"}, Trouble.LIMIT),
        ({"status": "suspended", "status_detail": "user_usage_limit_exceeded"}, Trouble.LIMIT),
        ({"status": "suspended", "status_detail": "total_session_limit_exceeded"}, Trouble.LIMIT),
        ({"status": "suspended", "status_detail": "inactivity"}, None),
        ({"status": "suspended", "status_detail": "user_request"}, None),
        ({"status": "suspended", "status_detail": None}, None),
        ({"status": "running", "status_detail": "out_of_credits"}, None),
        ({"status": "exit", "status_detail": "error"}, None),
    ],
)
def test_trouble_is_what_nobody_chose(fields: dict[str, Any], trouble: Trouble | None) -> None:
    """A session that sleeps, or that a person stopped, is in none."""
    found = summary(RECORD | fields)
    assert found is not None
    assert found.trouble is trouble


PULL = "https://github.com/acme/app/pull/"


@each(
    ("opened", "expected"),
    [
        ([{"pr_url": f"{PULL}7", "pr_state": "OPEN"}], [(f"{PULL}7", "open")]),
        ([{"pr_url": f"{PULL}7", "pr_state": None}], [(f"{PULL}7", "")]),
        ([{"pr_url": f"{PULL}7", "pr_state": "<!channel>"}], [(f"{PULL}7", "")]),
        ([{"pr_url": f"{PULL}7", "pr_state": "x" * 41}], [(f"{PULL}7", "")]),
        (
            [{"pr_url": f"{PULL}{n}", "pr_state": state} for n, state in [(7, "open"), (8, "x")]]
            + [{"pr_url": f"{PULL}7", "pr_state": "merged"}],
            [(f"{PULL}7", "merged"), (f"{PULL}8", "x")],
        ),
        ([{"pr_url": f"{PULL}{n}"} for n in range(70)], [(f"{PULL}{n}", "") for n in range(70)]),
        ([{"pr_url": "https://a/" + "x" * 1_990}], [("https://a/" + "x" * 1_990, "")]),
        ([{"pr_url": "https://a/" + "x" * 1_991}, {"pr_url": "ftp://a"}, {"pr_url": "a b"}], []),
        ([None, {"pr_url": 7}, {}], []),
        (None, []),
        ("https://a", []),
    ],
)
def test_pull_requests_are_read_in_devin_s_order(
    opened: object, expected: list[tuple[str, str]]
) -> None:
    """Each address once, with its last state; none that is no address, and not without end."""
    found = summary(RECORD | {"pull_requests": opened})
    assert found is not None
    assert found.pull_requests == tuple(PullRequest(*one) for one in expected)


@each(
    ("spent", "expected"),
    [
        (0, 0.0),
        (1.25, 1.25),
        (None, None),
        (True, None),
        ("1", None),
        (-1, None),
        (10**400, None),
        (1.7e308, None),
    ],
)
def test_what_a_session_has_cost_is_a_number_or_unknown(
    spent: object, expected: float | None
) -> None:
    """In ACUs; nobody is shown what cannot be right."""
    found = summary(RECORD | {"acus_consumed": spent})
    assert found is not None
    assert (found.acus, found.state) == (expected, SessionState.WORKING)


async def test_a_list_that_is_not_filtered_is_replaced_by_single_reads(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A session that nobody asked for proves it; its states are told all the same."""
    wanted = ids(3)
    found, _ = await survey(V3, wanted, listed(ID, wanted[0]), one(wanted[1]), one(wanted[2]))
    assert isinstance(found, Survey)
    assert (set(found.found), found.reads) == (set(wanted), 3)
    assert "sessions that nobody asked for" in {vars(one).get("reason") for one in caplog.records}


async def test_a_list_without_a_usable_id_is_no_empty_one(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    """Else nothing would be told for ever, and nobody would know."""
    found, _ = await survey(wire, ids(2), listed(SessionId("ses_1"), SessionId("ses_2")))
    assert isinstance(found, Unread)
    assert "sessions without ids" in {vars(one).get("reason") for one in caplog.records}


@pytest.mark.parametrize("shown", [{"tags": ["other"]}, {"origin": "slack"}, {"created_at": 1}])
async def test_sessions_are_not_adopted_from_a_list_that_is_not_filtered(
    shown: dict[str, Any],
) -> None:
    """They would be shown in a channel that they are not for."""
    fits = {"tags": ["bug"], "origin": "api", "created_at": 1_764_000_000}
    since = datetime.fromtimestamp(1_763_999_000, UTC)
    for fields, is_usable in ((fits, True), (fits | shown, False)):
        answer = listed(ID, **fields)
        async with serving(answering(answer)) as server, V3.client(server.url) as devin:
            found = await devin.matching(["bug"], [], ["api"], since)
        assert isinstance(found, Unread) is not is_usable
