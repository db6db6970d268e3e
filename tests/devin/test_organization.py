"""Version 3's organization is configured, or asked for once; without one, nothing is sent."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from bot.devin.answers import NEW_KEY
from bot.devin.answers import REJECTED as KEY_REJECTED
from bot.devin.api import Devin, Unread
from bot.devin.opening import open_devin
from bot.model.errors import OperatorError
from bot.model.replies import Outcome, OutcomeKind, Refusal, Wait
from tests.support.raw_http import ID, V1, V3, answering, serving, stepping, whole

SENT = Outcome(kind=OutcomeKind.DELIVERED, status=200)
REJECTED = Outcome(kind=OutcomeKind.REFUSED, refusal=Refusal.KEY_REJECTED, status=401)
CALLER = {
    "principal_type": "service_user",
    "service_user_id": "su-1",
    "service_user_name": "Relay",
    "org_id": "org_ac-me",
}


def caller(**fields: Any) -> bytes:
    return whole("200 OK", json.dumps(CALLER | fields).encode())


@asynccontextmanager
async def opening(url: str, organization: str | None = None) -> AsyncIterator[Devin]:
    """Open and begin, as the relay's start does."""
    async with open_devin(url, SecretStr(V3.key), organization, 4) as devin:
        await devin.begin()
        yield devin


async def test_the_organization_is_asked_for_once() -> None:
    """Every later path has it."""
    async with serving(stepping([caller(), V3.ok, V3.ok])) as server, opening(server.url) as devin:
        for _ in range(2):
            assert await devin.post_message(ID, "hello") == SENT
    lines = [request.split(b"\r\n")[0] for request in server.requests]
    path = f"POST /v3/organizations/org_ac-me/sessions/{ID}/messages HTTP/1.1".encode()
    assert lines == [b"GET /v3/self HTTP/1.1", path, path]


@pytest.mark.parametrize("told", [caller(org_id=None), whole("503 No"), whole("200 OK", b"<")])
async def test_a_configured_organization_needs_no_answer(
    told: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """It is compared with the key's, if Devin tells that one."""
    async with serving(stepping([told, V3.ok])) as server, opening(server.url, "org-9") as devin:
        assert await devin.post_message(ID, "hello") == SENT
    assert server.requests[1].startswith(b"POST /v3/organizations/org-9/sessions/")
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


async def test_an_organization_of_another_key_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the setting, and the start goes on."""
    async with serving(answering(caller())) as server, opening(server.url, "org-9"):
        pass
    (line,) = [vars(one) for one in caplog.records if one.levelname == "ERROR"]
    assert line["reason"].startswith("DEVIN_ORG_ID is org-9, but DEVIN_API_KEY belongs to org_ac")


async def test_a_person_s_key_may_reach_other_organizations(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Only that of a service user has one."""
    person = caller(principal_type="pat_user")
    async with serving(stepping([person, V3.ok])) as server, opening(server.url, "org-9") as devin:
        assert await devin.post_message(ID, "hello") == SENT
    assert not caplog.records


async def test_version_1_has_no_organizations() -> None:
    """Its key is enough, also where one is configured."""
    key = SecretStr(V1.key)
    async with (
        serving(stepping([V1.ok])) as server,
        open_devin(server.url, key, "org-9", 4) as devin,
    ):
        await devin.post_message(ID, "hello")
    assert server.requests[0].startswith(b"POST /v1/sessions/")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (caller(org_id=None), ["DEVIN_ORG_ID is missing", "Service users", "org-"]),
        (caller(org_id=""), ["DEVIN_ORG_ID is missing"]),
        (caller(org_id=".."), ["DEVIN_ORG_ID is missing"]),
        (caller(org_id="../../v1"), ["DEVIN_ORG_ID is missing"]),
        (whole("200 OK", b'{"principal_type": "devin_brain"}'), ["DEVIN_ORG_ID is missing"]),
        (whole("403 No", b"{}"), ["HTTP 403", "DEVIN_ORG_ID"]),
        (whole("404 No", b"<html>"), ["HTTP 404", "DEVIN_API_URL"]),
        (whole("200 OK", b"<html>"), ["HTTP 200", "DEVIN_API_URL"]),
    ],
)
async def test_an_answer_without_an_organization_ends_the_start(
    answer: bytes, says: list[str]
) -> None:
    """The sentence says what to set, and where to find it."""
    async with serving(answering(answer)) as server:
        with pytest.raises(OperatorError) as raised:
            async with opening(server.url):
                pass
    assert all(part in str(raised.value) for part in says)


async def test_a_rejected_key_ends_no_start_and_is_the_outcome_of_each_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Threads are told, and the log has the remedy; once Devin takes the key, so are messages."""
    script = [whole("401 No"), whole("401 No"), caller(), V3.ok]
    async with serving(stepping(script)) as server, opening(server.url) as devin:
        (line,) = [vars(one) for one in caplog.records if one.levelname == "ERROR"]
        assert line["reason"].endswith(NEW_KEY)
        assert await devin.post_message(ID, "hello") == REJECTED
        assert await devin.post_message(ID, "hello") == SENT


@pytest.mark.parametrize("answer", ["401 No", "503 No"])
async def test_a_start_tells_that_version_1_rejects_the_key(
    answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One that is away is no error: the start goes on in either case."""
    async with (
        serving(answering(whole(answer))) as server,
        open_devin(server.url, SecretStr(V1.key), None, 4) as devin,
    ):
        await devin.begin()
    lines = [vars(one)["reason"] for one in caplog.records if one.levelname == "ERROR"]
    assert lines == [f"{KEY_REJECTED}. {NEW_KEY}"] * (answer == "401 No")


@pytest.mark.parametrize("answer", [whole("503 No"), whole("429 No")])
async def test_a_devin_that_is_away_at_the_start_is_asked_later(answer: bytes) -> None:
    """Until then, nothing was sent, and what waits goes out once Devin answers."""
    script = [answer, answer, answer, caller(), V3.ok]
    async with serving(stepping(script)) as server, opening(server.url) as devin:
        status = int(answer[9:12])
        assert await devin.post_message(ID, "hello") == Wait(f"HTTP {status}")
        assert await devin.recent(1) == Unread(status)
        assert await devin.post_message(ID, "hello") == SENT


async def test_a_limit_on_asking_for_the_organization_is_kept_by_what_needs_it() -> None:
    """A write waits that long, and a read tells it."""
    script = [whole("429 Slow", b"", "Retry-After: 7")] * 3
    async with serving(stepping(script)) as server, opening(server.url) as devin:
        assert await devin.post_message(ID, "hello") == Wait("HTTP 429", 7.0)
        found = await devin.survey([ID])
    assert isinstance(found, Unread)
    assert (found.reason, found.retry_after, found.is_passing) == ("HTTP 429", 7.0, True)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (caller(org_id=None), Wait("DEVIN_ORG_ID is not set")),
        (whole("403 No"), Wait("DEVIN_ORG_ID is not set")),
        (
            whole("401 No"),
            REJECTED,
        ),
    ],
)
async def test_a_devin_that_tells_no_organization_later_has_been_sent_nothing(
    answer: bytes, expected: Outcome | Wait, caplog: pytest.LogCaptureFixture
) -> None:
    """The reply waits, or its report names the key; the log has the remedy."""
    script = [whole("503 No"), answer]
    async with serving(stepping(script)) as server, opening(server.url) as devin:
        assert await devin.post_message(ID, "hello") == expected
    (line,) = [vars(one) for one in caplog.records if one.levelname == "ERROR"]
    assert "Service users" in line["reason"]
    assert not any(request.startswith(b"POST") for request in server.requests)
