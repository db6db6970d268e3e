"""What a session may be started with: the lists of repositories and playbooks."""

import json
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from bot.devin.api import Unread
from bot.devin.opening import open_devin
from bot.devin.v3.client import MOST_READ, ON_A_PAGE
from bot.model.options import Playbook
from sandbox import DevinSandbox
from sandbox.devin import catalog
from sandbox.devin.answers import Api
from tests.support.contracts import answer_schema, problems
from tests.support.raw_http import V1, V3, Wire, answering, serving, stepping, whole

each_api = pytest.mark.parametrize("api", ["v1", "v3"])

PLAYBOOKS = [
    Playbook("playbook-0123456789abcdef0123456789abcdef", "Deploy to staging", "!deploy"),
    Playbook("playbook-5eed5eed5eed5eed5eed5eed5eed5eed", "Fix a flaky test", "!flaky"),
    Playbook("playbook-c0ffeec0ffeec0ffeec0ffeec0ffee00", "Review a migration"),
]


async def lists_of(devin: DevinSandbox) -> tuple[object, object]:
    async with open_devin(devin.url, SecretStr(devin.api_key), None, 1) as client:
        return await client.repositories(), await client.playbooks()


async def repositories_from(*script: bytes) -> tuple[object, list[str]]:
    """Read repositories from a server that answers with `script`; return the requests, too."""
    async with (
        serving(stepping(list(script))) as server,
        open_devin(server.url, SecretStr(V3.key), "org-1", 1) as devin,
    ):
        found = await devin.repositories()
    return found, [one.split(b"\r\n")[0].decode() for one in server.requests]


def page_of(*paths: str, cursor: str | None = None) -> bytes:
    items = [{"repo_path": one} for one in paths]
    body = {"items": items, "end_cursor": cursor, "has_next_page": cursor is not None}
    return whole("200 OK", json.dumps(body).encode())


@each_api
async def test_playbooks_are_listed_with_their_macros(api: Api) -> None:
    """By both generations, each in its own form."""
    async with DevinSandbox(api=api) as devin:
        _, playbooks = await lists_of(devin)
    assert playbooks == PLAYBOOKS


async def test_repositories_are_listed_by_their_names() -> None:
    """Version 1 has no such list, so that Devin is not asked."""
    async with DevinSandbox() as devin:
        repositories, _ = await lists_of(devin)
    assert repositories == ["acme/api", "acme/infrastructure", "acme/mobile", "acme/web"]
    async with DevinSandbox(api="v1") as devin:
        repositories, _ = await lists_of(devin)
        assert devin.strays == []
    assert isinstance(repositories, Unread)
    assert repositories.is_forbidden


async def test_long_lists_are_read_page_by_page() -> None:
    """An organization may have more than a page has."""
    async with DevinSandbox() as devin:
        names = [f"acme/service-{number}" for number in range(2 * ON_A_PAGE + 1)]
        devin.catalog.repositories = names
        devin.catalog.playbooks = [
            catalog.Playbook(f"playbook-{number:032x}", f"Number {number}")
            for number in range(ON_A_PAGE + 1)
        ]
        repositories, playbooks = await lists_of(devin)
        assert devin.reads_by_kind["repositories"] == 3
    assert repositories == names
    assert isinstance(playbooks, list)
    assert len(playbooks) == ON_A_PAGE + 1


async def test_a_list_without_an_end_is_read_to_a_bound() -> None:
    """A cursor that leads back ends it, too."""
    pages = [page_of(f"acme/{number}", cursor=str(number)) for number in range(MOST_READ + 1)]
    found, requests = await repositories_from(*pages)
    assert found == [f"acme/{number}" for number in range(MOST_READ)]
    assert len(requests) == MOST_READ
    assert requests[1].endswith(
        "/v3beta1/organizations/org-1/repositories?first=200&load_indexing_status=false&after=0"
        " HTTP/1.1"
    )
    same = page_of("acme/api", cursor="same")
    found, requests = await repositories_from(same, same, same)
    assert (found, len(requests)) == (["acme/api"], 2)


@pytest.mark.parametrize("ends", ["failure", "bound"])
async def test_a_part_of_the_playbooks_is_not_taken_for_all_of_them(ends: str) -> None:
    """A macro may be that of a playbook on a later page."""
    count = MOST_READ if ends == "bound" else 1
    pages = [
        {"items": [{"playbook_id": f"playbook-{number}", "title": f"Number {number}"}]}
        | {"end_cursor": str(number), "has_next_page": True}
        for number in range(count)
    ]
    script = [whole("200 OK", json.dumps(one).encode()) for one in pages]
    async with (
        serving(stepping([*script, whole("503 Away")])) as server,
        open_devin(server.url, SecretStr(V3.key), "org-1", 1) as devin,
    ):
        found = await devin.playbooks()
    assert isinstance(found, Unread)
    assert found.is_passing == (ends == "failure")


