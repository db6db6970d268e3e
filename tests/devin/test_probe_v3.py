"""`doctor` proves the key, the organization and the permission to read, and sends nothing."""

import json

import pytest
from pydantic import SecretStr

from bot.devin.answers import CHECK_URL, KEY, NEW_KEY, REJECTED
from bot.devin.opening import open_devin
from tests.devin.test_organization import caller
from tests.support.raw_http import V3, serving, stepping, whole

LIST = whole("200 OK", json.dumps({"items": []}).encode())


async def found(
    *script: bytes, organization: str | None = "org-1"
) -> list[tuple[str, bool, str, str]]:
    """Probe a server that answers with `script`."""
    async with (
        serving(stepping(list(script))) as server,
        open_devin(server.url, SecretStr(V3.key), organization, 1) as devin,
    ):
        findings = await devin.probe()
    assert all(request.startswith(b"GET ") for request in server.requests)
    return [(one.what, one.is_good, one.says, one.fix) for one in findings]


async def test_an_organization_that_is_not_the_key_s_is_named() -> None:
    """Unless its sessions can be read all the same."""
    (_, organization) = await found(caller(org_id="org-2"), whole("403 No"))
    assert not organization[1]
    assert "belongs to org-2" in organization[2]
    assert [one[1] for one in await found(caller(org_id="org-2"), LIST)] == [True, True, True]


@pytest.mark.parametrize(
    ("status", "says", "fix"),
    [
        (401, REJECTED, NEW_KEY),
        (404, "no usable answer from Devin (HTTP 404)", CHECK_URL),
        (502, "no usable answer from Devin (HTTP 502)", "Try again later."),
    ],
)
async def test_a_key_that_devin_does_not_know_is_told(status: int, says: str, fix: str) -> None:
    """Nothing else is tested, then."""
    assert await found(whole(f"{status} No")) == [(KEY, False, says, fix)]


@pytest.mark.parametrize(
    ("status", "fix"),
    [
        (403, "ViewOrgSessions and ManageOrgSessions"),
        (404, "Correct DEVIN_ORG_ID"),
        (500, "Try again later."),
        (200, CHECK_URL),
    ],
)
async def test_sessions_that_cannot_be_read_say_what_to_do(status: int, fix: str) -> None:
    """The permission, or the organization, or the address."""
    key, organization, sessions = await found(whole("403 No"), whole(f"{status} No"))
    assert key[1]
    assert organization[1]
    assert sessions[:3] == ("Devin sessions", False, f"can't be read (HTTP {status})")
    assert fix in sessions[3]