async def test_what_was_read_before_a_failure_is_the_list() -> None:
    """People can choose among it; a first page that fails is a failure."""
    found, _ = await repositories_from(page_of("acme/api", cursor="1"), whole("502 Bad Gateway"))
    assert found == ["acme/api"]
    assert await repositories_from(whole("403 No")) == (Unread(403), [REQUEST])
    assert await repositories_from(whole("200 OK", b"[]")) == (Unread(200), [REQUEST])


REQUEST = (
    "GET /v3beta1/organizations/org-1/repositories?first=200&load_indexing_status=false HTTP/1.1"
)


async def test_names_that_are_none_are_left_out() -> None:
    """They'd end up in a prompt's words."""
    odd = ("acme", "", "acme/a b", 'acme/"x"', "acme/" + "x" * 200, "a,b/c", "acme/api\n")
    found, _ = await repositories_from(page_of(*odd, "acme/api", "acme/api", "group/sub/app"))
    assert found == ["acme/api", "group/sub/app"]


@pytest.mark.parametrize("wire", [V1, V3], ids=["v1", "v3"])
async def test_odd_playbooks_are_left_out_or_shown_without_what_is_odd(wire: Wire) -> None:
    """A title is people's text, and a macro counts only if a prompt may begin with it."""
    listed: list[Any] = [
        {"playbook_id": "playbook-1", "title": " Two\nlines ", "macro": "!a b"},
        {"playbook_id": "playbook-1", "title": "The same"},
        {"playbook_id": "playbook-2", "title": None, "macro": "deploy"},
        {"playbook_id": "../sessions", "title": "Elsewhere"},
        {"playbook_id": 7},
        "playbook-3",
    ]
    body = json.dumps(listed if wire is V1 else {"items": listed}).encode()
    async with (
        serving(answering(whole("200 OK", body))) as server,
        open_devin(server.url, SecretStr(wire.key), "org-1", 1) as devin,
    ):
        found = await devin.playbooks()
    assert found == [Playbook("playbook-1", "Two lines"), Playbook("playbook-2", "playbook-2")]


@each_api
@pytest.mark.parametrize("status", [403, 404, 429, 500])
async def test_a_list_that_may_not_be_read_is_a_value(api: Api, status: int) -> None:
    """Nothing raises."""
    async with DevinSandbox(api=api) as devin:
        devin.read_failures["playbooks"].append(status)
        _, playbooks = await lists_of(devin)
    assert isinstance(playbooks, Unread)
    assert playbooks.status == status


@pytest.mark.parametrize(
    ("permission", "which"), [("Read", "repositories"), ("ManageAccountPlaybooks", "playbooks")]
)
async def test_each_list_has_a_permission_of_its_own(permission: str, which: str) -> None:
    """The other one is read all the same."""
    async with DevinSandbox() as devin:
        devin.permissions.discard(permission)
        found = dict(zip(("repositories", "playbooks"), await lists_of(devin), strict=True))
    refused = found.pop(which)
    assert isinstance(refused, Unread)
    assert refused.status == 403
    assert not isinstance(found.popitem()[1], Unread)


@pytest.mark.parametrize(
    "path",
    ["/v3beta1/organizations/{org_id}/repositories", "/v3/organizations/{org_id}/playbooks"],
)
async def test_the_sandbox_s_lists_are_as_the_contract_describes(path: str) -> None:
    """Whole pages, and refusals."""
    async with DevinSandbox() as devin, aiohttp.ClientSession() as client:
        headers = {"Authorization": f"Bearer {devin.api_key}"}
        address = devin.url + path.format(org_id=devin.org_id)
        async with client.get(address, headers=headers) as answer:
            assert answer.status == 200
            found = await answer.json()
        assert found["items"]
        assert problems(found, answer_schema("v3", path, "200", "get"), "v3") == []
        async with client.get(address, headers=headers, params={"first": "0"}) as answer:
            assert answer.status == 422
            refusal = await answer.json()
        assert problems(refusal, answer_schema("v3", path, "422", "get"), "v3") == []
        async with client.get(f"{address}?filter_name=API&first=1", headers=headers) as answer:
            assert (await answer.json())["items"]
